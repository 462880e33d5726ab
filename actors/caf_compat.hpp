#pragma once

#include "domain/ids.hpp"

// Before result.hpp, whose templates call it.
#include <caf/make_message.hpp>

#include <caf/result.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include <memory>
#include <string>
#include <vector>

/// Where CAF 0.17 and 1.x differ, so that the actors read alike under both.
namespace carillon::actors {

namespace detail {

/// An interface in the notation of CAF 1.x, as 0.17 wants it.
template <class Signature>
struct as_017;
template <class R, class... Args>
struct as_017<caf::result<R>(Args...)> {
  using type = typename caf::replies_to<Args...>::template with<R>;
};
template <class... Args>
struct as_017<caf::result<void>(Args...)> {
  using type = caf::reacts_to<Args...>;
};

} // namespace detail

template <class... Signatures>
using typed = caf::typed_actor<typename detail::as_017<Signatures>::type...>;

} // namespace carillon::actors

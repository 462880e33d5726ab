#pragma once

#include <memory>
#include <utility>

namespace carillon::account {

/// A value that most of its holders have only as it is by default: that costs a pointer.
template <class T>
class boxed {
public:
  boxed() = default;
  boxed(T value) : held_{std::make_unique<T>(std::move(value))} {}
  boxed(const boxed& other) : held_{other.held_ ? std::make_unique<T>(*other.held_) : nullptr} {}
  boxed(boxed&&) noexcept = default;
  boxed& operator=(boxed other) noexcept {
    held_ = std::move(other.held_);
    return *this;
  }
  ~boxed() = default;

  const T& operator*() const {
    static const T by_default{};
    return held_ ? *held_ : by_default;
  }
  const T* operator->() const { return &**this; }

  /// The value, to be changed.
  T& make() {
    if (!held_)
      held_ = std::make_unique<T>();
    return *held_;
  }

private:
  std::unique_ptr<T> held_;
};

} // namespace carillon::account

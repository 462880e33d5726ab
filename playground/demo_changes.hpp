#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::playground {

/// Makes up what happens in a CRM: each call gives an event as the SaaS posts it, as JSON. Which follows from
/// the seed alone; records have numbers from `first_record` on.
class demo_changes {
public:
  demo_changes(std::uint32_t seed, std::uint64_t first_record);

  std::string new_person();
  std::string new_lead();
  std::string deleted_lead();
  std::string new_task();
  std::string moved_deal(); ///< an opportunity goes to its next stage
  std::string renamed_company();
  std::string changed_phone(); ///< of one person; no two are alike
  std::string changed_task();
  std::string new_deal(std::size_t amount);  ///< an open opportunity
  std::string lost_deal(std::size_t amount); ///< an opportunity's record with what became of it
  std::string new_owner();                   ///< of a company, with the owner's record

  /// So many people get a new owner by one bulk edit.
  std::string bulk_edit(std::size_t people);

  /// So many people get the newsletter from now on.
  std::string newsletter(std::size_t people);

  /// An array of changes of single people, each of its own content, so that none share a notification.
  std::string burst(std::size_t count);

  /// Any of the single ones; a lead now and then, which the demo's endpoints for leads fail on.
  std::string any();

private:
  std::uint64_t next_record() { return next_++; }
  std::uint64_t known_record();
  std::string bulk(std::size_t people, const std::string& changes);
  std::string deal(std::string_view action, int status, std::size_t amount);
  const std::string& pick(const std::vector<std::string>& from);
  std::string phone();

  std::mt19937 random_;
  std::uint64_t first_;
  std::uint64_t next_;
};

} // namespace carillon::playground

// SPDX-License-Identifier: Apache-2.0
//
// SessionCounts: which sessions may have events that are on the disk only, in an amount of memory
// that does not grow with them. The spool asks it, so that the events of a session stay in order.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SESSION_COUNTS_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SESSION_COUNTS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// Counts of events by the hash of their session: a session that shares its hash with another is
/// taken for one that has events, never the other way round.
class SessionCounts {
 public:
  /// `bytes` is what the counts may take, once there is an event; at least 4 KiB are taken.
  explicit SessionCounts(std::size_t bytes)
      : size_(std::max<std::size_t>(bytes / sizeof(std::uint32_t), 1024)) {}

  void add(std::string_view session_id) {
    if (counts_.empty()) counts_.resize(size_);
    ++counts_[place_of(session_id)];
    ++sum_;
  }
  void remove(std::string_view session_id) {
    if (!contains(session_id)) return;
    --counts_[place_of(session_id)];
    --sum_;
  }
  void clear() {
    if (sum_ == 0) return;
    counts_.clear();
    sum_ = 0;
  }

  /// Whether an event of the session may be counted.
  [[nodiscard]] bool contains(std::string_view session_id) const {
    return sum_ > 0 && counts_[place_of(session_id)] > 0;
  }

 private:
  [[nodiscard]] std::size_t place_of(std::string_view session_id) const {
    return std::hash<std::string_view>{}(session_id) % size_;
  }

  std::size_t size_;
  std::uint64_t sum_{0};
  std::vector<std::uint32_t> counts_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif

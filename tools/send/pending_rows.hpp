// SPDX-License-Identifier: Apache-2.0
//
// PendingRows: which row of the file each event is that a recorder has and has not ended. A
// recorder tells an event's end by its session and id; sender.hpp tells the row's.
#ifndef TOOLS_SEND_PENDING_ROWS_HPP
#define TOOLS_SEND_PENDING_ROWS_HPP

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "rows.hpp"

namespace tools::send {

/// Every member may be called from any thread.
class PendingRows {
  using Rows = std::multimap<std::pair<std::string, std::string>, Origin>;

 public:
  using Place = Rows::iterator;

  /// Adds the row of an event. Rows with the same id in one session complete in their order.
  Place add(const std::string& session_id, const std::string& event_id, Origin&& row) {
    const std::lock_guard<std::mutex> lock(mutex_);
    bytes_ += memory_of(session_id, event_id, row);
    return rows_.emplace(std::make_pair(session_id, event_id), std::move(row));
  }

  /// Takes back a row whose event was not recorded.
  [[nodiscard]] Origin remove(Place place) {
    const std::lock_guard<std::mutex> lock(mutex_);
    bytes_ -= memory_of(place->first.first, place->first.second, place->second);
    Origin row = std::move(place->second);
    rows_.erase(place);
    return row;
  }

  /// The rows of events that have ended.
  [[nodiscard]] std::vector<Origin> take(const std::string& session_id,
                                         const std::vector<std::string>& event_ids) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Origin> ended;
    for (const std::string& event_id : event_ids) {
      const std::pair<std::string, std::string> key{session_id, event_id};
      const Place first = rows_.lower_bound(key);  // among equals the one that was added first
      if (first == rows_.end() || first->first != key) continue;
      bytes_ -= memory_of(session_id, event_id, first->second);
      ended.push_back(std::move(first->second));
      rows_.erase(first);
    }
    return ended;
  }

  /// About the memory that the rows take.
  [[nodiscard]] std::size_t bytes() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return bytes_;
  }

 private:
  /// Texts, and what the allocator adds to four blocks.
  [[nodiscard]] static std::size_t memory_of(const std::string& session_id,
                                             const std::string& event_id, const Origin& row) {
    constexpr std::size_t links = 4 * sizeof(void*);
    return links + sizeof(Rows::value_type) + 4 * 16 + session_id.size() + event_id.size() +
           row.text.size();
  }

  mutable std::mutex mutex_{};
  std::size_t bytes_{0};
  Rows rows_{};
};

}  // namespace tools::send

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Ids for files that have none: an event's from the content of its row, a session's from a user's
// pauses. Both are the same whenever the same file is sent, so that sending it twice trains once.
#ifndef SEND_EVENTS_IDENTITY_HPP
#define SEND_EVENTS_IDENTITY_HPP

#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace send_events {

namespace pe = personalize_events;

/// A UUID of version 8 (RFC 9562: of the application's own making) from the SHA-256 of texts, each
/// with its length before it, so that no two lists of texts run into one.
class NameUuid {
 public:
  [[nodiscard]] pe::Result<std::string> of(const std::vector<std::string>& texts) {
    content_.clear();
    for (const std::string& text : texts) {
      content_.append(std::to_string(text.size())).append(":").append(text);
    }
    auto digest = sha256_.digest(content_);
    if (!digest) return std::move(digest).error();
    (*digest)[6] = static_cast<unsigned char>(((*digest)[6] & 0x0fU) | 0x80U);
    (*digest)[8] = static_cast<unsigned char>(((*digest)[8] & 0x3fU) | 0x80U);
    std::string uuid = pe::crypto::to_hex(*digest).substr(0, 32);
    for (const std::size_t place : {8U, 13U, 18U, 23U}) uuid.insert(place, "-");
    return uuid;
  }

 private:
  pe::crypto::Sha256 sha256_{};
  std::string content_{};
};

/// Event ids from rows. Of identical rows each has its own: the first, the second, and so on.
class RowIds {
 public:
  [[nodiscard]] pe::Result<std::string> next(std::vector<std::string> cells) {
    std::size_t hash = cells.size();
    for (const std::string& cell : cells) hash = hash * 1099511628211U + hasher_(cell);
    // Rows that only share a hash are counted together. Their ids differ all the same.
    cells.push_back(std::to_string(++occurrences_[hash]));
    return uuid_.of(cells);
  }

 private:
  NameUuid uuid_{};
  std::hash<std::string> hasher_{};
  std::unordered_map<std::size_t, std::uint32_t> occurrences_{};
};

/// Sessions from times: a user's events less than a gap apart are one session, in whatever order
/// they stand in the file. First every event is added, then each session is asked for.
class SessionsByGap {
 public:
  using Time = std::chrono::system_clock::time_point;

  explicit SessionsByGap(std::chrono::seconds gap) : gap_(gap) {}

  void add(const std::string& user_id, Time time) { times_.emplace_back(hasher_(user_id), time); }

  /// Ends the adding: of all times only those that begin a session are kept.
  void finish() {
    std::sort(times_.begin(), times_.end());
    std::vector<UserTime> beginnings;
    for (std::size_t i = 0; i < times_.size(); ++i) {
      const bool goes_on = i > 0 && times_[i - 1].first == times_[i].first &&
                           times_[i].second - times_[i - 1].second < gap_;
      if (!goes_on) beginnings.push_back(times_[i]);
    }
    times_ = std::move(beginnings);
  }

  /// The session of an event that was added.
  [[nodiscard]] pe::Result<std::string> session_of(const std::string& user_id, Time time) {
    const auto after =
        std::upper_bound(times_.begin(), times_.end(), UserTime{hasher_(user_id), time});
    const Time beginning = after == times_.begin() ? time : std::prev(after)->second;
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(beginning.time_since_epoch());
    return uuid_.of({user_id, std::to_string(seconds.count())});
  }

 private:
  using UserTime = std::pair<std::size_t, Time>;

  std::chrono::seconds gap_;
  std::hash<std::string> hasher_{};
  std::vector<UserTime> times_{};
  NameUuid uuid_{};
};

}  // namespace send_events

#endif

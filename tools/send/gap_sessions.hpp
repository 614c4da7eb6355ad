// SPDX-License-Identifier: Apache-2.0
//
// Gap sessions: a user's events less than a gap apart are one session, known by its user and its
// beginning. Of a file that is read twice by sorting, in whatever order its rows stand; of a stream
// in the order in which they come.
#ifndef TOOLS_SEND_GAP_SESSIONS_HPP
#define TOOLS_SEND_GAP_SESSIONS_HPP

#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "external_sort.hpp"
#include "identity.hpp"

namespace tools::send {

/// Rows are added at the first reading, and asked for in their order at the second. Errors:
/// Storage.
class GapSessions {
 public:
  explicit GapSessions(std::chrono::seconds gap, SortMemory memory = {})
      : gap_(gap), rows_(memory), beginnings_(memory) {}

  [[nodiscard]] pe::Result<void> add(const Fingerprint& user, Time time, std::uint64_t row) {
    return rows_.add({user, time.time_since_epoch().count(), row});
  }

  /// Ends the adding: of all rows only those that do not begin a session are kept.
  [[nodiscard]] pe::Result<void> finish() {
    if (auto sorted = rows_.finish(); !sorted) return sorted;
    SeenRow seen;
    SeenRow before;
    Ticks beginning = 0;
    for (bool is_first = true;; is_first = false) {
      const auto got = rows_.next(seen);
      if (!got) return got.error();
      if (!*got) break;
      const bool goes_on =
          !is_first && seen.user == before.user && Time::duration{seen.time - before.time} < gap_;
      if (!goes_on) beginning = seen.time;
      before = seen;
      if (beginning == seen.time) continue;
      if (auto added = beginnings_.add({seen.row, beginning}); !added) return added;
    }
    rows_ = ExternalSort<SeenRow>{};
    if (auto sorted = beginnings_.finish(); !sorted) return sorted;
    return advance();
  }

  /// When the session of a row began, whose own time is given. Each row asked for stands below the
  /// one before.
  [[nodiscard]] pe::Result<Time> beginning_of(std::uint64_t row, Time time) {
    while (has_beginning_ && beginning_.row < row) {
      if (auto advanced = advance(); !advanced) return std::move(advanced).error();
    }
    return has_beginning_ && beginning_.row == row ? Time{Time::duration{beginning_.time}} : time;
  }

 private:
  using Ticks = Time::rep;
  struct SeenRow {
    Fingerprint user{};
    Ticks time{0};
    std::uint64_t row{0};
    [[nodiscard]] bool operator<(const SeenRow& other) const {
      if (!(user == other.user)) return user < other.user;
      return time != other.time ? time < other.time : row < other.row;
    }
  };
  struct Beginning {
    std::uint64_t row{0};
    Ticks time{0};
    [[nodiscard]] bool operator<(const Beginning& other) const { return row < other.row; }
  };

  pe::Result<void> advance() {
    auto got = beginnings_.next(beginning_);
    if (!got) return std::move(got).error();
    has_beginning_ = *got;
    return {};
  }

  std::chrono::seconds gap_;
  ExternalSort<SeenRow> rows_;
  ExternalSort<Beginning> beginnings_;
  Beginning beginning_{};
  bool has_beginning_{false};
};

/// The same of a stream: an event that is a gap or more away from the user's last session begins
/// another. It keeps about 80 bytes for each user that it has seen.
class RunningGapSessions {
 public:
  explicit RunningGapSessions(std::chrono::seconds gap) : gap_(gap) {}

  /// When the session of the next row began.
  [[nodiscard]] Time beginning_of(const Fingerprint& user, Time time) {
    const auto [place, is_new] = sessions_.try_emplace(user, Session{time, time, time});
    Session& session = place->second;
    if (is_new) return time;
    if (time - session.last >= gap_ || session.first - time >= gap_) session = {time, time, time};
    session.first = std::min(session.first, time);
    session.last = std::max(session.last, time);
    return session.beginning;
  }

 private:
  struct Session {
    Time beginning;  // of the row that came first
    Time first;
    Time last;
  };

  std::chrono::seconds gap_;
  std::unordered_map<Fingerprint, Session, Fingerprint::Hash> sessions_{};
};

}  // namespace tools::send

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Ids: gives each row the session and event id that the file does not say. FileIds looks at the
// whole file first; StreamIds goes with the rows as they come.
#ifndef TOOLS_SEND_IDS_HPP
#define TOOLS_SEND_IDS_HPP

#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gap_sessions.hpp"
#include "identity.hpp"
#include "occurrences.hpp"
#include "rows.hpp"

namespace tools::send {

using Content = std::vector<std::string>;

/// Fills rows in their order. Errors: Storage, when there is no room in TMPDIR; Signing, when
/// libcrypto fails.
class Ids {
 public:
  virtual ~Ids() = default;
  [[nodiscard]] virtual pe::Result<void> fill(Row& row, const Content& content) = 0;

 protected:
  /// Puts an id in its place, or answers why there is none.
  template <class Place>
  static pe::Result<void> put(pe::Result<std::string> id, Place& place) {
    if (!id) return std::move(id).error();
    place = *std::move(id);
    return {};
  }

  Names names_{};
};

/// Of a file: the first reading adds every good row, the second fills them. Bounded memory.
class FileIds final : public Ids {
 public:
  explicit FileIds(std::chrono::seconds gap, SortMemory memory = {})
      : occurrences_(memory), sessions_(gap, memory) {}

  [[nodiscard]] pe::Result<void> add(const Row& row, const Content& content) {
    if (!row.event.event_id) {
      const auto print = names_.fingerprint(content);
      if (!print) return print.error();
      if (auto added = occurrences_.add(*print, row.origin.number); !added) return added;
    }
    if (!row.session_id.empty()) return {};
    const auto user = names_.fingerprint(row.user_id);
    if (!user) return user.error();
    return sessions_.add(*user, *row.event.sent_at, row.origin.number);
  }

  [[nodiscard]] pe::Result<void> finish() {
    if (auto finished = occurrences_.finish(); !finished) return finished;
    return sessions_.finish();
  }

  [[nodiscard]] pe::Result<void> fill(Row& row, const Content& content) override {
    if (row.session_id.empty()) {
      const auto beginning = sessions_.beginning_of(row.origin.number, *row.event.sent_at);
      if (!beginning) return beginning.error();
      auto filled = put(names_.session_id(row.user_id, *beginning), row.session_id);
      if (!filled) return filled;
    }
    if (row.event.event_id) return {};
    const auto occurrence = occurrences_.of(row.origin.number);
    if (!occurrence) return occurrence.error();
    return put(names_.event_id(content, *occurrence), row.event.event_id);
  }

 private:
  Occurrences occurrences_;
  GapSessions sessions_;
};

/// Of a stream. Its memory grows with the rows that have no event id, and the users of rows that
/// have no session id.
class StreamIds final : public Ids {
 public:
  explicit StreamIds(std::chrono::seconds gap) : sessions_(gap) {}

  [[nodiscard]] pe::Result<void> fill(Row& row, const Content& content) override {
    if (row.session_id.empty()) {
      const auto user = names_.fingerprint(row.user_id);
      if (!user) return user.error();
      const Time beginning = sessions_.beginning_of(*user, *row.event.sent_at);
      auto filled = put(names_.session_id(row.user_id, beginning), row.session_id);
      if (!filled) return filled;
    }
    if (row.event.event_id) return {};
    const auto print = names_.fingerprint(content);
    if (!print) return print.error();
    return put(names_.event_id(content, occurrences_.next(*print)), row.event.event_id);
  }

 private:
  RunningOccurrences occurrences_{};
  RunningGapSessions sessions_;
};

}  // namespace tools::send

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Sends the events of orphaned writers, as "spool drain" does: an EventRecorder that records
// nothing adopts their folders and closes.
#ifndef TOOLS_SPOOL_DRAIN_HPP
#define TOOLS_SPOOL_DRAIN_HPP

#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "folders.hpp"
#include "tables.hpp"

namespace tools::spool {

/// The outcomes of the events.
struct Drain {
  std::uint64_t delivered{0};
  std::uint64_t rejected{0};
  std::uint64_t expired{0};
  /// Open events in folders of orphaned writers, of any scope.
  std::uint64_t left{0};
  /// Those folders, and those of another format version.
  std::vector<Folder> folders{};
};

/// The spool of a recorder that drains. It evicts nothing for want of space.
[[nodiscard]] inline pe::SpoolOptions drain_spool(std::string directory, std::string account,
                                                  std::chrono::hours max_age) {
  pe::SpoolOptions spool;
  spool.directory = std::move(directory);
  spool.account = std::move(account);
  spool.max_age = max_age;
  spool.sync_interval.reset();
  spool.max_bytes = std::numeric_limits<std::uint64_t>::max();
  spool.min_free_bytes = 0;
  return spool;
}

/// Drains with a recorder whose spool is in `directory`. Errors: Storage, when that cannot be read
/// afterwards.
inline pe::Result<Drain> drain(pe::EventRecorder recorder, pe::FileSystem& files,
                               const std::string& directory, std::chrono::milliseconds timeout) {
  Drain drain;
  static_cast<void>(recorder.close(timeout));
  {
    // Its end releases the folders, whose events are counted after that.
    const pe::EventRecorder ended = std::move(recorder);
    const pe::RecorderStats stats = ended.stats();
    drain.delivered = stats.delivered;
    drain.rejected = stats.rejected;
    drain.expired = stats.expired;
  }
  auto rest = read_spool(files, directory);
  if (!rest) return rest.error();
  for (Folder& folder : rest->folders) {
    if (folder.is_live || (folder.open_events == 0 && !folder.is_other_version)) continue;
    drain.left += folder.open_events;
    drain.folders.push_back(std::move(folder));
  }
  return drain;
}

[[nodiscard]] inline std::string drain_text(const Drain& drain) {
  std::string text = "delivered  " + std::to_string(drain.delivered) + "\nrejected   " +
                     std::to_string(drain.rejected) + "\nexpired    " +
                     std::to_string(drain.expired) + "\nleft       " + std::to_string(drain.left) +
                     "\n";
  for (const Folder& folder : drain.folders) {
    text += "  " + printable(folder.name) + ": ";
    text += folder.is_other_version
                ? "another format version"
                : count_of(folder.open_events, "event") + " of " + scope_text(folder);
    text += "\n";
  }
  return text;
}

[[nodiscard]] inline std::string drain_json(const Drain& drain) {
  using tables_detail::member;
  return tables_detail::json_line([&](pe::detail::json::Writer& writer) {
    member(writer, "delivered", drain.delivered);
    member(writer, "rejected", drain.rejected);
    member(writer, "expired", drain.expired);
    member(writer, "left", drain.left);
  });
}

}  // namespace tools::spool

#endif

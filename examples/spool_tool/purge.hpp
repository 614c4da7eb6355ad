// SPDX-License-Identifier: Apache-2.0
//
// Removing what dead writers left, as "spool_tool purge" does. A folder is locked while it is
// removed, so that no recorder begins to drain it, and a living writer's is never touched.
#ifndef SPOOL_TOOL_PURGE_HPP
#define SPOOL_TOOL_PURGE_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "folders.hpp"
#include "tables.hpp"

namespace spool_tool {

/// What a purge removed, or would remove.
struct Purge {
  std::uint64_t folders{0};
  std::uint64_t open_events{0};
  std::uint64_t bytes{0};
  /// Folders that could not be removed, each with the reason.
  std::vector<std::string> left{};
};

/// Whether a folder holds only events that were recorded before. One with files that cannot be
/// read is as young as can be.
[[nodiscard]] inline bool is_older_than(const Folder& folder, std::int64_t before_ms) {
  if (folder.unreadable_files > 0 || folder.newer_files > 0) return false;
  return !folder.youngest_ms || *folder.youngest_ms < before_ms;
}

/// Removes a folder whose lock the caller has.
inline pe::Result<void> remove_dead(pe::FileSystem& files, const std::string& path) {
  const auto names = files.list_folder(path);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const auto number = pe::spool::segment_number(name);
    if (!number) continue;
    if (auto removed = pe::spool::remove_segment(files, path, *number); !removed) return removed;
  }
  if (auto removed = pe::spool::BacklogFolder{files, path, {}}.remove(); !removed) return removed;
  if (const auto rest = files.list_folder(path); !rest && rest.error().code == "NotFound") {
    return {};
  }
  return pe::detail::make_error(pe::ErrorKind::Storage, path,
                                "has files that are not the spool's, which stay");
}

/// Removes the folders of dead writers. `before_ms`: only those whose every open event was recorded
/// before. Errors: Storage, when the directory cannot be listed.
inline pe::Result<Purge> purge(pe::FileSystem& files, const std::string& directory,
                               std::optional<std::int64_t> before_ms) {
  const auto names = writers(files, directory);
  if (!names) return names.error();
  Purge purge;
  pe::spool::FolderLocks locks;
  for (const std::string& name : *names) {
    const std::string path = directory + "/" + name;
    const auto lock = locks.take(files, path);
    if (!lock && lock.error().code != "NotFound") purge.left.push_back(pe::to_string(lock.error()));
    if (!lock || !*lock) continue;
    const auto folder = read_folder(files, directory, name, [](const pe::spool::Entry&) {});
    if (folder && *folder && (!before_ms || is_older_than(**folder, *before_ms))) {
      if (const auto removed = remove_dead(files, path); removed) {
        ++purge.folders;
        purge.open_events += (*folder)->open_events;
        purge.bytes += (*folder)->bytes;
      } else {
        purge.left.push_back(pe::to_string(removed.error()));
      }
    }
    if (!folder) purge.left.push_back(pe::to_string(folder.error()));
    locks.release(**lock);
  }
  return purge;
}

/// What `purge` would remove.
[[nodiscard]] inline Purge purge_preview(const Spool& spool,
                                         std::optional<std::int64_t> before_ms) {
  Purge purge;
  for (const Folder& folder : spool.folders) {
    if (folder.is_live || (before_ms && !is_older_than(folder, *before_ms))) continue;
    ++purge.folders;
    purge.open_events += folder.open_events;
    purge.bytes += folder.bytes;
  }
  return purge;
}

/// "2 folders with 30 open events, 4096 bytes".
[[nodiscard]] inline std::string purge_text(const Purge& purge) {
  return count_of(purge.folders, "folder") + " with " + count_of(purge.open_events, "open event") +
         ", " + count_of(purge.bytes, "byte");
}

[[nodiscard]] inline std::string purge_json(const Purge& purge, bool is_removed) {
  using tables_detail::member;
  return tables_detail::json_line([&](pe::json::Writer& writer) {
    member(writer, "removed", is_removed);
    member(writer, "folders", purge.folders);
    member(writer, "openEvents", purge.open_events);
    member(writer, "bytes", purge.bytes);
    member(writer, "left", std::uint64_t{purge.left.size()});
  });
}

}  // namespace spool_tool

#endif

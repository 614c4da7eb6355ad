// SPDX-License-Identifier: Apache-2.0
//
// Removes the folders of orphaned writers, as "personalize-events spool purge" does. A folder is
// locked while it is removed, so that no recorder begins to drain it. A living writer's folder is
// never changed.
#ifndef TOOLS_SPOOL_PURGE_HPP
#define TOOLS_SPOOL_PURGE_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "folders.hpp"
#include "tables.hpp"

namespace tools::spool {

/// What a purge removed, or would remove.
struct Purge {
  std::uint64_t folders{0};
  std::uint64_t open_events{0};
  std::uint64_t bytes{0};
  /// Folders that could not be removed, each with the reason.
  std::vector<std::string> left{};
};

/// Whether a folder holds only events that were recorded before, by the writer's wall clock. One
/// with files that cannot be read is as young as can be.
[[nodiscard]] inline bool is_older_than(const Folder& folder, std::int64_t before_ms) {
  if (folder.unreadable_files > 0) return false;
  return !folder.youngest_ms || *folder.youngest_ms < before_ms;
}

/// Removes the segments of an orphaned writer's folder, whose lock the caller holds.
inline pe::Result<void> remove_segments(pe::FileSystem& files, const std::string& path) {
  const auto names = files.list_folder(path);
  if (!names) return names.error();
  // The acknowledgements last: without them the events would be sent again if this ended in
  // between.
  for (const std::string& name : *names) {
    if (!pe::detail::spool::segment_name(name)) continue;
    if (auto removed = files.remove_file(path + "/" + name); !removed) return removed;
  }
  return {};
}

/// Removes an orphaned writer's folder, and releases its lock, which the caller holds, in any case.
inline pe::Result<void> remove_orphan(pe::FileSystem& files, pe::detail::spool::FolderLocks& locks,
                                      pe::detail::spool::FolderLocks::Slot lock,
                                      const std::string& path) {
  if (auto removed = remove_segments(files, path); !removed) {
    locks.release(lock);
    return removed;
  }
  auto removed = pe::detail::spool::remove_writer_folder(files, locks, lock, path);
  if (!removed) return removed;
  if (const auto rest = files.list_folder(path); !rest && rest.error().code == "NotFound") {
    return {};
  }
  return pe::detail::make_error(pe::ErrorKind::Storage, path,
                                "has files that are not the spool's, which stay");
}

/// Removes the folders of orphaned writers. `before_ms`: only those whose every open event was
/// recorded before. Folders of another format version stay. Errors: Storage, when the directory
/// cannot be listed.
inline pe::Result<Purge> purge(pe::FileSystem& files, const std::string& directory,
                               std::optional<std::int64_t> before_ms) {
  const auto names = writers(files, directory);
  if (!names) return names.error();
  Purge purge;
  pe::detail::spool::FolderLocks locks;
  const auto leave = [&purge](const pe::Error& error) {
    purge.left.push_back(pe::to_string(error));
  };
  for (const std::string& name : *names) {
    const std::string path = directory + "/" + name;
    const auto lock = locks.take(files, path);
    if (!lock && lock.error().code != "NotFound") leave(lock.error());
    if (!lock || !*lock) continue;
    const auto folder = read_folder(files, directory, name, [](const pe::detail::spool::Entry&) {});
    if (!folder) leave(folder.error());
    if (folder && *folder && (*folder)->is_other_version) {
      leave(pe::detail::make_error(
          pe::ErrorKind::Storage, path,
          "has another format version; purge it with the personalize-events of "
          "the version of the library that wrote it"));
    } else if (folder && *folder && (!before_ms || is_older_than(**folder, *before_ms))) {
      if (const auto removed = remove_orphan(files, locks, **lock, path); removed) {
        ++purge.folders;
        purge.open_events += (*folder)->open_events;
        purge.bytes += (*folder)->bytes;
      } else {
        leave(removed.error());
      }
      continue;
    }
    locks.release(**lock);
  }
  return purge;
}

/// What `purge` would remove.
[[nodiscard]] inline Purge purge_preview(const Spool& spool,
                                         std::optional<std::int64_t> before_ms) {
  Purge purge;
  for (const Folder& folder : spool.folders) {
    if (folder.is_live || folder.is_other_version) continue;
    if (before_ms && !is_older_than(folder, *before_ms)) continue;
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
  return tables_detail::json_line([&](pe::detail::json::Writer& writer) {
    member(writer, "removed", is_removed);
    member(writer, "folders", purge.folders);
    member(writer, "openEvents", purge.open_events);
    member(writer, "bytes", purge.bytes);
    member(writer, "left", std::uint64_t{purge.left.size()});
  });
}

}  // namespace tools::spool

#endif

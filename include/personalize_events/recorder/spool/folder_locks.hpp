// SPDX-License-Identifier: Apache-2.0
//
// FolderLocks: the locks of the folders that a spool holds: its own, and those that it adopted from
// orphaned writers. Only the holder of a folder's lock writes to the folder or removes it.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_FOLDER_LOCKS_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_FOLDER_LOCKS_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

inline constexpr const char* kLockName = "LOCK";

/// Holds up to `kMost` locks, each until it is released.
///
/// A forked child shares the locks of files that it has open: while it lives, no process can adopt
/// the folders of its dead parent. SystemFiles closes them in the child at the fork. `close_all`
/// closes them where that is not possible; in a child it does not unlock the parent's folders.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time; `close_all` also in a forked child,
/// whatever the parent's threads were doing.
class FolderLocks {
 public:
  /// Identifies one of the locks.
  using Slot = std::size_t;

  /// A writer's own folder, 16 adopted ones, and a reserve.
  static constexpr std::size_t kMost = 32;

  FolderLocks() = default;
  FolderLocks(const FolderLocks&) = delete;
  FolderLocks& operator=(const FolderLocks&) = delete;
  ~FolderLocks() { close_all(); }

  /// Locks a folder, which exists. Empty: another holder has the lock, the folder was removed
  /// meanwhile, or `kMost` locks are held. Errors: Storage, those of File.
  [[nodiscard]] Result<std::optional<Slot>> take(FileSystem& files, const std::string& folder) {
    Result<std::unique_ptr<File>> lock = files.open(folder + "/" + kLockName, OpenFor::Append);
    if (!lock) return std::move(lock).error();
    const Result<bool> is_taken = (*lock)->try_lock();
    if (!is_taken) return is_taken.error();
    if (!*is_taken) return std::optional<Slot>{};
    // Its former holder may have removed it after it was opened here.
    const Result<FileStatus> status = (*lock)->status();
    if (!status) return status.error();
    if (status->links == 0) return std::optional<Slot>{};
    for (Slot slot = 0; slot < held_.size(); ++slot) {
      File* nothing = nullptr;
      if (!held_[slot].compare_exchange_strong(nothing, lock->get())) continue;
      static_cast<void>(lock->release());
      return std::optional<Slot>{slot};
    }
    return std::optional<Slot>{};
  }

  void release(Slot slot) noexcept { delete held_[slot].exchange(nullptr); }

  void close_all() noexcept {
    for (Slot slot = 0; slot < held_.size(); ++slot) release(slot);
  }

 private:
  std::array<std::atomic<File*>, kMost> held_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif

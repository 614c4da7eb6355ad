// SPDX-License-Identifier: Apache-2.0
//
// FolderLocks: the locks by which a spool holds folders: its own, and those of dead writers that it
// took over. Who holds the lock of a folder is the only one that writes there or removes it.
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

/// Holds a few locks, each until it is released.
///
/// A forked child shares them with its parent: while it has the files open, nobody can take over
/// what its parent left. It closes them with `close_all`, which frees nothing of the parent's.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time; `close_all` also in a forked child,
/// whatever the parent's threads were doing.
class FolderLocks {
 public:
  /// Which of the locks.
  using Slot = std::size_t;

  FolderLocks() = default;
  FolderLocks(const FolderLocks&) = delete;
  FolderLocks& operator=(const FolderLocks&) = delete;
  ~FolderLocks() { close_all(); }

  /// Locks a folder, which exists. Empty: a living writer has it, it was removed just now, or no
  /// more locks can be held. Errors: Storage, as of File.
  [[nodiscard]] Result<std::optional<Slot>> take(FileSystem& files, const std::string& folder) {
    Result<std::unique_ptr<File>> lock = files.open(folder + "/" + kLockName, OpenFor::Append);
    if (!lock) return std::move(lock).error();
    const Result<bool> is_taken = (*lock)->try_lock();
    if (!is_taken) return is_taken.error();
    if (!*is_taken) return std::optional<Slot>{};
    // Whoever held it before may have removed it after it was opened here.
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
  std::array<std::atomic<File*>, 8> held_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif

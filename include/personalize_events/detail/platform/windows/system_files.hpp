// SPDX-License-Identifier: Apache-2.0
//
// SystemFiles of Windows, for platform/system_files.hpp. Every file is shared for all, also for
// being deleted and renamed, so that it behaves as on POSIX.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_SYSTEM_FILES_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_SYSTEM_FILES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/platform/windows/api.hpp"
#include "personalize_events/detail/platform/windows/handle.hpp"
#include "personalize_events/detail/platform/windows/text.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// ERROR_DISK_QUOTA_EXCEEDED, which older headers of the system lack.
inline constexpr DWORD kDiskQuotaExceeded = 1295;

/// An Error for a call of the system's that failed with a code of its.
[[nodiscard]] inline Error storage_error(const std::string& path, const char* message, DWORD code) {
  Error error = make_error(ErrorKind::Storage, path, described(message, code));
  if (says_not_found(code)) error.code = "NotFound";
  if (code == ERROR_DISK_FULL || code == ERROR_HANDLE_DISK_FULL || code == kDiskQuotaExceeded) {
    error.code = "NoSpace";
  }
  if (code == ERROR_FILE_EXISTS || code == ERROR_ALREADY_EXISTS) error.code = "Exists";
  return error;
}

/// Success, or the last error of a call that answered 0.
[[nodiscard]] inline Result<void> checked(BOOL answer, const std::string& path,
                                          const char* message) {
  if (answer != 0) return {};
  return storage_error(path, message, ::GetLastError());
}

/// The function of the system that returns the status behind GetLastError; null: there is none.
using LastStatus = LONG(WINAPI*)();
[[nodiscard]] inline LastStatus find_last_status() noexcept {
  const HMODULE library = ::GetModuleHandleW(L"ntdll.dll");
  if (library == nullptr) return nullptr;
  const FARPROC found = ::GetProcAddress(library, "RtlGetLastNtStatus");
  LastStatus function = nullptr;
  static_assert(sizeof function == sizeof found, "a function's address is one");
  std::memcpy(&function, &found, sizeof function);
  return function;
}
/// STATUS_DELETE_PENDING: the file was removed, and another process still has it open. The last
/// error of such a call is ERROR_ACCESS_DENIED.
inline constexpr LONG kDeletePending = static_cast<LONG>(0xC0000056);

/// Where a read, write or lock begins, as an OVERLAPPED tells it.
[[nodiscard]] inline OVERLAPPED at_offset(std::uint64_t offset) noexcept {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(offset & 0xFFFFFFFFU);
  place.OffsetHigh = static_cast<DWORD>(offset >> 32U);
  return place;
}

/// Opens a file or folder that others may use, rename and delete meanwhile.
[[nodiscard]] inline Handle open_shared(const std::wstring& path, DWORD access, DWORD disposition,
                                        DWORD flags) {
  return Handle{::CreateFileW(path.c_str(), access,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                              disposition, FILE_ATTRIBUTE_NORMAL | flags, nullptr)};
}

/// The status of an open file or folder.
[[nodiscard]] inline Result<FileStatus> file_status(const Handle& handle, const std::string& path) {
  FILE_STANDARD_INFO status{};
  BY_HANDLE_FILE_INFORMATION identity{};
  if (::GetFileInformationByHandleEx(handle.get(), FileStandardInfo, &status, sizeof status) == 0 ||
      ::GetFileInformationByHandle(handle.get(), &identity) == 0) {
    return storage_error(path, "cannot be examined", ::GetLastError());
  }
  // A deleted file has its name until it is closed; only DeletePending shows the deletion.
  const std::uint64_t links = status.DeletePending != FALSE ? 0 : status.NumberOfLinks;
  const std::uint64_t index =
      (std::uint64_t{identity.nFileIndexHigh} << 32U) | identity.nFileIndexLow;
  return FileStatus{static_cast<std::uint64_t>(status.EndOfFile.QuadPart), links,
                    identity.dwVolumeSerialNumber, index};
}

/// A file of this system.
class SystemFile final : public File {
 public:
  SystemFile(std::string path, Handle handle)
      : path_(std::move(path)), handle_(std::move(handle)) {}

  Result<std::size_t> append(std::string_view bytes) override {
    const DWORD some = in_one_call(bytes.size());
    // This offset means the end, whatever another handle has written meanwhile.
    OVERLAPPED at_end = at_offset((std::numeric_limits<std::uint64_t>::max)());
    DWORD written = 0;
    if (::WriteFile(handle_.get(), bytes.data(), some, &written, &at_end) == 0) {
      return storage_error(path_, "cannot be written", ::GetLastError());
    }
    return static_cast<std::size_t>(written);
  }

  Result<void> truncate(std::uint64_t size) override {
    constexpr auto most = static_cast<std::uint64_t>((std::numeric_limits<LONGLONG>::max)());
    if (size > most) return storage_error(path_, "cannot be cut", ERROR_FILE_TOO_LARGE);
    FILE_END_OF_FILE_INFO end{};
    end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
    return checked(::SetFileInformationByHandle(handle_.get(), FileEndOfFileInfo, &end, sizeof end),
                   path_, "cannot be cut");
  }

  Result<void> sync() override {
    return checked(::FlushFileBuffers(handle_.get()), path_, "cannot be synced");
  }

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t count) override {
    std::size_t used = 0;
    while (used < count) {
      OVERLAPPED place = at_offset(offset + used);
      DWORD got = 0;
      if (::ReadFile(handle_.get(), out + used, in_one_call(count - used), &got, &place) == 0) {
        const DWORD code = ::GetLastError();
        if (code == ERROR_HANDLE_EOF) break;
        return storage_error(path_, "cannot be read", code);
      }
      if (got == 0) break;
      used += got;
    }
    return used;
  }

  Result<FileStatus> status() override {
    Result<FileStatus> status = file_status(handle_, path_);
    // Wine 8 does not know the volume of an open file after a rename.
    if (status && status->device == 0) status->device = device_;
    if (status) device_ = status->device;
    return status;
  }

  Result<bool> try_lock() override {
    // The system would refuse a second lock of the one who has the first.
    if (locked_) return true;
    // A lock keeps others from reading and writing what it covers: one byte where no file ends.
    OVERLAPPED place = at_offset((std::numeric_limits<std::int64_t>::max)() - 1);
    if (::LockFileEx(handle_.get(), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
                     &place) != 0) {
      locked_ = true;
      return true;
    }
    const DWORD code = ::GetLastError();
    if (code == ERROR_LOCK_VIOLATION || code == ERROR_IO_PENDING) return false;
    return storage_error(path_, "cannot be locked", code);
  }

 private:
  [[nodiscard]] static DWORD in_one_call(std::size_t count) noexcept {
    return static_cast<DWORD>(std::min<std::size_t>(count, 1U << 30U));
  }

  std::string path_;
  Handle handle_;
  std::uint64_t device_{0};  // as far as it is known
  bool locked_{false};
};

/// A search through a folder, closed at the end of its scope.
class FolderSearch {
 public:
  explicit FolderSearch(const std::wstring& pattern)
      : search_(::FindFirstFileW(pattern.c_str(), &entry_)) {}
  FolderSearch(const FolderSearch&) = delete;
  FolderSearch& operator=(const FolderSearch&) = delete;
  ~FolderSearch() {
    // Nothing was written through it.
    if (found()) static_cast<void>(::FindClose(search_));
  }

  /// Whether there is a first entry; the last error tells why not.
  [[nodiscard]] bool found() const noexcept { return search_ != INVALID_HANDLE_VALUE; }
  [[nodiscard]] std::string name() const { return to_utf8(entry_.cFileName); }
  /// Goes to the next entry; false, with the last error set, when there is none.
  [[nodiscard]] bool next() noexcept { return ::FindNextFileW(search_, &entry_) != 0; }

 private:
  WIN32_FIND_DATAW entry_{};
  HANDLE search_;
};

/// The files of the machine that the program runs on. It has no state. Paths are UTF-8.
class SystemFiles final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenFor purpose) override {
    const std::optional<std::wstring> wide_path = detail::to_wide(path);
    if (!wide_path) return detail::storage_error(path, "cannot be opened", ::GetLastError());
    DWORD access = GENERIC_READ;
    if (purpose != OpenFor::Read) access |= GENERIC_WRITE;
    DWORD disposition = OPEN_EXISTING;
    if (purpose == OpenFor::Append) disposition = OPEN_ALWAYS;
    if (purpose == OpenFor::AppendToNew) disposition = CREATE_NEW;
    static const detail::LastStatus last_status = detail::find_last_status();
    // A link is opened itself, and then refused, rather than what it names.
    detail::Handle file =
        detail::open_shared(*wide_path, access, disposition, FILE_FLAG_OPEN_REPARSE_POINT);
    if (!file.is_open()) {
      DWORD code = ::GetLastError();
      const bool is_removed = code == ERROR_ACCESS_DENIED && last_status != nullptr &&
                              last_status() == detail::kDeletePending;
      if (is_removed) code = ERROR_FILE_NOT_FOUND;
      return detail::storage_error(path, "cannot be opened", code);
    }
    FILE_ATTRIBUTE_TAG_INFO attributes{};
    if (::GetFileInformationByHandleEx(file.get(), FileAttributeTagInfo, &attributes,
                                       sizeof attributes) == 0) {
      return detail::storage_error(path, "cannot be examined", ::GetLastError());
    }
    if ((attributes.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
      return detail::storage_error(path, "cannot be opened", ERROR_CANT_ACCESS_FILE);
    }
    return std::unique_ptr<File>{std::make_unique<detail::SystemFile>(path, std::move(file))};
  }

  Result<FileStatus> status(const std::string& path) override {
    const std::optional<std::wstring> wide_path = detail::to_wide(path);
    if (!wide_path) return detail::storage_error(path, "cannot be examined", ::GetLastError());
    // Backup semantics open folders, too.
    const detail::Handle handle = detail::open_shared(*wide_path, FILE_READ_ATTRIBUTES,
                                                      OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
    if (!handle.is_open()) {
      return detail::storage_error(path, "cannot be examined", ::GetLastError());
    }
    return detail::file_status(handle, path);
  }

  Result<void> make_folder(const std::string& path) override {
    const std::optional<std::wstring> wide_path = detail::to_wide(path);
    if (wide_path && ::CreateDirectoryW(wide_path->c_str(), nullptr) != 0) return {};
    const DWORD code = ::GetLastError();
    if (code == ERROR_ALREADY_EXISTS) {
      const DWORD attributes = ::GetFileAttributesW(wide_path->c_str());
      const bool is_folder =
          attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
      if (is_folder) return {};
    }
    return detail::storage_error(path, "cannot be made", code);
  }

  Result<std::vector<std::string>> list_folder(const std::string& path) override {
    const std::optional<std::wstring> wide_path = detail::to_wide(path);
    if (!wide_path) return detail::storage_error(path, "cannot be listed", ::GetLastError());
    detail::FolderSearch search{*wide_path + L"\\*"};
    if (!search.found()) return detail::storage_error(path, "cannot be listed", ::GetLastError());
    std::vector<std::string> names;
    do {
      std::string name = search.name();
      if (name != "." && name != "..") names.push_back(std::move(name));
    } while (search.next());
    const DWORD code = ::GetLastError();
    if (code != ERROR_NO_MORE_FILES) return detail::storage_error(path, "cannot be listed", code);
    std::sort(names.begin(), names.end());
    return names;
  }

  /// Success also on a file system that cannot flush a folder: NTFS has its names in a journal, and
  /// rename writes through.
  Result<void> sync_folder(const std::string& path) override {
    const std::optional<std::wstring> wide_path = detail::to_wide(path);
    if (!wide_path) return detail::storage_error(path, "cannot be synced", ::GetLastError());
    const detail::Handle folder =
        detail::open_shared(*wide_path, GENERIC_WRITE, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
    if (folder.is_open() && ::FlushFileBuffers(folder.get()) != 0) return {};
    const DWORD code = ::GetLastError();
    const bool is_unable = code == ERROR_ACCESS_DENIED || code == ERROR_INVALID_FUNCTION;
    if (is_unable) return {};
    return detail::storage_error(path, "cannot be synced", code);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    const std::optional<std::wstring> wide_from = detail::to_wide(from);
    const std::optional<std::wstring> wide_to = detail::to_wide(to);
    const bool named = wide_from && wide_to;
    return detail::checked(named ? ::MoveFileExW(wide_from->c_str(), wide_to->c_str(),
                                                 MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)
                                 : FALSE,
                           from, "cannot be renamed");
  }

  Result<void> remove_file(const std::string& path) override {
    const std::optional<std::wstring> wide_path = detail::to_wide(path);
    return detail::checked(wide_path ? ::DeleteFileW(wide_path->c_str()) : FALSE, path,
                           "cannot be removed");
  }

  Result<void> remove_folder(const std::string& path) override {
    const std::optional<std::wstring> wide_path = detail::to_wide(path);
    return detail::checked(wide_path ? ::RemoveDirectoryW(wide_path->c_str()) : FALSE, path,
                           "cannot be removed");
  }

  Result<DiskSpace> disk_space(const std::string& path) override {
    const std::optional<std::wstring> wide_path = detail::to_wide(path);
    ULARGE_INTEGER available{};
    ULARGE_INTEGER total{};
    if (!wide_path || ::GetDiskFreeSpaceExW(wide_path->c_str(), &available, &total, nullptr) == 0) {
      return detail::storage_error(path, "has a disk that cannot be asked", ::GetLastError());
    }
    return DiskSpace{available.QuadPart, total.QuadPart};
  }
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

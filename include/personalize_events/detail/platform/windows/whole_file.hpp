// SPDX-License-Identifier: Apache-2.0
//
// Whole files of Windows, for platform/whole_file.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_WHOLE_FILE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_WHOLE_FILE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "personalize_events/detail/platform/file_error.hpp"
#include "personalize_events/detail/platform/windows/api.hpp"
#include "personalize_events/detail/platform/windows/handle.hpp"
#include "personalize_events/detail/platform/windows/text.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// An Error for a failed call of the system's; the code is "NotFound" when there is no such file,
/// and "AccessDenied" when this user may not read it.
[[nodiscard]] inline Error file_error(const std::string& path, const char* message, DWORD code) {
  Error error = file_error(path, described(message, code));
  if (says_not_found(code)) error.code = "NotFound";
  if (code == ERROR_ACCESS_DENIED) error.code = "AccessDenied";
  return error;
}

/// The content of a regular file; NUL reads as empty. Errors as of read_whole_file.
[[nodiscard]] inline Result<std::string> read_system_file(const std::string& path) {
  const std::optional<std::wstring> wide_path = to_wide(path);
  if (!wide_path) return file_error(path, kCannotBeOpened, ::GetLastError());
  // FILE_FLAG_BACKUP_SEMANTICS: a folder opens too, and can be told from a file that is forbidden.
  // SECURITY_IDENTIFICATION: the server of a pipe must not act in our name.
  const Handle file{::CreateFileW(wide_path->c_str(), GENERIC_READ,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING,
                                  FILE_ATTRIBUTE_NORMAL | FILE_FLAG_BACKUP_SEMANTICS |
                                      SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
                                  nullptr)};
  if (!file.is_open()) return file_error(path, kCannotBeOpened, ::GetLastError());
  if (::GetFileType(file.get()) != FILE_TYPE_DISK) {
    const bool is_null =
        ::CompareStringOrdinal(wide_path->c_str(), -1, L"NUL", -1, TRUE) == CSTR_EQUAL;
    if (is_null) return std::string{};
    return file_error(path, kIsNoRegularFile);
  }
  FILE_STANDARD_INFO status{};
  if (::GetFileInformationByHandleEx(file.get(), FileStandardInfo, &status, sizeof status) == 0) {
    return file_error(path, kCannotBeExamined, ::GetLastError());
  }
  if (status.Directory != FALSE) return file_error(path, kIsDirectory);

  // One byte more than promised, so that the usual file comes without growing, which would leave
  // copies of a secret behind.
  const auto promised =
      static_cast<std::uint64_t>(std::max<LONGLONG>(status.EndOfFile.QuadPart, 0));
  if (promised > kMaxFileSize) return file_error(path, kIsTooLarge);
  std::string content(static_cast<std::size_t>(promised) + 1, '\0');
  std::size_t used = 0;
  for (;;) {
    DWORD got = 0;
    if (::ReadFile(file.get(), content.data() + used, static_cast<DWORD>(content.size() - used),
                   &got, nullptr) == 0) {
      return file_error(path, kCannotBeRead, ::GetLastError());
    }
    if (got == 0) break;
    used += got;
    if (used > kMaxFileSize) return file_error(path, kIsTooLarge);
    if (used == content.size()) content.resize((std::min)(2 * used, kMaxFileSize + 1));
  }
  content.resize(used);
  return content;
}

/// Whether every user of the machine may read or write a file. Not asked here: a file has the
/// rights that its folder passes on, and a user's profile folder is the user's alone.
[[nodiscard]] inline bool is_open_to_all(const std::string&) { return false; }

/// Writes all of `content` to a new file and syncs it; false with the last error set.
[[nodiscard]] inline bool write_new_file(const std::wstring& path, std::string_view content) {
  const Handle file{::CreateFileW(path.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW,
                                  FILE_ATTRIBUTE_NORMAL, nullptr)};
  if (!file.is_open()) return false;
  while (!content.empty()) {
    const DWORD some = static_cast<DWORD>(std::min<std::size_t>(content.size(), 1U << 20U));
    DWORD written = 0;
    if (::WriteFile(file.get(), content.data(), some, &written, nullptr) == 0) return false;
    content.remove_prefix(written);
  }
  return ::FlushFileBuffers(file.get()) != 0;
}

/// Writes a file at `beside`, with the rights that its folder passes on, syncs it and puts it in
/// place of what is at `path`. Errors as of replace_whole_file.
[[nodiscard]] inline Result<void> replace_system_file(const std::string& path,
                                                      const std::string& beside,
                                                      std::string_view content) {
  const std::optional<std::wstring> wide_path = to_wide(path);
  const std::optional<std::wstring> wide_beside = to_wide(beside);
  if (!wide_path || !wide_beside) return file_error(path, kCannotBeReplaced, ::GetLastError());
  const bool replaced = write_new_file(*wide_beside, content) &&
                        ::MoveFileExW(wide_beside->c_str(), wide_path->c_str(),
                                      MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
  if (replaced) return {};
  const DWORD code = ::GetLastError();
  // The first failure is the one to tell; a leftover beside the file harms nobody.
  static_cast<void>(::DeleteFileW(wide_beside->c_str()));
  return file_error(path, kCannotBeReplaced, code);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

// SPDX-License-Identifier: Apache-2.0
//
// UTF-8, which the library speaks, to UTF-16 and back, and the words of Windows for its error
// codes. The other headers of this folder use it.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_TEXT_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_TEXT_HPP

#include <climits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "personalize_events/detail/platform/windows/api.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// UTF-16 of UTF-8 text; empty optional, with the last error set, for what is none and for a zero
/// byte, which would end it early.
[[nodiscard]] inline std::optional<std::wstring> to_wide(std::string_view text) {
  if (text.empty()) return std::wstring{};
  if (text.size() > INT_MAX || text.find('\0') != std::string_view::npos) {
    ::SetLastError(ERROR_INVALID_NAME);
    return std::nullopt;
  }
  const int size = static_cast<int>(text.size());
  const int wanted =
      ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, nullptr, 0);
  if (wanted <= 0) return std::nullopt;
  std::wstring wide(static_cast<std::size_t>(wanted), L'\0');
  const int written =
      ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, wide.data(), wanted);
  if (written != wanted) return std::nullopt;
  return wide;
}

/// UTF-8 of UTF-16 text; a lone surrogate becomes U+FFFD.
[[nodiscard]] inline std::string to_utf8(std::wstring_view wide) {
  if (wide.empty() || wide.size() > INT_MAX) return {};
  const int size = static_cast<int>(wide.size());
  const int wanted =
      ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, nullptr, 0, nullptr, nullptr);
  if (wanted <= 0) return {};
  std::string text(static_cast<std::size_t>(wanted), '\0');
  const int written =
      ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, text.data(), wanted, nullptr, nullptr);
  return written == wanted ? text : std::string{};
}

/// What failed, and what the system says of it.
[[nodiscard]] inline std::string described(const char* message, DWORD code) {
  return std::string{message}.append(": ").append(
      std::system_category().message(static_cast<int>(code)));
}

/// Whether a code says that there is no such file.
[[nodiscard]] inline bool says_not_found(DWORD code) noexcept {
  return code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

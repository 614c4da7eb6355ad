// SPDX-License-Identifier: Apache-2.0
//
// What the reading and replacing of a whole file says when it fails, the same words on every
// system. whole_file.hpp and its sides for POSIX and Windows use it.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_FILE_ERROR_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_FILE_ERROR_HPP

#include <cstddef>
#include <string>
#include <utility>

#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Most bytes of a file that is read whole: profile files, tokens and token caches are far smaller.
inline constexpr std::size_t kMaxFileSize = 1'048'576;

inline constexpr const char* kCannotBeOpened = "cannot be opened";
inline constexpr const char* kCannotBeExamined = "cannot be examined";
inline constexpr const char* kCannotBeRead = "cannot be read";
inline constexpr const char* kCannotBeReplaced = "cannot be replaced";
inline constexpr const char* kIsDirectory = "is a directory; name a file";
inline constexpr const char* kIsNoRegularFile = "is a pipe or a device; name a regular file";
inline constexpr const char* kIsTooLarge = "is larger than 1 MiB; name the right file";

/// An Error of whole files. `path` becomes its `where`.
[[nodiscard]] inline Error file_error(const std::string& path, std::string message) {
  return make_error(ErrorKind::Configuration, path, std::move(message));
}

/// Success for a path that a system can be asked for.
[[nodiscard]] inline Result<void> check_path(const std::string& path) {
  if (path.empty()) return file_error(path, "the path is empty");
  if (path.find('\0') != std::string::npos) {
    return file_error("file path", "the path has a zero byte; remove it");
  }
  return {};
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

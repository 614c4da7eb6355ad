// SPDX-License-Identifier: Apache-2.0
//
// Files that are read or replaced whole: profile files, tokens and token caches. SystemPlatform
// uses it. A file is replaced by a rename, so that no reader ever sees a half of it.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WHOLE_FILE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WHOLE_FILE_HPP

#include <array>
#include <string>
#include <string_view>

#include "personalize_events/detail/base/hex.hpp"
#include "personalize_events/detail/platform/file_error.hpp"
#include "personalize_events/detail/platform/random.hpp"
#include "personalize_events/result.hpp"

#if defined(_WIN32)
#include "personalize_events/detail/platform/windows/whole_file.hpp"
#else
#include "personalize_events/detail/platform/posix/whole_file.hpp"
#endif

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The whole content of a regular file of at most 1 MiB; /dev/null (NUL on Windows) reads as empty.
/// Errors: Configuration, `where` is the path, the code "NotFound" when it does not exist, and
/// "AccessDenied" when this user may not read it.
[[nodiscard]] inline Result<std::string> read_whole_file(const std::string& path) {
  const Result<void> usable = check_path(path);
  if (!usable) return usable.error();
  return read_system_file(path);
}

/// read_whole_file, of a file that holds secrets: one that everybody on the machine may read or
/// write is refused. Errors: those of read_whole_file.
[[nodiscard]] inline Result<std::string> read_private_file(const std::string& path) {
  const Result<void> usable = check_path(path);
  if (!usable) return usable.error();
  if (is_open_to_all(path)) {
    return file_error(path,
                      "holds secrets and is open to every user of this machine; make it yours "
                      "alone with chmod 600");
  }
  return read_system_file(path);
}

/// Puts a file of the owner's alone (0600) in place of what is at `path`, or where nothing is: it
/// is written beside it, synced and renamed. Errors: Configuration, `where` is the path; what was
/// there before is then untouched.
[[nodiscard]] inline Result<void> replace_whole_file(const std::string& path,
                                                     std::string_view content) {
  const Result<void> usable = check_path(path);
  if (!usable) return usable.error();
  std::array<unsigned char, 8> random{};
  fill_random(random.data(), random.size());
  const std::string beside = path + "." + to_hex(random.data(), random.size()) + ".tmp";
  return replace_system_file(path, beside, content);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

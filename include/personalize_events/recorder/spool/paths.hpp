// SPDX-License-Identifier: Apache-2.0
//
// The names of a spool's folders and files. Log and OrphanedLog make and read them.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_PATHS_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_PATHS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

inline constexpr const char* kQuarantineFolder = "quarantine";
inline constexpr std::string_view kWriterPrefix = "w-";

/// A number with at least eight digits, so that names sort as numbers do.
[[nodiscard]] inline std::string padded(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 8 ? 8 - digits.size() : 0, '0') + digits;
}

/// Reads a number at the start of a text, and removes it from the text.
[[nodiscard]] inline std::optional<std::uint64_t> take_number(std::string_view& text) {
  constexpr std::size_t most_digits = 18;
  std::uint64_t number = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    if (digits == most_digits) return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(text[digits] - '0');
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

/// Whether a name is that of a writer's folder.
[[nodiscard]] inline bool is_writer_name(std::string_view name) {
  return name.substr(0, kWriterPrefix.size()) == kWriterPrefix;
}
/// The number in a writer's name, "w-00000012-1f2e3d4c"; 0: another form.
[[nodiscard]] inline std::uint64_t writer_number(std::string_view name) {
  if (!is_writer_name(name)) return 0;
  name.remove_prefix(kWriterPrefix.size());
  const std::optional<std::uint64_t> number = take_number(name);
  return number && !name.empty() && name.front() == '-' ? *number : 0;
}

/// Which segment a file is, and after how many rewrites.
struct SegmentName {
  std::uint64_t number{0};
  std::uint32_t generation{0};
};
/// The path of a segment's file: "00000001.log" or, after a rewrite, "00000001.2.log".
[[nodiscard]] inline std::string segment_path(const std::string& folder, const SegmentName& name) {
  std::string path = detail::path_in(folder, padded(name.number));
  if (name.generation > 0) path.append(".").append(std::to_string(name.generation));
  return path.append(".log");
}
/// The path of the acknowledgements of a segment, whatever its generation.
[[nodiscard]] inline std::string acknowledgement_path(const std::string& folder,
                                                      std::uint64_t number) {
  return detail::path_in(folder, padded(number)).append(".ack");
}
/// The segment whose file has this name; empty: another file.
[[nodiscard]] inline std::optional<SegmentName> segment_name(std::string_view name) {
  const std::string_view all = name;
  SegmentName found;
  const std::optional<std::uint64_t> number = take_number(name);
  if (!number || *number == 0) return std::nullopt;
  found.number = *number;
  if (name != ".log") {
    if (name.empty()) return std::nullopt;
    name.remove_prefix(1);
    const std::optional<std::uint64_t> generation = take_number(name);
    if (!generation || *generation == 0 || *generation > 0xffff'ffffU) return std::nullopt;
    found.generation = static_cast<std::uint32_t>(*generation);
  }
  if (segment_path("", found) != std::string{"/"}.append(all)) return std::nullopt;
  return found;
}

/// Removes a segment of which nothing is pending: the ".log" first, because its events would be
/// sent again if the ".ack" were gone before it. Errors: Storage, as of File.
[[nodiscard]] inline Result<void> remove_segment(FileSystem& files, const std::string& folder,
                                                 const SegmentName& name) {
  for (const std::string& path :
       {segment_path(folder, name), acknowledgement_path(folder, name.number)}) {
    Result<void> removed = files.remove_file(path);
    if (!removed && removed.error().code != "NotFound") return removed;
  }
  return {};
}

/// Makes a folder and those that it is in. Errors: Storage, as of FileSystem.
[[nodiscard]] inline Result<void> make_folders(FileSystem& files, const std::string& path) {
  Result<void> made = files.make_folder(path);
  if (made || made.error().code != "NotFound") return made;
  const std::size_t last = path.find_last_not_of('/');
  const std::size_t slash = last == std::string::npos ? std::string::npos : path.rfind('/', last);
  if (slash == std::string::npos || slash == 0) return made;
  if (Result<void> parent = make_folders(files, path.substr(0, slash)); !parent) return parent;
  return files.make_folder(path);
}

/// Removes a writer's folder, whose lock the caller holds, if nothing but leftovers is in it. The
/// lock file goes last. Errors: Storage, as of FileSystem.
[[nodiscard]] inline Result<void> remove_writer_folder(FileSystem& files, const std::string& folder,
                                                       const char* lock_name) {
  const Result<std::vector<std::string>> names = files.list_folder(folder);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (segment_name(name)) return {};
  }
  for (const std::string& name : *names) {
    // A crash between two removals leaves acknowledgements.
    const bool is_leftover = name.size() > 4 && name.compare(name.size() - 4, 4, ".ack") == 0;
    if (is_leftover) static_cast<void>(files.remove_file(detail::path_in(folder, name)));
    if (!is_leftover && name != lock_name) return {};
  }
  if (Result<void> lock = files.remove_file(detail::path_in(folder, lock_name)); !lock) return lock;
  return files.remove_folder(folder);
}

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif

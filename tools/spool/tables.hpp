// SPDX-License-Identifier: Apache-2.0
//
// The output of the commands about a spool: tables and sentences for people, a line of JSON for
// programs. They contain no event. Pure functions.
#ifndef TOOLS_SPOOL_TABLES_HPP
#define TOOLS_SPOOL_TABLES_HPP

#include <personalize_events/detail/json/writer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../printable.hpp"
#include "folders.hpp"

namespace tools::spool {

/// `now_ms - then_ms`, within the range of the type: a file may contain any time.
[[nodiscard]] inline std::int64_t age_ms(std::int64_t now_ms, std::int64_t then_ms) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (then_ms < 0 && now_ms > (Limits::max)() + then_ms) return (Limits::max)();
  if (then_ms > 0 && now_ms < (Limits::min)() + then_ms) return (Limits::min)();
  return now_ms - then_ms;
}

/// "45s", "12m", "3h", "8d": the largest unit that says something, rounded down.
[[nodiscard]] inline std::string age_text(std::int64_t milliseconds) {
  const std::int64_t seconds = std::max<std::int64_t>(milliseconds, 0) / 1000;
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 60 * 60) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 60 * 60) return std::to_string(seconds / (60 * 60)) + "h";
  return std::to_string(seconds / (24 * 60 * 60)) + "d";
}

/// "1 event", "2 events".
[[nodiscard]] inline std::string count_of(std::uint64_t number, std::string_view noun) {
  std::string text = std::to_string(number) + " ";
  text.append(noun);
  if (number != 1) text.push_back('s');
  return text;
}

/// Whose events a folder holds: "tracker us-east-1 https://... account".
[[nodiscard]] inline std::string scope_text(const Folder& folder) {
  std::string text;
  for (const std::string* part : {&folder.scope.tracking_id, &folder.scope.region,
                                  &folder.scope.endpoint, &folder.scope.account}) {
    if (part->empty()) continue;
    if (!text.empty()) text.push_back(' ');
    text.append(printable(*part));
  }
  return text.empty() ? "-" : text;
}

namespace tables_detail {

/// Rows of cells, each column as wide as its widest.
template <std::size_t Columns>
std::string aligned(const std::vector<std::array<std::string, Columns>>& rows) {
  std::array<std::size_t, Columns> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < Columns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < Columns; ++i) {
      text.append(row[i]);
      if (i + 1 < Columns) text.append(widths[i] - row[i].size() + 2, ' ');
    }
    text.push_back('\n');
  }
  return text;
}

/// A line of JSON whose members `write` gives.
template <class Write>
std::string json_line(const Write& write) {
  std::string text;
  pe::detail::json::Writer writer(text);
  writer.begin_object();
  write(writer);
  writer.end_object();
  text.push_back('\n');
  return text;
}

inline void member(pe::detail::json::Writer& writer, std::string_view key, std::uint64_t number) {
  writer.key(key);
  writer.number(number);
}
inline void member(pe::detail::json::Writer& writer, std::string_view key, std::string_view text) {
  writer.key(key);
  writer.string(pe::detail::is_utf8(text) ? text : "?");
}
inline void member(pe::detail::json::Writer& writer, std::string_view key, bool value) {
  writer.key(key);
  writer.boolean(value);
}

/// The folders as a JSON array, of each the members that `write` gives besides its name and state.
template <class Write>
void folders(pe::detail::json::Writer& writer, const Spool& spool, const Write& write) {
  writer.key("folders");
  writer.begin_array();
  for (const Folder& folder : spool.folders) {
    writer.begin_object();
    member(writer, "writer", std::string_view{folder.name});
    member(writer, "live", folder.is_live);
    member(writer, "otherVersion", folder.is_other_version);
    write(folder);
    writer.end_object();
  }
  writer.end_array();
}

}  // namespace tables_detail

/// "live", "orphaned" or "other version".
[[nodiscard]] inline const char* state_text(const Folder& folder) {
  if (folder.is_other_version) return "other version";
  return folder.is_live ? "live" : "orphaned";
}

/// Every folder with its events; `now_ms` is the time, in milliseconds since 1970.
[[nodiscard]] inline std::string listing_text(const Spool& spool, std::int64_t now_ms) {
  std::vector<std::array<std::string, 7>> rows{
      {"WRITER", "STATE", "OPEN EVENTS", "OLDEST", "SEGMENTS", "BYTES", "SCOPE"}};
  for (const Folder& folder : spool.folders) {
    rows.push_back({printable(folder.name), state_text(folder), std::to_string(folder.open_events),
                    folder.oldest_ms ? age_text(age_ms(now_ms, *folder.oldest_ms)) : "-",
                    std::to_string(folder.segments), std::to_string(folder.bytes),
                    scope_text(folder)});
  }
  std::string text = tables_detail::aligned(rows);
  if (spool.rejected_bytes > 0) {
    text += "rejected/: " + count_of(spool.rejected_bytes, "byte") + " of rejected events\n";
  }
  if (spool.quarantined_files > 0) {
    text += "quarantine/: " + count_of(spool.quarantined_files, "file") + "\n";
  }
  return text;
}

[[nodiscard]] inline std::string listing_json(const Spool& spool, std::int64_t now_ms) {
  using tables_detail::member;
  return tables_detail::json_line([&](pe::detail::json::Writer& writer) {
    tables_detail::folders(writer, spool, [&](const Folder& folder) {
      for (const auto& [key, text] : {std::pair{"trackingId", &folder.scope.tracking_id},
                                      std::pair{"region", &folder.scope.region},
                                      std::pair{"endpoint", &folder.scope.endpoint},
                                      std::pair{"account", &folder.scope.account}}) {
        member(writer, key, std::string_view{*text});
      }
      member(writer, "segments", folder.segments);
      member(writer, "bytes", folder.bytes);
      member(writer, "openEvents", folder.open_events);
      writer.key("oldestAgeSeconds");
      if (folder.oldest_ms) {
        writer.number(std::max<std::int64_t>(age_ms(now_ms, *folder.oldest_ms), 0) / 1000);
      } else {
        writer.null();
      }
    });
    member(writer, "rejectedBytes", spool.rejected_bytes);
    member(writer, "quarantinedFiles", spool.quarantined_files);
  });
}

/// What was read of every folder, and what could not be.
[[nodiscard]] inline std::string check_text(const Spool& spool) {
  std::string text;
  for (const Folder& folder : spool.folders) {
    text += printable(folder.name) + ": ";
    if (folder.is_other_version) {
      text += "another format version, not read\n";
      continue;
    }
    text += "frames " + std::to_string(folder.whole_frames) + " whole, " +
            std::to_string(folder.broken_frames) + " broken, " +
            std::to_string(folder.torn_frames) + " torn; acknowledgement records " +
            std::to_string(folder.acknowledgements) + ", " +
            std::to_string(folder.broken_acknowledgements) + " broken";
    if (folder.unreadable_files > 0) {
      text += "; " + count_of(folder.unreadable_files, "file") + " unreadable";
    }
    if (folder.broken_headers > 0) {
      text += "; " + count_of(folder.broken_headers, "header") + " broken";
    }
    text += "\n";
  }
  if (spool.quarantined_files > 0) {
    text += "quarantine/: " + count_of(spool.quarantined_files, "file") + " in quarantine\n";
  }
  text += spool.is_damaged() ? "damage was found\n" : "no damage\n";
  return text;
}

[[nodiscard]] inline std::string check_json(const Spool& spool) {
  using tables_detail::member;
  return tables_detail::json_line([&](pe::detail::json::Writer& writer) {
    tables_detail::folders(writer, spool, [&](const Folder& folder) {
      member(writer, "wholeFrames", folder.whole_frames);
      member(writer, "brokenFrames", folder.broken_frames);
      member(writer, "tornFrames", folder.torn_frames);
      member(writer, "acknowledgements", folder.acknowledgements);
      member(writer, "brokenAcknowledgements", folder.broken_acknowledgements);
      member(writer, "unreadableFiles", folder.unreadable_files);
      member(writer, "brokenHeaders", folder.broken_headers);
    });
    member(writer, "quarantinedFiles", spool.quarantined_files);
    member(writer, "damaged", spool.is_damaged());
  });
}

}  // namespace tools::spool

#endif

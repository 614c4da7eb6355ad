// SPDX-License-Identifier: Apache-2.0
//
// The survey: the first reading of a file, before anything is sent. And what a file is known by, so
// that a run can go on where another ended.
#ifndef TOOLS_SEND_SURVEY_HPP
#define TOOLS_SEND_SURVEY_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "identity.hpp"
#include "ids.hpp"
#include "input.hpp"
#include "interrupt.hpp"
#include "options.hpp"
#include "report.hpp"
#include "rows.hpp"
#include "run_state.hpp"

namespace tools::send {

/// Shows every good row to `ids`. Answers how many rows there are, the bad ones included. Errors:
/// Configuration, when the file cannot be read; those of FileIds.
[[nodiscard]] inline pe::Result<std::uint64_t> survey(RowReader& rows, FileIds& ids,
                                                      Report& report) {
  constexpr std::uint64_t rows_of_a_look = 1024;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  RowOrProblem made;
  while (!is_interrupted() && rows.next(made)) {
    made.row.origin.number = count++;
    bytes += made.row.origin.bytes;
    if (count % rows_of_a_look == 0) report.read(rows_of_a_look, std::exchange(bytes, 0));
    if (!made.problem.empty()) continue;
    if (auto added = ids.add(made.row, rows.content()); !added) return std::move(added).error();
  }
  report.read(count % rows_of_a_look, bytes);
  if (is_interrupted()) return count;
  if (rows.failure()) return *rows.failure();
  if (auto finished = ids.finish(); !finished) return std::move(finished).error();
  return count;
}

/// What a state of this file, sent with these options, belongs to. Errors: Signing, when libcrypto
/// fails.
[[nodiscard]] inline pe::Result<InputIdentity> identity_of(const Input& input,
                                                           const std::string& columns,
                                                           const std::string& format,
                                                           const Options& options) {
  Names names;
  InputIdentity identity;
  identity.size = input.size();
  identity.changed = input.changed();
  identity.format = format;
  identity.session_gap = options.session_gap_minutes;
  std::string column_options;
  for (const std::string& option : options.columns.list()) {
    column_options.append(std::to_string(option.size())).append(":").append(option);
  }
  const std::pair<std::string*, std::string_view> digests[] = {
      {&identity.head, input.head()},
      {&identity.columns, columns},
      {&identity.column_options, column_options},
      {&identity.tracking_id, options.tracking_id}};
  for (const auto& [place, bytes] : digests) {
    auto digest = names.digest(bytes);
    if (!digest) return std::move(digest).error();
    *place = *std::move(digest);
  }
  return identity;
}

}  // namespace tools::send

#endif

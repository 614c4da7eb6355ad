// SPDX-License-Identifier: Apache-2.0
//
// personalize-events send: sends a file of interactions to Amazon Personalize, a CSV in the column
// layout of its bulk interactions data or JSON Lines in the API's member names. Its parts are in
// send/.
#include <personalize_events/personalize_events.hpp>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connection_options.hpp"
#include "messages.hpp"
#include "program.hpp"
#include "send/csv_rows.hpp"
#include "send/foreign_file.hpp"
#include "send/ids.hpp"
#include "send/input.hpp"
#include "send/interrupt.hpp"
#include "send/json_rows.hpp"
#include "send/ledger.hpp"
#include "send/odd_ids.hpp"
#include "send/options.hpp"
#include "send/report.hpp"
#include "send/run_lock.hpp"
#include "send/sender.hpp"
#include "send/summary.hpp"
#include "send/survey.hpp"

namespace tools::send {

int fail(const std::string& sentence) { return tools::fail("send", sentence); }
int fail(const pe::Error& error) { return tools::fail("send", error); }

pe::Result<pe::AsyncClient> make_client(const Options& options, Sender& sender) {
  pe::ClientOptions settings;
  settings.endpoint_url = options.endpoint_url;
  settings.region = options.region;
  settings.profile = options.profile;
  settings.http.max_connections = static_cast<int>(options.concurrency);
  settings.on_attempt = [&sender](const pe::Attempt& attempt) { sender.attempted(attempt); };
  return pe::make_async_client(std::move(settings));
}

std::unique_ptr<RowReader> make_reader(const std::string& format, const Options& options) {
  if (format == "jsonl") return std::make_unique<JsonRows>(options.tracking_id);
  return std::make_unique<CsvRows>(options.columns, options.file == kStandardInput);
}

ReadSome bytes_of(Input& input) {
  return [&input](char* out, std::size_t size) { return input.read(out, size); };
}

/// What a run works on.
struct Job {
  const Options& options;
  Input& input;
  RowReader& rows;
  Report& report;
  Sender& sender;
  std::size_t printed_notes{0};
};

/// Sends the rows that are left, of at most so many.
void send_rows(Job& job, std::uint64_t most_rows, Ids& ids, const DoneRows& done_before) {
  RowOrProblem made;
  OddIds odd_ids;
  for (std::uint64_t number = 0; number < most_rows && !job.sender.is_over() && job.rows.next(made);
       ++number) {
    made.row.origin.number = number;
    if (job.input.is_standard_input()) job.report.found();
    if (made.problem.empty()) {
      if (const std::string odd = odd_ids.check(made.row); !odd.empty()) {
        job.report.warn(made.row.origin, odd);
      }
    }
    if (done_before.has(number)) {
      job.report.skipped(made.row.origin);
    } else if (!made.problem.empty()) {
      job.report.rejected(made.row.origin, made.problem);
    } else if (const auto filled = ids.fill(made.row, job.rows.content()); !filled) {
      job.sender.stop(filled.error());
    } else {
      job.sender.add(std::move(made.row));
    }
  }
  if (job.rows.failure() && !is_interrupted()) job.sender.stop(*job.rows.failure());
  job.sender.finish();
}

int print(const Summary& summary, const Options& options, int status) {
  const std::string text = options.is_json ? summary_json(summary, options.is_dry_run)
                                           : summary_text(summary, options.is_dry_run);
  std::fputs(text.c_str(), stdout);
  return status;
}

void print_notes(Job& job) {
  const std::vector<std::string> notes = job.rows.notes();
  for (; job.printed_notes < notes.size(); ++job.printed_notes) {
    job.report.note(notes[job.printed_notes]);
  }
}

/// Prints the summary, and says why the run ended before its end.
int finish(Job& job) {
  const Summary summary = job.report.finish();
  print(summary, job.options, 0);
  if (const std::uint64_t unsure = job.sender.unsure(); unsure > 0) {
    fail(std::to_string(unsure) +
         " rows that do not count as sent may have arrived; sent again they have the same ids");
  }
  if (const auto error = job.sender.stopped_by()) {
    fail("stopped: " + sentence_of(*error));
    if (is_about_the_configuration(*error)) return kUsage;
  }
  if (const auto error = job.report.failure()) return fail(*error);
  if (job.input.has_changed()) return fail(job.input.path() + ": was changed while it was sent");
  if (is_interrupted()) {
    fail(job.options.resume.empty()
             ? "stopped by a signal; the same command sends the file again, with the same event "
               "IDs; --resume FILE skips what was sent"
             : "stopped by a signal; resume with the same command");
    return kInterrupted;
  }
  return summary.not_sent == 0 && summary.rejected_in_all == 0 ? kSuccess : kIncomplete;
}

/// Sends standard input as it comes.
int run_stream(Job& job) {
  StreamIds ids{std::chrono::minutes{job.options.session_gap_minutes}};
  Ledger ledger;
  if (!job.options.rejects.empty()) {
    if (auto opened = ledger.open_rejects(job.options.rejects); !opened)
      return fail(opened.error());
  }
  job.report.begin_sending(std::move(ledger), 0, 0);
  send_rows(job, std::numeric_limits<std::uint64_t>::max(), ids, {});
  print_notes(job);
  return finish(job);
}

/// Reads a file twice: first all of it, to know numbers, sessions and what repeats; then to send.
int run_file(Job& job, const std::string& format) {
  const Options& options = job.options;
  const auto identity = identity_of(job.input, job.rows.columns(), format, options);
  if (!identity) return fail(identity.error());
  RunLock lock;
  if (!options.resume.empty()) {
    if (const auto acquired = lock.acquire(options.resume); !acquired) {
      return fail(acquired.error());
    }
  }
  StateFile state_file(options.resume);
  auto state = state_file.load(*identity);
  if (!state) return fail(state.error());
  if (state->is_complete()) {
    fail(options.file + ": all was sent before; remove " + options.resume + " to send it again");
    const Summary summary{state->rows, 0, 0, state->rows};
    return print(summary, options, state->rejected == 0 ? kSuccess : kIncomplete);
  }

  FileIds ids{std::chrono::minutes{options.session_gap_minutes}};
  job.report.begin_reading(job.input.size());
  const auto rows = survey(job.rows, ids, job.report);
  if (!rows) return fail(rows.error());
  if (is_interrupted()) return finish(job);
  print_notes(job);

  const DoneRows done_before = state->done;
  state->rows = *rows;
  Ledger ledger(*std::move(state), std::move(state_file));
  if (!options.rejects.empty()) {
    if (auto opened = ledger.open_rejects(options.rejects); !opened) return fail(opened.error());
  }
  if (auto rewound = job.input.rewind(); !rewound) return fail(rewound.error());
  if (const std::string problem = job.rows.begin(bytes_of(job.input)); !problem.empty()) {
    return is_interrupted() ? finish(job) : fail(options.file + ": " + problem);
  }
  job.report.begin_sending(std::move(ledger), *rows, job.input.size());
  send_rows(job, *rows, ids, done_before);
  return finish(job);
}

int run(const Options& options) {
  stop_at_signals();
  if (const std::string problem = problem_of(options); !problem.empty()) return fail(problem);
  Input input(options.file);
  if (auto opened = input.open(); !opened) return fail(opened.error());
  const std::string format = format_of(options, input.head());
  if (format == "csv" && options.tracking_id.empty()) return fail("--tracking-id is required");
  if (const auto given = options.columns.list(); format != "csv" && !given.empty()) {
    return fail(given.front().substr(0, given.front().find('=')) + " is for CSV files only");
  }
  Report report(::isatty(STDERR_FILENO) == 1,
                options.file == kStandardInput ? "standard input" : options.file);
  SenderSettings settings{options.tracking_id, options.concurrency, options.rate};
  if (options.file != kStandardInput) settings.linger = std::chrono::minutes{1};
  Sender sender(std::move(settings), report);
  if (!options.is_dry_run) {
    const auto client = make_client(options, sender);
    if (!client) return fail(client.error());
    sender.use(*client);
  }
  if (const std::string problem = problem_of_head(input.head(), format); !problem.empty()) {
    return fail(options.file + ": " + problem);
  }
  const std::unique_ptr<RowReader> rows = make_reader(format, options);
  Job job{options, input, *rows, report, sender};
  if (const std::string problem = rows->begin(bytes_of(input)); !problem.empty()) {
    return is_interrupted() ? finish(job) : fail(options.file + ": " + problem);
  }
  print_notes(job);
  return input.is_standard_input() ? run_stream(job) : run_file(job, format);
}

constexpr const char* kMoreHelp =
    "CSV columns: USER_ID, SESSION_ID, ITEM_ID, TIMESTAMP (seconds), EVENT_TYPE, EVENT_VALUE, "
    "IMPRESSION (item ids, separated by |), RECOMMENDATION_ID, EVENT_ATTRIBUTION_SOURCE, "
    "EVENT_ID; or the API's member names. A name that differs only in case, blanks, punctuation or "
    "invisible characters is accepted with a note. Every other column is a property: NUM_RATINGS "
    "becomes numRatings. Its cells are "
    "sent "
    "as they are: as numbers if each accepted row has a JSON number there that a double holds, or "
    "no value; else as text. On standard input they are text unless --number names the column.\n\n"
    "JSON Lines: each line is a PutEvents request, or an event with userId and sessionId among its "
    "members. Settings that are not given here come from the AWS environment.\n\n"
    "A file is read twice, in bounded memory; ids and sessions are sorted on the disk, in TMPDIR. "
    "Standard input is read once: without EVENT_ID memory grows with the rows, without SESSION_ID "
    "with the users.\n\n"
    "Exit status: 0 all rows were sent; 1 some were not; 2 usage or configuration; 130 stopped by "
    "Ctrl-C: rows that were read are sent within a few seconds, the rest is not. A second Ctrl-C "
    "ends the program at once.";

}  // namespace tools::send

namespace tools {

void add_send(CLI::App& program, Command& chosen) {
  const auto options = std::make_shared<send::Options>();
  CLI::App& command = *program.add_subcommand("send", "Send a file of interactions");
  command.footer(send::kMoreHelp);
  command.add_option("FILE", options->file, "The file; - is standard input")->required();
  command
      .add_option("--format", options->format,
                  "csv or jsonl; by default chosen by the file's ending or its first byte")
      ->check(CLI::IsMember({"csv", "jsonl"}));
  command.add_option("--tracking-id", options->tracking_id,
                     "The event tracker's ID; required, except for JSON Lines that contain it");
  add_connection_options(command, *options);
  command
      .add_option("--session-gap", options->session_gap_minutes,
                  "Without session IDs: the minutes of pause that end a session")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  const auto add_repeatable = [&command](const char* name, std::vector<std::string>& values,
                                         const char* description) {
    command.add_option(name, values, std::string(description) + "; may be repeated")
        ->allow_extra_args(false);
  };
  add_repeatable("--number", options->columns.numbers,
                 "CSV: the header of a property column of numbers; other cells reject their row");
  add_repeatable("--text", options->columns.texts, "CSV: the header of a property column of text");
  add_repeatable("--null", options->columns.nulls,
                 "CSV: a cell that means no value, as the empty cell does; by default, in columns "
                 "of numbers, NULL, NA, N/A, NaN, None and \\N in any case");
  add_repeatable("--ignore", options->columns.ignored, "CSV: the header of a column to leave out");
  add_repeatable("--map", options->columns.mapped,
                 "CSV: a column by another name, such as ITEM_ID=product");
  command.add_option("--event-type", options->columns.event_type,
                     "CSV: the event type of all rows, for a file without the column");
  command.add_option(
      "--delimiter", options->columns.delimiter,
      "CSV: the character between cells: , ; | or tab; by default a comma, or that of "
      "a first line such as sep=;");
  command.add_option("--concurrency", options->concurrency, "The maximum of concurrent requests")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command.add_option("--rate", options->rate, "The maximum of events per second")
      ->check(CLI::Range(0.001, 1e9));
  command.add_option(
      "--rejects", options->rejects,
      "The file for rejected rows: a line of JSON with line, reason and row for each");
  command.add_option("--resume", options->resume,
                     "The file for the run's state; a run that finds it continues from there");
  command.add_flag("--json", options->is_json, "Print the summary as one line of JSON");
  command.add_flag("--dry-run", options->is_dry_run, "Check every row and send none");
  command.callback([&chosen, options] { chosen = [options] { return send::run(*options); }; });
}

}  // namespace tools

// SPDX-License-Identifier: Apache-2.0
//
// Sends a file of interactions to Amazon Personalize: a CSV in the column layout of its bulk
// interactions data, or JSON Lines in the API's own member names. The parts stand in send_events/,
// each of one thought.
//
//   send_events --tracking-id ID interactions.csv
#include <personalize_events/personalize_events.hpp>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "send_events/csv_rows.hpp"
#include "send_events/ids.hpp"
#include "send_events/input.hpp"
#include "send_events/interrupt.hpp"
#include "send_events/json_rows.hpp"
#include "send_events/ledger.hpp"
#include "send_events/options.hpp"
#include "send_events/report.hpp"
#include "send_events/sender.hpp"
#include "send_events/summary.hpp"
#include "send_events/survey.hpp"

namespace send_events {

enum ExitStatus : int { kAllSent = 0, kSomeNotSent = 1, kUsage = 2, kInterrupted = 130 };

int fail(const std::string& sentence) {
  std::fprintf(stderr, "send_events: %s\n", sentence.c_str());
  return kUsage;
}
int fail(const pe::Error& error) { return fail(pe::to_string(error)); }

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
  if (options.file == kStandardInput) return std::make_unique<CsvRows>(options.number_columns);
  return std::make_unique<CsvRows>();
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
};

/// Sends the rows that are left, of at most so many.
void send_rows(Job& job, std::uint64_t most_rows, Ids& ids, const DoneRows& done_before) {
  RowOrProblem made;
  for (std::uint64_t number = 0; number < most_rows && !job.sender.is_over() && job.rows.next(made);
       ++number) {
    made.row.origin.number = number;
    if (job.input.is_standard_input()) job.report.found();
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

/// Prints the summary, and says why the run ended before its end.
int finish(Job& job) {
  const Summary summary = job.report.finish();
  print(summary, job.options, 0);
  if (const std::uint64_t unsure = job.sender.unsure(); unsure > 0) {
    fail(std::to_string(unsure) +
         " rows that do not count as sent may have arrived; sent again they have the same ids");
  }
  if (const auto error = job.sender.stopped_by()) {
    fail("stopped: " + pe::to_string(*error));
    if (is_about_the_configuration(*error)) return kUsage;
  }
  if (const auto error = job.report.failure()) return fail(*error);
  if (job.input.has_changed()) return fail(job.input.path() + ": was changed while it was sent");
  if (is_interrupted()) {
    fail("stopped by a signal");
    return kInterrupted;
  }
  return summary.not_sent == 0 && summary.rejected_in_all == 0 ? kAllSent : kSomeNotSent;
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
  return finish(job);
}

/// Reads a file twice: first all of it, to know numbers, sessions and what repeats; then to send.
int run_file(Job& job, const std::string& format) {
  const Options& options = job.options;
  const auto identity = identity_of(job.input, job.rows.columns(), format, options);
  if (!identity) return fail(identity.error());
  StateFile state_file(options.resume);
  auto state = state_file.load(*identity);
  if (!state) return fail(state.error());
  if (state->is_complete()) {
    fail(options.file + ": all was sent before; remove " + options.resume + " to send it again");
    const Summary summary{state->rows, 0, 0, state->rows};
    return print(summary, options, state->rejected == 0 ? kAllSent : kSomeNotSent);
  }

  FileIds ids{std::chrono::minutes{options.session_gap_minutes}};
  job.report.begin_reading(job.input.size());
  const auto rows = survey(job.rows, ids, job.report);
  if (!rows) return fail(rows.error());
  if (is_interrupted()) return finish(job);

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
  if (format != "csv" && !options.number_columns.empty()) {
    return fail("--number is for CSV; JSON says itself what is a number");
  }
  Report report(::isatty(STDERR_FILENO) == 1);
  Sender sender({options.tracking_id, options.concurrency, options.rate}, report);
  if (!options.is_dry_run) {
    const auto client = make_client(options, sender);
    if (!client) return fail(client.error());
    sender.use(*client);
  }
  const std::unique_ptr<RowReader> rows = make_reader(format, options);
  Job job{options, input, *rows, report, sender};
  if (const std::string problem = rows->begin(bytes_of(input)); !problem.empty()) {
    return is_interrupted() ? finish(job) : fail(options.file + ": " + problem);
  }
  return input.is_standard_input() ? run_stream(job) : run_file(job, format);
}

/// Reads the command line; a status when there is nothing to run.
std::optional<int> read_options(int argc, char** argv, Options& options) {
  CLI::App app{"Sends a file of interactions to Amazon Personalize."};
  app.footer(
      "CSV columns: USER_ID, SESSION_ID, ITEM_ID, TIMESTAMP (seconds), EVENT_TYPE, EVENT_VALUE,\n"
      "IMPRESSION (item ids, | between them), RECOMMENDATION_ID, EVENT_ATTRIBUTION_SOURCE, "
      "EVENT_ID.\n"
      "Every other column is a property: NUM_RATINGS is numRatings, a number if all its cells "
      "are.\n"
      "JSON Lines: a PutEvents request a line, or an event with userId and sessionId beside its\n"
      "members. What is not given here comes from the AWS environment.\n\n"
      "A file is read twice, in bounded memory; ids and sessions are sorted on the disk, in "
      "TMPDIR.\n"
      "Standard input is read once: without EVENT_ID memory grows with the rows, without "
      "SESSION_ID\n"
      "with the users.\n\n"
      "Exit status: 0 all rows sent, 1 some not, 2 usage or configuration, 130\n"
      "stopped by Ctrl-C: what was read is sent within a few seconds, the rest is not. Twice ends "
      "at once.");
  app.add_option("FILE", options.file, "The file; - is standard input")->required();
  app.add_option("--format", options.format,
                 "csv or jsonl; else by the file's ending, else by its first byte")
      ->check(CLI::IsMember({"csv", "jsonl"}));
  app.add_option("--tracking-id", options.tracking_id,
                 "The event tracker's id; required but for JSON Lines that say it");
  app.add_option("--endpoint-url", options.endpoint_url, "Where to send instead of AWS");
  app.add_option("--region", options.region, "The AWS region");
  app.add_option("--profile", options.profile, "A profile of the shared AWS files");
  app.add_option("--session-gap", options.session_gap_minutes,
                 "Without session ids: the minutes of pause that end a session")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--number", options.number_columns,
                 "Of standard input: a property column of numbers; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--concurrency", options.concurrency, "Requests at the same time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--rate", options.rate, "Events a second at most")->check(CLI::Range(0.001, 1e9));
  app.add_option("--rejects", options.rejects,
                 "Where each rejected row is written as a line of JSON: line, reason, row");
  app.add_option("--resume", options.resume,
                 "Where the run keeps how far it is; a run that finds this file goes on from it");
  app.add_flag("--json", options.is_json, "The summary as one line of JSON");
  app.add_flag("--dry-run", options.is_dry_run, "Check every row and send none");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kAllSent : kUsage;
  }
  return std::nullopt;
}

}  // namespace send_events

int main(int argc, char** argv) {
  send_events::Options options;
  if (const auto status = send_events::read_options(argc, argv, options)) return *status;
  return send_events::run(options);
}

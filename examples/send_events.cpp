// SPDX-License-Identifier: Apache-2.0
//
// Sends a file of interactions to Amazon Personalize: a CSV in the column layout of its bulk
// interactions data. The parts stand in send_events/, each of one thought.
//
//   send_events --tracking-id ID interactions.csv
#include <personalize_events/personalize_events.hpp>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "send_events/batches.hpp"
#include "send_events/columns.hpp"
#include "send_events/csv.hpp"
#include "send_events/identity.hpp"
#include "send_events/interrupt.hpp"
#include "send_events/lanes.hpp"
#include "send_events/report.hpp"
#include "send_events/sender.hpp"

namespace send_events {

enum ExitStatus : int { kAllSent = 0, kSomeNotSent = 1, kUsage = 2, kInterrupted = 130 };

struct Options {
  std::string file{};
  std::string tracking_id{};
  std::string endpoint_url{};
  std::string region{};
  std::string profile{};
  int session_gap_minutes{30};
  std::size_t concurrency{4};
  std::string rejects{};
  bool is_dry_run{false};
  bool is_json{false};
};

int fail(const std::string& sentence) {
  std::fprintf(stderr, "send_events: %s\n", sentence.c_str());
  return kUsage;
}

/// Takes every request and sends none.
class NoTransport : public pe::Transport {
 public:
  pe::Result<pe::HttpResponse> send(const pe::HttpRequest&) override {
    return pe::HttpResponse{200};
  }
};

pe::Result<pe::Client> make_client(const Options& options, Report& report) {
  pe::ClientOptions client;
  client.endpoint_url = options.endpoint_url;
  client.region = options.region;
  client.profile = options.profile;
  // A file is worth more patience than a user who waits.
  client.retry.max_attempts = 8;
  client.call_timeout = std::chrono::minutes{1};
  client.on_attempt = [&report](const pe::Attempt&) { report.request(); };
  if (options.is_dry_run) {
    client.transport = std::make_shared<NoTransport>();
    client.credentials = pe::static_credentials({"dry-run", "dry-run"});
    if (client.region.empty()) client.region = "us-east-1";
  }
  return pe::make_client(std::move(client));
}

/// What one reading of the whole file tells, before anything is sent.
struct Survey {
  Columns columns;
  SessionsByGap sessions;
  std::size_t rows{0};
};

std::optional<Survey> survey(std::istream& input, const Options& options) {
  CsvReader reader(input);
  Record record;
  if (!reader.next(record) || !record.problem.empty()) return std::nullopt;
  Survey survey{Columns(record.cells),
                SessionsByGap(std::chrono::minutes{options.session_gap_minutes})};
  if (!survey.columns.problem().empty()) return survey;
  while (!is_interrupted() && reader.next(record)) {
    ++survey.rows;
    if (!record.problem.empty()) continue;
    survey.columns.survey(record.cells);
    if (survey.columns.has_session()) continue;
    const RowOrProblem made = survey.columns.row_of(record.line, record.cells);
    if (made.problem.empty()) survey.sessions.add(made.row.user_id, *made.row.event.sent_at);
  }
  survey.sessions.finish();
  return survey;
}

/// Gives a row the ids that the file does not. Errors: Signing, when libcrypto fails.
pe::Result<void> fill_ids(Row& row, const Record& record, Survey& survey, RowIds& row_ids) {
  if (row.session_id.empty()) {
    auto session_id = survey.sessions.session_of(row.user_id, *row.event.sent_at);
    if (!session_id) return std::move(session_id).error();
    row.session_id = *std::move(session_id);
  }
  if (!row.event.event_id) {
    auto event_id = row_ids.next(record.cells);
    if (!event_id) return std::move(event_id).error();
    row.event.event_id = *std::move(event_id);
  }
  return {};
}

/// Reads the file again and sends it.
void send_rows(std::istream& input, const Options& options, Survey& survey, Sender& sender,
               Report& report) {
  constexpr std::size_t most_open_batches = 1000;
  Lanes lanes(options.concurrency, [&sender](Batch&& batch) { sender.send(std::move(batch)); });
  Batcher batcher(options.tracking_id, most_open_batches,
                  [&lanes](Batch&& batch) { lanes.push(std::move(batch)); });
  RowIds row_ids;
  CsvReader reader(input);
  Record record;
  reader.next(record);  // the names of the columns
  while (!sender.stopped_by() && !is_interrupted() && reader.next(record)) {
    if (!record.problem.empty()) {
      report.rejected(record.line, record.problem, record.text);
      continue;
    }
    RowOrProblem made = survey.columns.row_of(record.line, record.cells);
    if (!made.problem.empty()) {
      report.rejected(record.line, made.problem, record.text);
      continue;
    }
    if (auto filled = fill_ids(made.row, record, survey, row_ids); !filled) {
      report.rejected(record.line, pe::to_string(filled.error()), record.text);
      continue;
    }
    made.row.text = record.text;
    batcher.add(std::move(made.row));
  }
  batcher.finish();
  lanes.finish();
}

void print(const Summary& summary, bool is_dry_run) {
  const std::size_t rows = summary.sent + summary.rejected + summary.not_sent;
  std::printf("rows      %zu\n", rows);
  std::printf("%s     %zu\n", is_dry_run ? "valid" : "sent ", summary.sent);
  std::printf("rejected  %zu\n", summary.rejected);
  if (summary.not_sent > 0) std::printf("not sent  %zu\n", summary.not_sent);
  if (!is_dry_run) std::printf("requests  %zu\n", summary.requests);
  std::printf("seconds   %.1f\n", summary.seconds);
}

void print_json(const Summary& summary, bool is_dry_run) {
  std::printf(
      "{\"rows\":%zu,\"%s\":%zu,\"rejected\":%zu,\"notSent\":%zu,\"requests\":%zu,"
      "\"seconds\":%.3f}\n",
      summary.sent + summary.rejected + summary.not_sent, is_dry_run ? "valid" : "sent",
      summary.sent, summary.rejected, summary.not_sent, is_dry_run ? 0 : summary.requests,
      summary.seconds);
}

int run(const Options& options) {
  stop_at_signals();
  std::ifstream input(options.file, std::ios::binary);
  if (!input) return fail(options.file + ": cannot be opened");
  std::optional<Survey> surveyed = survey(input, options);
  if (input.bad()) return fail(options.file + ": cannot be read");
  if (!surveyed) return fail(options.file + ": the first line does not name columns");
  if (const std::string& problem = surveyed->columns.problem(); !problem.empty()) {
    return fail(options.file + ": " + problem);
  }

  Report report(surveyed->rows, ::isatty(STDERR_FILENO) == 1, options.rejects);
  if (!report.has_good_rejects()) return fail(options.rejects + ": cannot be written");
  const auto client = make_client(options, report);
  if (!client) return fail(pe::to_string(client.error()));
  Sender sender(*client, report);
  input.clear();
  input.seekg(0);
  send_rows(input, options, *surveyed, sender, report);

  const Summary summary = report.finish();
  options.is_json ? print_json(summary, options.is_dry_run) : print(summary, options.is_dry_run);
  if (const auto error = sender.stopped_by()) {
    fail("stopped: " + pe::to_string(*error));
    if (is_about_the_configuration(*error)) return kUsage;
  }
  if (!report.has_good_rejects()) return fail(options.rejects + ": not every line was written");
  if (is_interrupted()) {
    fail("stopped by a signal");
    return kInterrupted;
  }
  return summary.sent == surveyed->rows ? kAllSent : kSomeNotSent;
}

}  // namespace send_events

int main(int argc, char** argv) {
  send_events::Options options;
  CLI::App app{"Sends a CSV file of interactions to Amazon Personalize."};
  app.footer(
      "Columns: USER_ID, SESSION_ID, ITEM_ID, TIMESTAMP (seconds), EVENT_TYPE, EVENT_VALUE,\n"
      "IMPRESSION (item ids, | between them), RECOMMENDATION_ID, EVENT_ATTRIBUTION_SOURCE, "
      "EVENT_ID.\n"
      "Every other column is a property: NUM_RATINGS is numRatings, a number if all its cells "
      "are.\n"
      "What is not given here comes from the AWS environment.\n\n"
      "Exit status: 0 all rows sent, 1 some not, 2 usage or configuration, 130\n"
      "stopped by Ctrl-C: what is under way is finished, the rest is not sent. Twice ends at "
      "once.");
  app.add_option("FILE", options.file, "The file")->required();
  app.add_option("--tracking-id", options.tracking_id, "The event tracker's id")->required();
  app.add_option("--endpoint-url", options.endpoint_url, "Where to send instead of AWS");
  app.add_option("--region", options.region, "The AWS region");
  app.add_option("--profile", options.profile, "A profile of the shared AWS files");
  app.add_option("--session-gap", options.session_gap_minutes,
                 "Without a column SESSION_ID: the minutes of pause that end a session")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--concurrency", options.concurrency, "Requests at the same time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--rejects", options.rejects,
                 "Where each rejected row is written as a line of JSON: line, reason, row");
  app.add_flag("--json", options.is_json, "The summary as one line of JSON");
  app.add_flag("--dry-run", options.is_dry_run, "Check every row and send none");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? send_events::kAllSent : send_events::kUsage;
  }
  return send_events::run(options);
}

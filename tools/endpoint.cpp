// SPDX-License-Identifier: Apache-2.0
//
// personalize-events endpoint: a Personalize Events endpoint on this machine, for programs in any
// language. It checks signatures and the service's model, logs the events that it accepts, and
// fails on demand. It runs until Ctrl-C.
#include <personalize_events/detail/json/writer.hpp>
#include <personalize_events/detail/testing/endpoint_fault_reader.hpp>
#include <personalize_events/detail/testing/endpoint_json.hpp>
#include <personalize_events/personalize_events.hpp>
#include <personalize_events/testing/local_endpoint.hpp>

#include <CLI/CLI.hpp>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <initializer_list>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "generated.hpp"
#include "messages.hpp"
#include "private_file.hpp"
#include "program.hpp"

namespace tools::endpoint {

/// The JSON lines of a request: one for each event, user, item or action, in the API's own member
/// names, after what its request says of all of them.
class JsonLines {
 public:
  explicit JsonLines(const pe::testing::AcceptedRequest& accepted)
      : operation_(accepted.operation) {
    accepted.request.visit([this](const auto& request) { add(request); });
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  using Members = std::initializer_list<std::pair<const char*, const std::string*>>;

  void add(const pe::PutEventsRequest& request) {
    const std::string* user_id = request.user_id ? &*request.user_id : nullptr;
    add_each(request.event_list, {{"trackingId", &request.tracking_id},
                                  {"userId", user_id},
                                  {"sessionId", &request.session_id}});
  }
  void add(const pe::PutActionInteractionsRequest& request) {
    add_each(request.action_interactions, {{"trackingId", &request.tracking_id}});
  }
  void add(const pe::PutUsersRequest& request) {
    add_each(request.users, {{"datasetArn", &request.dataset_arn}});
  }
  void add(const pe::PutItemsRequest& request) {
    add_each(request.items, {{"datasetArn", &request.dataset_arn}});
  }
  void add(const pe::PutActionsRequest& request) {
    add_each(request.actions, {{"datasetArn", &request.dataset_arn}});
  }

  template <class Shape>
  void add_each(const std::vector<Shape>& shapes, Members of_request) {
    for (const Shape& shape : shapes) {
      std::string line;
      pe::detail::json::Writer writer(line);
      writer.begin_object();
      writer.key("operation");
      writer.string(operation_);
      for (const auto& [name, value] : of_request) {
        if (value == nullptr) continue;
        writer.key(name);
        writer.string(*value);
      }
      writer.end_object();
      const std::string members = pe::testing::to_json_as_sent(shape);
      line.back() = ',';
      text_.append(line).append(members, 1, std::string::npos).append("\n");
    }
  }

  std::string operation_;
  std::string text_{};
};

constexpr const char* kMoreHelp =
    R"(A fault rule is [OPERATION:]MEMBER=VALUE[,MEMBER=VALUE]... Each request meets the first rule that selects it. Members that select requests:
  operation=PutEvents       requests of this operation; the same as before the colon
  every=N                   every N-th
  probability=P             each with this probability, from 0 to 1; --seed makes it repeatable
  times=N                   only N times

Members that say what happens to them:
  status=503                respond with this status and do not accept the request
  from=intermediary         respond with an HTML page without the service's headers, as a proxy or captive portal does; status 200, or the one given
  code=ServiceUnavailable   with this error code; without it the response has no body
  retryAfterMs=N            with the header x-amz-retry-after
  delayMs=N                 respond after this time
  send=HOW                  reset_before (not accepted) or reset_after (accepted): reset the connection; cut_head, cut_body, drip, endless: a malformed response
  dripMs=N                  time between two bytes of a response with send=drip
  dateOffsetSeconds=N       added to the header Date

Unsigned requests for tests, which return JSON:
  GET /_local/summary       counters
  GET /_local/events        accepted events; filters: userId, sessionId, eventType, itemId, trackingId, limit
  GET /_local/rejected      refused requests, with the reason
  POST /_local/wait         responds when ?events=N events were accepted, at the latest after timeoutMs
  POST /_local/reset        removes all records and resets the counters
  POST /_local/faults       adds rules: {"operation":"PutEvents","status":503,"times":3}
  DELETE /_local/faults     removes all rules

Requests of web pages are refused: the header Host must be 127.0.0.1, localhost or a --host, and Origin must be the endpoint itself.)";

/// The command line.
struct Options {
  pe::testing::LocalEndpointOptions endpoint{};
  std::string log_file{};
  std::string port_file{};
  bool is_export{false};
  std::vector<std::string> faults{};
  bool is_signature_checked{true};
};

int fail(const std::string& sentence) { return tools::fail("endpoint", sentence); }

/// Prints the variables of a client, as commands of a shell.
void print_variables(const pe::testing::LocalEndpoint& endpoint,
                     const pe::testing::LocalEndpointOptions& options) {
  std::cout << "export AWS_ENDPOINT_URL_PERSONALIZE_EVENTS=" << endpoint.url() << "\n"
            << "export AWS_REGION=" << shell_word(options.region) << "\n"
            << "export AWS_ACCESS_KEY_ID=" << shell_word(options.credentials.access_key_id) << "\n"
            << "export AWS_SECRET_ACCESS_KEY=" << shell_word(options.credentials.secret_access_key)
            << "\n";
  if (!options.credentials.session_token.empty()) {
    std::cout << "export AWS_SESSION_TOKEN=" << shell_word(options.credentials.session_token)
              << "\n";
  }
}

int run(Options& chosen) {
  pe::testing::LocalEndpointOptions& options = chosen.endpoint;
  options.check_signature = chosen.is_signature_checked;
  for (const std::string& text : chosen.faults) {
    auto rule = pe::testing::fault_rule_from_text(text);
    if (!rule) return fail("--fault " + text + ": " + sentence_of(rule.error()));
    options.faults.push_back(*std::move(rule));
  }

  PrivateFile log;
  if (!chosen.log_file.empty()) {
    if (const auto opened = log.open(chosen.log_file); !opened) {
      return tools::fail("endpoint", opened.error());
    }
    options.on_accepted = [&log](const pe::testing::AcceptedRequest& accepted) {
      const auto written = log.write(JsonLines(accepted).text());
      if (!written) tools::fail("endpoint", written.error());
    };
  }

  // Blocked before the endpoint's thread begins, so that the signals wait for sigwait below.
  sigset_t endings;
  sigemptyset(&endings);
  sigaddset(&endings, SIGINT);
  sigaddset(&endings, SIGTERM);
  if (pthread_sigmask(SIG_BLOCK, &endings, nullptr) != 0) return fail("signals cannot be blocked");

  auto endpoint = pe::testing::LocalEndpoint::start(options);
  if (!endpoint) return tools::fail("endpoint", endpoint.error());
  if (!chosen.is_export) {
    std::cout << "Listening on " << endpoint->url() << ". For its clients:\n";
  }
  print_variables(*endpoint, options);
  if (chosen.is_export) {
    std::cout << "export PERSONALIZE_EVENTS_ENDPOINT_PID=" << ::getpid() << "\n";
  }
  std::cout << std::flush;
  // A command substitution ends when standard output is closed.
  if (chosen.is_export && std::freopen("/dev/null", "w", stdout) == nullptr) {
    return fail("standard output cannot be closed");
  }
  if (!chosen.port_file.empty()) {
    // Renamed when it is complete, so that a reader never sees a part of the number.
    const std::string unfinished = chosen.port_file + ".new";
    std::ofstream(unfinished) << endpoint->port() << "\n";
    if (std::rename(unfinished.c_str(), chosen.port_file.c_str()) != 0)
      return fail(chosen.port_file + ": cannot be written");
  }

  int ending = 0;
  while (sigwait(&endings, &ending) != 0) continue;
  endpoint->stop();
  const pe::testing::EndpointSummary summary = endpoint->summary();
  std::cout << summary.events << " events, " << summary.action_interactions
            << " action interactions, " << summary.users << " users, " << summary.items
            << " items, " << summary.actions << " actions in " << summary.requests << " requests, "
            << summary.refused_requests << " of them rejected; " << summary.duplicate_events
            << " events were duplicates\n";
  return kSuccess;
}

}  // namespace tools::endpoint

namespace tools {

void add_endpoint(CLI::App& program, Command& chosen) {
  const auto options = std::make_shared<endpoint::Options>();
  options->endpoint.max_records = 100'000;
  pe::testing::LocalEndpointOptions& settings = options->endpoint;
  CLI::App& command =
      *program.add_subcommand("endpoint", "Run a Personalize Events endpoint on this machine");
  command.footer(endpoint::kMoreHelp);
  command.add_option("--port", settings.port, "Port of 127.0.0.1; 0 picks a free one")
      ->capture_default_str();
  command.add_option("--log", options->log_file,
                     "Append each accepted event to this file, as one line of JSON");
  command.add_option("--region", settings.region, "Region that requests must be signed for")
      ->capture_default_str();
  command
      .add_option("--access-key-id", settings.credentials.access_key_id,
                  "Access key ID that requests must be signed with")
      ->capture_default_str();
  command.add_option("--secret-access-key", settings.credentials.secret_access_key,
                     "Its secret access key");
  command.add_option("--session-token", settings.credentials.session_token,
                     "Its session token, if the credentials are temporary");
  command
      .add_option("--quota", settings.max_requests_per_second,
                  "Requests per second above which requests are throttled; 0 is no quota")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  command.add_option("--fault", options->faults, "Fault rule, see below; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--seed", settings.fault_seed, "Random seed of rules with a probability")
      ->capture_default_str();
  command
      .add_option("--keep", settings.max_records,
                  "Number of latest events and requests that /_local/ shows; 0 only counts")
      ->capture_default_str();
  command
      .add_option("--host", settings.hosts,
                  "Further host name by which requests may address the endpoint; may be repeated")
      ->allow_extra_args(false);
  command.add_flag("--export", options->is_export,
                   "Print only shell commands that set the variables of a client and "
                   "PERSONALIZE_EVENTS_ENDPOINT_PID, for: eval \"$(personalize-events endpoint "
                   "--export &)\"");
  command.add_option("--port-file", options->port_file,
                     "Write the port to this file when it is open");
  command.add_flag("!--no-signature-check", options->is_signature_checked,
                   "Accept unsigned requests too");
  command.callback([&chosen, options] { chosen = [options] { return endpoint::run(*options); }; });
}

}  // namespace tools

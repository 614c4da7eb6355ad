// SPDX-License-Identifier: Apache-2.0
//
// A Personalize Events endpoint on this machine, for programs in any language: it checks signatures
// and the service's model, and writes down what it takes. It runs until Ctrl-C.
//
//   ./local_endpoint --port 8080 --log events.jsonl
//
// Needs CLI11 and Boost's headers besides the library.
#include <personalize_events/json/writer.hpp>
#include <personalize_events/personalize_events.hpp>
#include <personalize_events/testing/local_endpoint.hpp>
#include <personalize_events/wire/write.hpp>

#include <CLI/CLI.hpp>

#include <pthread.h>
#include <signal.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <initializer_list>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace pe = personalize_events;

namespace {

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
      pe::json::Writer writer(line);
      writer.begin_object();
      writer.key("operation");
      writer.string(operation_);
      for (const auto& [name, value] : of_request) {
        if (value == nullptr) continue;
        writer.key(name);
        writer.string(*value);
      }
      writer.end_object();
      // What was taken has been validated, so it can be written.
      const std::string members = pe::wire::write(shape).value_or("{}");
      line.back() = ',';
      text_.append(line).append(members, 1, std::string::npos).append("\n");
    }
  }

  std::string operation_;
  std::string text_{};
};

int fail(const std::string& message) {
  std::cerr << "local_endpoint: " << message << "\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  pe::testing::LocalEndpointOptions options;
  options.keep_records = false;  // it may run for ever
  std::string log_file;
  std::string port_file;
  bool no_signature_check = false;

  CLI::App app{"A Personalize Events endpoint on this machine."};
  app.add_option("--port", options.port, "Port of 127.0.0.1; 0 picks a free one")
      ->capture_default_str();
  app.add_option("--log", log_file, "Append each event taken to this file, as one line of JSON");
  app.add_option("--region", options.region, "Region that requests must be signed for")
      ->capture_default_str();
  app.add_option("--access-key-id", options.credentials.access_key_id,
                 "Key that requests must be signed with")
      ->capture_default_str();
  app.add_option("--secret-access-key", options.credentials.secret_access_key, "Its secret");
  app.add_option("--session-token", options.credentials.session_token,
                 "Its session token, if it is a temporary one");
  app.add_option("--port-file", port_file, "Write the port to this file when it is open");
  app.add_flag("--no-signature-check", no_signature_check, "Take unsigned requests too");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;  // 0: --help
  }
  options.check_signature = !no_signature_check;

  std::ofstream log;
  if (!log_file.empty()) {
    log.open(log_file, std::ios::app | std::ios::binary);
    if (!log) return fail(log_file + ": cannot be written");
    options.on_accepted = [&log, &log_file](const pe::testing::AcceptedRequest& accepted) {
      log << JsonLines(accepted).text() << std::flush;
      if (!log) std::cerr << "local_endpoint: " << log_file << ": cannot be written\n";
      log.clear();
    };
  }

  // Blocked before the endpoint's thread begins, so that the signals wait for sigwait below.
  sigset_t endings;
  sigemptyset(&endings);
  sigaddset(&endings, SIGINT);
  sigaddset(&endings, SIGTERM);
  if (pthread_sigmask(SIG_BLOCK, &endings, nullptr) != 0) return fail("signals cannot be blocked");

  auto endpoint = pe::testing::LocalEndpoint::start(options);
  if (!endpoint) return fail(pe::to_string(endpoint.error()));
  std::cout << "Listening on " << endpoint->url() << ". For its clients:\n"
            << "export AWS_ENDPOINT_URL_PERSONALIZE_EVENTS=" << endpoint->url() << "\n"
            << "export AWS_REGION=" << options.region << "\n"
            << "export AWS_ACCESS_KEY_ID=" << options.credentials.access_key_id << "\n"
            << "export AWS_SECRET_ACCESS_KEY=" << options.credentials.secret_access_key << "\n";
  if (!options.credentials.session_token.empty()) {
    std::cout << "export AWS_SESSION_TOKEN=" << options.credentials.session_token << "\n";
  }
  std::cout << std::flush;
  if (!port_file.empty()) {
    // Renamed when it is whole: whoever waits for the file reads a number.
    const std::string unfinished = port_file + ".new";
    std::ofstream(unfinished) << endpoint->port() << "\n";
    if (std::rename(unfinished.c_str(), port_file.c_str()) != 0)
      return fail(port_file + ": cannot be written");
  }

  int ending = 0;
  while (sigwait(&endings, &ending) != 0) continue;
  endpoint->stop();
  const pe::testing::EndpointSummary summary = endpoint->summary();
  std::cout << summary.events << " events, " << summary.action_interactions
            << " action interactions, " << summary.users << " users, " << summary.items
            << " items, " << summary.actions << " actions in " << summary.requests << " requests, "
            << summary.refused_requests << " of them rejected\n";
  return 0;
}

// SPDX-License-Identifier: Apache-2.0

#include "send/sender.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using tools::send::Report;
using tools::send::Row;
using tools::send::Sender;
using tools::send::SenderSettings;
using tools::send::Summary;

namespace {

pe::HttpResponse refusal(int status, std::string code) {
  return pe::HttpResponse{status, {{"x-amzn-ErrorType", std::move(code)}}, "{}"};
}

/// Answers by the body, and keeps all bodies.
class Service : public pe::Transport {
 public:
  using Answer = std::function<pe::Result<pe::HttpResponse>(const std::string& body)>;
  explicit Service(Answer answer) : answer_(std::move(answer)) {}

  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    bodies_.push_back(request.body);
    return answer_(request.body);
  }
  std::vector<std::string> bodies() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return bodies_;
  }

 private:
  const Answer answer_;
  std::mutex mutex_{};
  std::vector<std::string> bodies_{};
};

bool has(const std::string& body, const char* text) { return body.find(text) != std::string::npos; }

pe::Result<pe::HttpResponse> take(const std::string& body) {
  if (has(body, "disliked")) return refusal(400, "InvalidInputException");
  return pe::HttpResponse{200};
}

/// A sender over a service, and what it reports.
struct World {
  explicit World(Service::Answer answer, SenderSettings settings = {"tracker"})
      : service(std::make_shared<Service>(std::move(answer))), sender(settings, report) {
    report.begin_sending({}, 0, 0);
    pe::ClientOptions options;
    options.region = "us-east-1";
    options.endpoint_url = "http://127.0.0.1:1";
    options.credentials = pe::static_credentials({"key", "secret"});
    options.transport = service;
    options.on_attempt = [this](const pe::Attempt& attempt) { sender.attempted(attempt); };
    sender.use(pe::AsyncClient(options));
  }

  void add(const std::string& session, const std::string& item, const std::string& id = {},
           const std::string& tracker = {}) {
    report.found();
    Row row;
    row.origin = {++rows + 1, rows - 1, 4, "row"};
    row.tracking_id = tracker;
    row.session_id = session;
    row.event = pe::Event{"Watch"};
    row.event.item_id = item;
    row.event.event_id = id.empty() ? "id-" + std::to_string(rows) : id;
    sender.add(std::move(row));
  }
  Summary finish() {
    sender.finish();
    return report.finish();
  }

  std::size_t rows{0};
  Report report{false, "rows"};
  std::shared_ptr<Service> service;
  Sender sender;
};

}  // namespace

TEST_CASE("ten rows of a session are one request") {
  World world(take);
  for (int i = 0; i < 10; ++i) world.add("session", "item");
  const Summary summary = world.finish();
  CHECK(summary.sent == 10);
  CHECK(summary.requests == 1);
  CHECK(world.service->bodies().size() == 1);
}

TEST_CASE("rows of any number are sent, each with its id") {
  World world(take);
  for (int i = 0; i < 5000; ++i) world.add("session-" + std::to_string(i % 700), "item");
  const Summary summary = world.finish();
  CHECK(summary.sent == 5000);
  CHECK(summary.not_sent == 0);
  std::size_t ids = 0;
  for (const std::string& body : world.service->bodies()) {
    for (auto at = body.find("\"id-"); at != std::string::npos; at = body.find("\"id-", at + 1)) {
      ++ids;
    }
  }
  CHECK(ids == 5000);
}

TEST_CASE("a row that breaks the model falls alone, and no request is spent on it") {
  World world(take);
  for (int i = 0; i < 10; ++i) world.add("session", i == 3 ? std::string(301, 'x') : "item");
  const Summary summary = world.finish();
  CHECK(summary.sent == 9);
  CHECK(summary.rejected == 1);
  CHECK(summary.requests == 1);
}

TEST_CASE("rows that the service refuses fall alone") {
  World world(take);
  for (int i = 0; i < 10; ++i) world.add("session", i % 9 == 0 ? "disliked" : "item");
  const Summary summary = world.finish();
  CHECK(summary.sent == 8);
  CHECK(summary.rejected == 2);
  CHECK_FALSE(world.sender.stopped_by().has_value());
}

TEST_CASE("rows with one id are as many rows") {
  World world(take);
  world.add("session", "item", "same");
  world.add("session", "item", "same");
  world.add("other", "disliked", "same");
  const Summary summary = world.finish();
  CHECK(summary.sent == 2);
  CHECK(summary.rejected == 1);
  CHECK(summary.not_sent == 0);
}

TEST_CASE("rows may name their tracker") {
  World world(take);
  world.add("session", "item", "id-1");
  world.add("session", "item", "id-2", "other");
  world.add("session", "item", "id-3");
  CHECK(world.finish().sent == 3);
  std::vector<std::string> bodies = world.service->bodies();
  REQUIRE(bodies.size() == 2);
  std::sort(bodies.begin(), bodies.end(), [](const std::string& one, const std::string& other) {
    return has(one, "\"trackingId\":\"tracker\"") > has(other, "\"trackingId\":\"tracker\"");
  });
  CHECK(has(bodies[0], "id-1"));
  CHECK(has(bodies[0], "id-3"));
  CHECK(has(bodies[1], "\"trackingId\":\"other\""));
  CHECK(has(bodies[1], "id-2"));
}

TEST_CASE("keys or a tracker that the service does not know stop the run at once") {
  const int status = GENERATE(401, 403, 404);
  SenderSettings settings{"tracker"};
  settings.patience = std::chrono::hours{1};
  World world(
      [status](const std::string& body) -> pe::Result<pe::HttpResponse> {
        if (has(body, "welcome")) return pe::HttpResponse{200};
        return refusal(status, "SomeException");
      },
      settings);
  for (int i = 0; i < 10; ++i) world.add("first", "welcome");
  for (int i = 0; i < 20; ++i) world.add("second", "item");
  const Summary summary = world.finish();
  REQUIRE(world.sender.stopped_by().has_value());
  CHECK(world.sender.stopped_by()->http_status == status);
  CHECK(tools::send::is_about_the_configuration(*world.sender.stopped_by()));
  CHECK(summary.sent == 10);
  CHECK(summary.rejected == 0);
  CHECK(summary.not_sent == 20);
}

TEST_CASE("a service that takes nothing stops the run when patience is lost") {
  pe::Error away;
  away.kind = pe::ErrorKind::Transport;
  away.retryable = true;
  const int status = GENERATE(0, 500, 503);
  SenderSettings settings{"tracker"};
  settings.patience = std::chrono::milliseconds{200};
  World world(
      [&](const std::string&) -> pe::Result<pe::HttpResponse> {
        if (status == 0) return away;
        return refusal(status, "SomeException");
      },
      settings);
  for (int i = 0; i < 30; ++i) world.add("session-" + std::to_string(i % 5), "item");
  const Summary summary = world.finish();
  REQUIRE(world.sender.stopped_by().has_value());
  CHECK(world.sender.stopped_by()->http_status == status);
  CHECK_FALSE(tools::send::is_about_the_configuration(*world.sender.stopped_by()));
  CHECK(summary.not_sent == 30);
  if (status == 0) CHECK(world.sender.unsure() == 0);
}

TEST_CASE("a service that fails for a moment stops nothing") {
  std::atomic<int> failures{0};
  World world([&failures](const std::string& body) -> pe::Result<pe::HttpResponse> {
    if (failures++ < 5) return refusal(503, "ServiceUnavailable");
    return take(body);
  });
  for (int i = 0; i < 30; ++i) world.add("session-" + std::to_string(i % 5), "item");
  CHECK(world.finish().sent == 30);
  CHECK_FALSE(world.sender.stopped_by().has_value());
}

TEST_CASE("an answer that never came leaves it open whether the rows arrived") {
  pe::Error lost;
  lost.kind = pe::ErrorKind::Transport;
  lost.retryable = true;
  lost.connected = true;
  lost.may_have_been_delivered = true;
  SenderSettings settings{"tracker"};
  settings.patience = std::chrono::milliseconds{200};
  World world([&lost](const std::string&) -> pe::Result<pe::HttpResponse> { return lost; },
              settings);
  for (int i = 0; i < 3; ++i) world.add("session", "item");
  CHECK(world.finish().not_sent == 3);
  CHECK(world.sender.unsure() == 3);
}

TEST_CASE("few rows that are all refused are told one by one") {
  World world(take);
  for (int i = 0; i < 2; ++i) world.add("session-" + std::to_string(i), "disliked");
  const Summary summary = world.finish();
  CHECK(summary.rejected == 2);
  CHECK_FALSE(world.sender.stopped_by().has_value());
}

TEST_CASE("a tracker of which every row is refused stops the run, and is named") {
  SenderSettings settings{"wrong-tracker"};
  settings.patience = std::chrono::milliseconds{200};
  World world(take, settings);
  for (int i = 0; i < 1000; ++i) world.add("session-" + std::to_string(i), "disliked");
  const Summary summary = world.finish();
  REQUIRE(world.sender.stopped_by().has_value());
  CHECK(world.sender.stopped_by()->where == "trackingId \"wrong-tracker\"");
  CHECK(world.sender.stopped_by()->code == "InvalidInputException");
  CHECK(tools::send::is_about_the_configuration(*world.sender.stopped_by()));
  CHECK(summary.rejected == 0);
  CHECK(summary.not_sent == 1000);
  CHECK(summary.requests < 20);
}

TEST_CASE("a file that begins with refused rows of several sessions is sent all the same") {
  World world(take);
  for (int i = 0; i < 4; ++i) world.add("session-" + std::to_string(i), "disliked");
  for (int i = 0; i < 3; ++i) world.add("more-" + std::to_string(i), "item");
  const Summary summary = world.finish();
  CHECK(summary.sent == 3);
  CHECK(summary.rejected == 4);
  CHECK_FALSE(world.sender.stopped_by().has_value());
}

TEST_CASE("a bad tracking id is no row's fault") {
  World world(take, SenderSettings{std::string(257, 't')});
  world.add("session", "item");
  const Summary summary = world.finish();
  CHECK(summary.requests == 0);
  CHECK(summary.not_sent == 1);
  REQUIRE(world.sender.stopped_by().has_value());
  CHECK(world.sender.stopped_by()->where == "trackingId");
  CHECK(tools::send::is_about_the_configuration(*world.sender.stopped_by()));
}

TEST_CASE("when the run is interrupted what was taken is sent, and no row more") {
  World world(take);
  for (int i = 0; i < 25; ++i) world.add("session", "item");
  tools::send::interrupted.store(true);
  world.add("session", "late");
  const Summary summary = world.finish();
  tools::send::interrupted.store(false);
  CHECK(summary.sent == 25);
  CHECK(summary.not_sent == 1);
  for (const std::string& body : world.service->bodies()) CHECK_FALSE(has(body, "late"));
}

TEST_CASE("without a client rows are checked and none is sent") {
  Report report(false, "rows");
  report.begin_sending({}, 0, 0);
  Sender sender({"tracker"}, report);
  for (const char* session : {"session", ""}) {
    report.found();
    Row row;
    row.session_id = session;
    row.event = pe::Event{"Watch"};
    sender.add(std::move(row));
  }
  sender.finish();
  const Summary summary = report.finish();
  CHECK(summary.sent == 1);
  CHECK(summary.rejected == 1);
  CHECK(summary.requests == 0);
}

TEST_CASE("a reason names the member without the place in a batch that nobody sees") {
  pe::Error error;
  error.kind = pe::ErrorKind::InvalidArgument;
  error.where = "eventList[0].itemId";
  error.message = "301 characters, at most 256";
  CHECK(tools::send::reason_of(error) == "itemId: 301 characters, at most 256");
  error.where = "userId";
  CHECK(tools::send::reason_of(error) == "userId: 301 characters, at most 256");
}

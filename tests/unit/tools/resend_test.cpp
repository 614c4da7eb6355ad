// SPDX-License-Identifier: Apache-2.0

#include "spool/resend.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;

namespace {

std::string line_of(const std::string& id, const std::string& tracking_id = "tracker") {
  return R"({"code":"InvalidInputException","message":"no","requestId":"r","trackingId":")" +
         tracking_id + R"(","sessionId":"session-1","userId":"user-7","event":{"eventId":")" + id +
         R"(","eventType":"Watch","eventValue":4.5,"properties":"{\"a\":\"b\"}","sentAt":1.5}})" +
         "\n";
}

/// A spool with rejected events, and a service in memory.
struct World {
  World() {
    REQUIRE(files.make_folder(directory).has_value());
    REQUIRE(files.make_folder(directory + "/rejected").has_value());
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return directory + "/rejected/" + name;
  }
  [[nodiscard]] std::string content(const std::string& name) {
    const auto file = files.open(path(name), pe::OpenFor::Read);
    REQUIRE(file.has_value());
    return tools::spool::resend_detail::content_of(**file).value_or("?");
  }
  [[nodiscard]] std::vector<std::string> names() {
    return files.list_folder(directory + "/rejected").value_or(std::vector<std::string>{"?"});
  }
  tools::spool::Resend resend(bool any_tracking_id = false,
                              std::chrono::milliseconds timeout = std::chrono::minutes{1}) {
    pe::ClientOptions client;
    client.region = "us-east-1";
    client.endpoint_url = "http://127.0.0.1:9";
    client.credentials = pe::static_credentials({"id", "secret"});
    client.async_transport = transport;
    tools::spool::Outcomes outcomes;
    pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
    options.on_delivery = [&outcomes](const pe::Delivery& delivery) { outcomes.add(delivery); };
    auto recorder = pe::make_recorder(std::move(options), pe::AsyncClient{std::move(client)});
    REQUIRE(recorder.has_value());
    const auto resent =
        tools::spool::resend(*recorder, outcomes, files, directory, {"tracker", any_tracking_id},
                             std::chrono::steady_clock::now() + timeout);
    REQUIRE(resent.has_value());
    return *resent;
  }
  [[nodiscard]] std::string bodies() const {
    std::string all;
    for (const auto& request : transport->requests()) all.append(request.body).append("\n");
    return all;
  }

  test::TemporaryFolder folder{};
  std::string directory = folder / "spool";
  pe::detail::SystemFiles files{};
  std::shared_ptr<pe::testing::FakeTransport> transport =
      std::make_shared<pe::testing::FakeTransport>();
};

pe::HttpResponse rejection() {
  pe::HttpResponse refused{400};
  refused.headers = {{"x-amzn-ErrorType", "InvalidInputException"}};
  return refused;
}

}  // namespace

TEST_CASE("a line is the event that was rejected") {
  const tools::spool::RejectedLine line = tools::spool::read_rejected_line(line_of("id-1"));
  CHECK(line.problem.empty());
  CHECK(line.tracking_id == "tracker");
  CHECK(line.session.session_id == "session-1");
  CHECK(line.session.user_id == "user-7");
  CHECK(line.event.event_id == "id-1");
  CHECK(line.event.event_value == 4.5);
  REQUIRE(line.event.sent_at.has_value());
  CHECK(line.event.sent_at->time_since_epoch() == std::chrono::milliseconds{1500});
}

TEST_CASE("a malformed line is refused with the reason, and without its content") {
  const auto problem = [](const std::string& text) {
    return tools::spool::read_rejected_line(text).problem;
  };
  CHECK_FALSE(problem("{").empty());
  CHECK(problem("{}") == "trackingId: missing");
  CHECK(problem(R"({"trackingId":"t"})") == "sessionId: missing");
  CHECK(problem(R"({"trackingId":"t","sessionId":"s"})") == "event: missing");
  const auto event = [&](const std::string& json) {
    return problem(R"({"trackingId":"t","sessionId":"s","event":)" + json + "}");
  };
  CHECK(event("7") == "event: expected an object");
  CHECK(event(R"({"eventType":"a","sentAt":1})") == "event: eventId: missing");
  CHECK(event(R"({"eventType":"a","eventId":"i"})") == "event: sentAt: missing");
  CHECK(event(R"({"eventTyp":"secret"})") == "event: unknown member");
}

TEST_CASE("delivered lines are removed, each sent under its own id and time") {
  World world;
  test::write_file(world.path("a.jsonl"), line_of("id-1") + line_of("id-2"));
  test::write_file(world.path("b.jsonl"), line_of("id-3") + "\n" + line_of("id-1"));
  test::write_file(world.path("note"), "not an event");
  const tools::spool::Resend resent = world.resend();
  CHECK(resent.problems.empty());
  CHECK(resend_json(resent) ==
        "{\"delivered\":4,\"rejected\":0,\"others\":0,\"malformed\":0,\"left\":0,"
        "\"removedFiles\":2}\n");
  CHECK(resend_text(resent) ==
        "delivered  4\nrejected   0\nothers     0\nmalformed  0\nleft       0\n");
  CHECK(world.names() == std::vector<std::string>{"note"});
  CHECK(
      world.bodies().find(
          R"({"eventId":"id-2","eventType":"Watch","eventValue":4.5,"properties":"{\"a\":\"b\"}")") !=
      std::string::npos);
  CHECK(world.bodies().find(R"("sentAt":1.5)") != std::string::npos);
}

TEST_CASE("lines that are malformed, of another tracking id or rejected again stay as they are") {
  World world;
  world.transport->reply(rejection());
  world.transport->reply(pe::HttpResponse{200});
  const std::string other = line_of("id-1", "other");
  const std::string bad = R"({"trackingId":"tracker","sessionId":"s","event":{"eventId":"i"}})";
  const std::string invalid =
      R"({"trackingId":"tracker","sessionId":"","event":{"eventId":"i","eventType":"a","sentAt":1}})";
  test::write_file(world.path("a.jsonl"), other + bad + "\n" + invalid + "\n" + line_of("id-2"));
  test::write_file(world.path("b.jsonl"), line_of("id-3") + other);
  const tools::spool::Resend resent = world.resend();
  CHECK(resent.delivered == 1);
  CHECK(resent.rejected == 1);
  CHECK(resent.others == 2);
  CHECK(resent.malformed == 2);
  CHECK(resent.left == 5);
  CHECK(resent.removed_files == 0);
  REQUIRE(resent.problems.size() == 3);
  CHECK(resent.problems[0].rfind("a.jsonl:2: event: ", 0) == 0);
  CHECK(resent.problems[1].rfind("a.jsonl:3: ", 0) == 0);
  CHECK(resent.problems[2].rfind("a.jsonl:4: rejected again: ", 0) == 0);
  CHECK(world.content("a.jsonl") == other + bad + "\n" + invalid + "\n" + line_of("id-2"));
  CHECK(world.content("b.jsonl") == other);
  CHECK(world.names() == std::vector<std::string>{"a.jsonl", "b.jsonl"});

  const tools::spool::Resend again = world.resend(true);
  CHECK(again.delivered == 3);
  CHECK(again.others == 0);
  CHECK(again.left == 2);
  CHECK(world.content("a.jsonl") == bad + "\n" + invalid + "\n");
}

TEST_CASE("what is not delivered in time stays, in every file") {
  World world;
  world.transport->hold();
  test::write_file(world.path("a.jsonl"), line_of("id-1"));
  test::write_file(world.path("b.jsonl"), line_of("id-2") + line_of("id-3"));
  const tools::spool::Resend resent = world.resend(false, std::chrono::milliseconds{20});
  CHECK(resent.delivered == 0);
  CHECK(resent.malformed == 0);
  CHECK(resent.left == 3);
  CHECK(world.content("a.jsonl") == line_of("id-1"));
  CHECK(world.content("b.jsonl") == line_of("id-2") + line_of("id-3"));
}

TEST_CASE("the file of a living recorder is left") {
  World world;
  test::write_file(world.path("a.jsonl"), line_of("id-1"));
  auto recorder = *world.files.open(world.path("a.jsonl"), pe::OpenFor::Append);
  REQUIRE(recorder->try_lock().value_or(false));
  const tools::spool::Resend resent = world.resend();
  CHECK(resent.delivered == 0);
  REQUIRE(resent.problems.size() == 1);
  CHECK(resent.problems[0].rfind("a.jsonl: in use by a recorder", 0) == 0);
  recorder.reset();
  CHECK(world.resend().delivered == 1);
  CHECK(world.names().empty());
}

TEST_CASE("a spool without rejected events has nothing to send") {
  World world;
  REQUIRE(world.files.remove_folder(world.directory + "/rejected").has_value());
  const tools::spool::Resend resent = world.resend();
  CHECK(resent.left == 0);
  CHECK(resent.problems.empty());
}

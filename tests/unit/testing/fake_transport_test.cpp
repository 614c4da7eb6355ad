// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/testing/fake_transport.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/async_answers.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using test::AsyncAnswers;

TEST_CASE("Without a script every request succeeds as at the service") {
  pe::testing::FakeTransport transport;
  const auto answer = transport.send({"GET", "http://host/"});
  REQUIRE(answer.has_value());
  CHECK(answer->status == 200);
  CHECK(answer->body.empty());
  REQUIRE(answer->headers.size() == 1);
  CHECK(answer->headers[0].first == "x-amzn-RequestId");
}

TEST_CASE("Replies are used in order and the last one is repeated") {
  pe::testing::FakeTransport transport;
  transport.reply(pe::HttpResponse{500});
  transport.reply(pe::detail::make_error(pe::ErrorKind::Timeout, "host:443", "scripted"));
  CHECK(transport.send({"GET"})->status == 500);
  CHECK(transport.send({"GET"}).error().kind == pe::ErrorKind::Timeout);
  CHECK(transport.send({"GET"}).error().kind == pe::ErrorKind::Timeout);
  transport.reply(pe::HttpResponse{204});
  CHECK(transport.send({"GET"})->status == 204);
  CHECK(transport.send({"GET"})->status == 204);
}

TEST_CASE("Requests are recorded as they were") {
  pe::testing::FakeTransport transport;
  REQUIRE(transport.send({"PUT", "http://one/", {{"Name", "value"}}, "body"}).has_value());
  REQUIRE(transport.send({"GET", "http://two/"}).has_value());
  const std::vector<pe::HttpRequest> requests = transport.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].method == "PUT");
  CHECK(requests[0].url == "http://one/");
  CHECK(requests[0].headers == pe::Headers{{"Name", "value"}});
  CHECK(requests[0].body == "body");
  CHECK(requests[1].url == "http://two/");
}

TEST_CASE("The hook sees each request after it was recorded, and may use the transport") {
  pe::testing::FakeTransport transport;
  std::vector<std::size_t> recorded;
  transport.on_send([&](const pe::HttpRequest& request) {
    recorded.push_back(transport.requests().size());
    CHECK(request.url == "http://host/");
    transport.reply(pe::HttpResponse{201});
  });
  CHECK(transport.send({"GET", "http://host/"})->status == 200);
  CHECK(transport.send({"GET", "http://host/"})->status == 201);
  CHECK(recorded == std::vector<std::size_t>{1, 2});
}

TEST_CASE("Threads share one script, and each reply is used once") {
  constexpr int kThreads = 4;
  constexpr int kCalls = 100;
  pe::testing::FakeTransport transport;
  for (int i = 0; i < kThreads * kCalls; ++i) transport.reply(pe::HttpResponse{1000 + i});
  std::vector<std::vector<int>> seen(kThreads);
  std::vector<std::thread> threads;
  for (std::vector<int>& mine : seen) {
    threads.emplace_back([&transport, &mine] {
      for (int i = 0; i < kCalls; ++i) mine.push_back(transport.send({"GET"})->status);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<int> uses(kThreads * kCalls, 0);
  for (const std::vector<int>& mine : seen) {
    for (const int status : mine) ++uses[static_cast<std::size_t>(status - 1000)];
  }
  CHECK(uses == std::vector<int>(kThreads * kCalls, 1));
  CHECK(transport.requests().size() == kThreads * kCalls);
}

TEST_CASE("Started requests are answered by the next poll, in order of start") {
  AsyncAnswers answers;
  pe::testing::FakeTransport transport;
  transport.reply(pe::HttpResponse{500});
  answers.start(transport, {"GET", "http://one/"});
  answers.start(transport, {"GET", "http://two/"});
  REQUIRE(transport.requests().size() == 2);
  CHECK(transport.requests()[1].url == "http://two/");
  // A reply is taken when it is given, so it may be scripted after the start.
  transport.reply(pe::detail::make_error(pe::ErrorKind::Timeout, "host:443", "scripted"));
  transport.poll(std::chrono::minutes{10});
  REQUIRE(answers.told() == 2);
  CHECK(answers.response(0).status == 500);
  CHECK(answers.error(1).kind == pe::ErrorKind::Timeout);
}

TEST_CASE("The hook sees started requests too, and a Done may start another") {
  AsyncAnswers answers;
  pe::testing::FakeTransport transport;
  int seen = 0;
  transport.on_send([&seen](const pe::HttpRequest&) { ++seen; });
  transport.start({"GET"}, [&](const pe::Result<pe::HttpResponse>& result) {
    CHECK(result.has_value());
    answers.start(transport, {"PUT"});
  });
  transport.poll(milliseconds{0});
  CHECK(seen == 2);
  CHECK(answers.told() == 0);
  transport.poll(milliseconds{0});
  CHECK(answers.response(0).status == 200);
}

TEST_CASE("A held transport answers as many as are released") {
  AsyncAnswers answers;
  pe::testing::FakeTransport transport;
  transport.hold();
  for (int i = 0; i < 5; ++i) answers.start(transport, {"GET"});
  transport.poll(milliseconds{0});
  CHECK(answers.told() == 0);
  transport.release(2);
  transport.poll(milliseconds{0});
  CHECK(answers.told() == 2);
  transport.poll(milliseconds{1});
  CHECK(answers.told() == 2);
  transport.release();
  transport.release(1);
  transport.poll(milliseconds{0});
  CHECK(answers.told() == 5);
  answers.start(transport, {"GET"});
  transport.poll(milliseconds{0});
  CHECK(answers.told() == 6);
}

TEST_CASE("A cancelled request gets Cancelled in the next poll and takes no reply") {
  AsyncAnswers answers;
  pe::testing::FakeTransport transport;
  transport.reply(pe::HttpResponse{201});
  transport.reply(pe::HttpResponse{202});
  transport.hold();
  const std::uint64_t first = answers.start(transport, {"GET"});
  answers.start(transport, {"GET"});
  transport.cancel(first);
  transport.cancel(first);
  transport.cancel(first + 10);
  CHECK(answers.told() == 0);
  transport.poll(std::chrono::minutes{10});
  CHECK(answers.told() == 1);
  CHECK(answers.error(0).kind == pe::ErrorKind::Cancelled);
  CHECK(answers.error(0).may_have_been_delivered);
  transport.release();
  transport.poll(milliseconds{0});
  CHECK(answers.response(1).status == 201);
}

TEST_CASE("A wake, a release or a start from another thread ends a poll") {
  AsyncAnswers answers;
  pe::testing::FakeTransport transport;
  transport.wake();
  transport.poll(std::chrono::minutes{10});
  transport.hold();
  answers.start(transport, {"GET"});
  std::thread other{[&transport] { transport.release(); }};
  transport.poll(std::chrono::minutes{10});
  other.join();
  CHECK(answers.told() == 1);
}

TEST_CASE("The destructor cancels what is in flight, and what a Done starts meanwhile") {
  AsyncAnswers answers;
  auto transport = std::make_unique<pe::testing::FakeTransport>();
  transport->hold();
  answers.start(*transport, {"GET"});
  pe::testing::FakeTransport& held = *transport;
  transport->start({"GET"}, [&](const pe::Result<pe::HttpResponse>& result) {
    CHECK_FALSE(result.has_value());
    answers.start(held, {"GET"});
  });
  transport.reset();
  REQUIRE(answers.told() == 2);
  CHECK(answers.error(0).kind == pe::ErrorKind::Cancelled);
  CHECK(answers.error(1).kind == pe::ErrorKind::Cancelled);
}

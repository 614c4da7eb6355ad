// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/testing/fake_transport.hpp"

#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("Without a script every request is answered 200") {
  pe::testing::FakeTransport transport;
  const auto answer = transport.send({"GET", "http://host/"});
  REQUIRE(answer.has_value());
  CHECK(answer->status == 200);
  CHECK(answer->body.empty());
  CHECK(answer->headers.empty());
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

// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/http/inline_transport.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/async_answers.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using test::AsyncAnswers;

namespace {

pe::HttpRequest request(const std::string& body, milliseconds timeout = 15s) {
  pe::HttpRequest made{"POST", "http://host/", {}, body};
  made.timeout = timeout;
  return made;
}

/// Answers with the request's body, after doing what the test wants meanwhile.
class EchoTransport : public pe::Transport {
 public:
  explicit EchoTransport(std::function<void()> meanwhile = [] {})
      : meanwhile_(std::move(meanwhile)) {}
  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& sent) override {
    requests.push_back(sent);
    thread = std::this_thread::get_id();
    meanwhile_();
    return pe::HttpResponse{200, {}, sent.body};
  }
  std::vector<pe::HttpRequest> requests{};
  std::thread::id thread{};

 private:
  std::function<void()> meanwhile_;
};

}  // namespace

TEST_CASE("Each poll sends one request on the thread that polls, in order of start") {
  const auto echo = std::make_shared<EchoTransport>();
  AsyncAnswers answers;
  pe::detail::InlineTransport transport{echo};
  answers.start(transport, request("first"));
  answers.start(transport, request("second"));
  CHECK(echo->requests.empty());
  transport.poll(0ms);
  CHECK(answers.told() == 1);
  CHECK(answers.response(0).body == "first");
  CHECK(echo->thread == std::this_thread::get_id());
  CHECK(echo->requests[0].timeout <= 15s);
  CHECK(echo->requests[0].timeout > 0ms);
  transport.poll(0ms);
  CHECK(answers.response(1).body == "second");
}

TEST_CASE("A request that waited for all its time is not sent") {
  const auto echo = std::make_shared<EchoTransport>();
  AsyncAnswers answers;
  pe::detail::InlineTransport transport{echo};
  answers.start(transport, request("late", 0ms));
  transport.poll(0ms);
  CHECK(echo->requests.empty());
  CHECK(answers.error(0).kind == pe::ErrorKind::Timeout);
  CHECK(answers.error(0).retryable);
  CHECK_FALSE(answers.error(0).may_have_been_delivered);
}

TEST_CASE("What is cancelled or destroyed before its turn was never sent") {
  const auto echo = std::make_shared<EchoTransport>();
  AsyncAnswers answers;
  {
    pe::detail::InlineTransport transport{echo};
    const auto id = answers.start(transport, request("cancelled"));
    answers.start(transport, request("destroyed"));
    transport.cancel(id);
    transport.cancel(id);
    transport.poll(0ms);
    CHECK(answers.error(0).kind == pe::ErrorKind::Cancelled);
    CHECK_FALSE(answers.error(0).may_have_been_delivered);
    CHECK(answers.told() == 1);
  }
  CHECK(answers.error(1).kind == pe::ErrorKind::Cancelled);
  CHECK(echo->requests.empty());
}

TEST_CASE("A wake ends a wait, and one before it too") {
  pe::detail::InlineTransport transport{std::make_shared<EchoTransport>()};
  const auto begin = std::chrono::steady_clock::now();
  transport.wake();
  transport.poll(10s);
  std::thread waker{[&transport] { transport.wake(); }};
  transport.poll(10s);
  waker.join();
  CHECK(std::chrono::steady_clock::now() - begin < 9s);
}

TEST_CASE("Without a Transport each request says so") {
  AsyncAnswers answers;
  pe::detail::InlineTransport transport{nullptr};
  answers.start(transport, request("nowhere"));
  transport.poll(0ms);
  CHECK(answers.error(0).kind == pe::ErrorKind::Configuration);
}

TEST_CASE("A Done may start another request, and cancel one") {
  const auto echo = std::make_shared<EchoTransport>();
  pe::detail::InlineTransport transport{echo};
  AsyncAnswers answers;
  transport.start(request("first"), [&](const pe::Result<pe::HttpResponse>&) {
    transport.cancel(transport.start(request("second"), answers.done()));
    transport.start(request("third"), answers.done());
  });
  REQUIRE(answers.poll(transport, 2));
  CHECK(answers.error(0).kind == pe::ErrorKind::Cancelled);
  CHECK(answers.response(1).body == "third");
}

TEST_CASE("A forked child sends its own requests and none of its parent's") {
  const auto echo = std::make_shared<EchoTransport>();
  AsyncAnswers answers;
  pe::detail::InlineTransport transport{echo};
  answers.start(transport, request("parent"));
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    bool answered = false;
    transport.start(request("child"), [&](const pe::Result<pe::HttpResponse>& result) {
      answered = result && result->body == "child";
    });
    transport.poll(0ms);
    ::_exit(answered && answers.told() == 0 && echo->requests.size() == 1 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  transport.poll(0ms);
  CHECK(answers.response(0).body == "parent");
}

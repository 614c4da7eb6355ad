// SPDX-License-Identifier: Apache-2.0
//
// A name server that does not answer. This executable has a getaddrinfo of its own, which waits
// until the test lets it go and then knows no name, so it holds no other test.
#include <netdb.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "catch.hpp"
#include "personalize_events/curl_async_transport.hpp"
#include "support/async_answers.hpp"
#include "support/raw_server.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using test::AsyncAnswers;

namespace {

/// The name server's side.
struct Resolver {
  std::mutex mutex;
  std::condition_variable changed;
  bool stuck{true};
  int asked{0};

  int answer() {
    std::unique_lock<std::mutex> lock{mutex};
    ++asked;
    changed.wait(lock, [this] { return !stuck; });
    return EAI_AGAIN;
  }

  void set_stuck(bool value) {
    {
      const std::lock_guard<std::mutex> lock{mutex};
      stuck = value;
    }
    changed.notify_all();
  }

  bool was_asked() {
    const std::lock_guard<std::mutex> lock{mutex};
    return asked > 0;
  }
};

// Never destroyed: a thread of libcurl may outlive the test.
Resolver& resolver() {
  static auto* only = new Resolver;
  return *only;
}

bool resolves_in_a_thread() {
  const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
  return (info->features & CURL_VERSION_ASYNCHDNS) != 0 && info->ares == nullptr;
}

pe::HttpRequest to_name(milliseconds timeout) {
  pe::HttpRequest request{"POST", "http://stuck.invalid/", {}, "{}"};
  request.timeout = timeout;
  request.direct = true;
  return request;
}

/// Lets the name server answer after a while, or at the end of the scope.
class Release {
 public:
  Release() : thread_([this] { run(); }) {}
  Release(const Release&) = delete;
  Release& operator=(const Release&) = delete;
  ~Release() {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void run() {
    const auto until = std::chrono::system_clock::now() + milliseconds{300};
    std::unique_lock<std::mutex> lock{mutex_};
    changed_.wait_until(lock, until, [this] { return over_; });
    resolver().set_stuck(false);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_{false};
  std::thread thread_;
};

}  // namespace

extern "C" int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo** result) {
  *result = nullptr;
  return resolver().answer();
}

TEST_CASE("A request whose name is never resolved is cancelled, and leaves others alone") {
  if (!resolves_in_a_thread()) return;
  resolver().set_stuck(true);
  test::RawServer server{test::answer_each(test::http_response(200))};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  const auto id = answers.start(transport, to_name(std::chrono::seconds{15}));
  REQUIRE(AsyncAnswers::poll_until(transport, [] { return resolver().was_asked(); }));

  pe::HttpRequest other{"POST", server.url(), {}, "{}"};
  other.direct = true;
  answers.start(transport, other);
  REQUIRE(answers.poll(transport, 1));
  CHECK(answers.response(1).status == 200);

  const Release release;
  // Before 8.14 libcurl waits here until the name server answers.
  transport.cancel(id);
  transport.poll(milliseconds{0});
  REQUIRE(answers.told() == 2);
  CHECK(answers.error(0).kind == pe::ErrorKind::Cancelled);
  CHECK_FALSE(answers.error(0).may_have_been_delivered);
}

TEST_CASE("A request whose name is never resolved ends at its timeout or when libcurl can") {
  if (!resolves_in_a_thread()) return;
  resolver().set_stuck(true);
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  answers.start(transport, to_name(milliseconds{100}));
  REQUIRE(AsyncAnswers::poll_until(transport, [] { return resolver().was_asked(); }));
  const Release release;
  REQUIRE(answers.poll(transport, 1));
  CHECK_FALSE(answers.error(0).connected);
  CHECK(answers.error(0).retryable);
}

TEST_CASE("The destructor ends while a name is being resolved") {
  if (!resolves_in_a_thread()) return;
  resolver().set_stuck(true);
  AsyncAnswers answers;
  auto transport = std::make_unique<pe::CurlAsyncTransport>();
  answers.start(*transport, to_name(std::chrono::seconds{15}));
  REQUIRE(AsyncAnswers::poll_until(*transport, [] { return resolver().was_asked(); }));
  const Release release;
  transport.reset();
  REQUIRE(answers.told() == 1);
  CHECK(answers.error(0).kind == pe::ErrorKind::Cancelled);
}

// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/worker_transport.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "support/async_answers.hpp"
#include "support/raw_server.hpp"
#include "support/sanitizers.hpp"
#include "support/tls_server.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::AsyncAnswers;

namespace {

pe::HttpRequest request(const std::string& body, milliseconds timeout = std::chrono::seconds{15}) {
  pe::HttpRequest made{"POST", "http://host/", {}, body};
  made.timeout = timeout;
  return made;
}

/// Answers with the request's body, as soon as the gate is open.
class GatedTransport : public pe::Transport {
 public:
  explicit GatedTransport(bool open = false) : open_(open) {}

  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& sent) override {
    std::unique_lock<std::mutex> lock{mutex_};
    sent_.push_back(sent);
    threads_.insert(std::this_thread::get_id());
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    return pe::HttpResponse{200, {}, sent.body};
  }

  void open() {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      open_ = true;
    }
    changed_.notify_all();
  }

  void wait_for(std::size_t count) {
    std::unique_lock<std::mutex> lock{mutex_};
    changed_.wait(lock, [this, count] { return sent_.size() >= count; });
  }

  std::vector<pe::HttpRequest> sent() {
    const std::lock_guard<std::mutex> lock{mutex_};
    return sent_;
  }
  std::size_t threads() {
    const std::lock_guard<std::mutex> lock{mutex_};
    return threads_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_;
  std::vector<pe::HttpRequest> sent_{};
  std::set<std::thread::id> threads_{};
};

void check_cancelled(const pe::Error& error, bool may_have_been_delivered) {
  CHECK(error.kind == pe::ErrorKind::Cancelled);
  CHECK_FALSE(error.retryable);
  CHECK(error.may_have_been_delivered == may_have_been_delivered);
}

}  // namespace

TEST_CASE("Two hundred requests are answered by a few workers, each with its own answer") {
  constexpr std::size_t kRequests = 200;
  const auto gated = std::make_shared<GatedTransport>(true);
  AsyncAnswers answers;
  pe::WorkerTransport transport{gated};
  for (std::size_t i = 0; i < kRequests; ++i) {
    answers.start(transport, request("body " + std::to_string(i)));
  }
  REQUIRE(answers.poll(transport, kRequests));
  for (std::size_t i = 0; i < kRequests; ++i) {
    CHECK(answers.response(i).body == "body " + std::to_string(i));
  }
  CHECK(gated->sent().size() == kRequests);
  CHECK(gated->threads() <= 4);
}

TEST_CASE("As many requests are in flight as there are workers, and the others in order") {
  const auto gated = std::make_shared<GatedTransport>();
  AsyncAnswers answers;
  pe::WorkerTransport transport{gated, 2};
  for (const char* body : {"0", "1", "2", "3"}) answers.start(transport, request(body));
  gated->wait_for(2);
  transport.poll(milliseconds{0});
  CHECK(gated->sent().size() == 2);
  CHECK(answers.told() == 0);
  gated->open();
  REQUIRE(answers.poll(transport, 4));
  CHECK(gated->threads() == 2);
}

TEST_CASE("One worker is enough for one request after another") {
  const auto gated = std::make_shared<GatedTransport>(true);
  AsyncAnswers answers;
  pe::WorkerTransport transport{gated, 1};
  for (std::size_t i = 0; i < 5; ++i) {
    answers.start(transport, request(std::to_string(i)));
    REQUIRE(answers.poll(transport, i + 1));
  }
  CHECK(gated->threads() == 1);
}

TEST_CASE("Errors come as the transport gave them") {
  const auto fake = std::make_shared<pe::testing::FakeTransport>();
  fake->reply(pe::detail::make_error(pe::ErrorKind::Transport, "host:443", "scripted"));
  AsyncAnswers answers;
  pe::WorkerTransport transport{fake};
  answers.start(transport, request(""));
  REQUIRE(answers.poll(transport, 1));
  CHECK(answers.error(0).kind == pe::ErrorKind::Transport);
  CHECK(answers.error(0).where == "host:443");
}

TEST_CASE("Without a transport or a worker every Done tells so") {
  AsyncAnswers answers;
  pe::WorkerTransport without_transport{nullptr};
  answers.start(without_transport, request(""));
  REQUIRE(answers.poll(without_transport, 1));
  CHECK(answers.error(0).kind == pe::ErrorKind::Configuration);
  pe::WorkerTransport without_workers{std::make_shared<GatedTransport>(), 0};
  answers.start(without_workers, request(""));
  REQUIRE(answers.poll(without_workers, 2));
  CHECK(answers.error(1).kind == pe::ErrorKind::Configuration);
}

TEST_CASE("A request that waits for a worker is taken out") {
  const auto gated = std::make_shared<GatedTransport>();
  AsyncAnswers answers;
  pe::WorkerTransport transport{gated, 1};
  answers.start(transport, request("first"));
  const std::uint64_t second = answers.start(transport, request("second"));
  gated->wait_for(1);
  transport.cancel(second);
  transport.cancel(second);
  CHECK(answers.told() == 0);
  transport.poll(std::chrono::seconds{10});
  check_cancelled(answers.error(1), false);
  gated->open();
  REQUIRE(answers.poll(transport, 2));
  CHECK(answers.response(0).body == "first");
  CHECK(gated->sent().size() == 1);
}

TEST_CASE("The answer to a cancelled request in flight is discarded") {
  const auto gated = std::make_shared<GatedTransport>();
  AsyncAnswers answers;
  pe::WorkerTransport transport{gated, 1};
  const std::uint64_t first = answers.start(transport, request("first"));
  gated->wait_for(1);
  transport.cancel(first);
  transport.cancel(first);
  transport.cancel(first + 1);
  CHECK(answers.told() == 0);
  transport.poll(std::chrono::seconds{10});
  check_cancelled(answers.error(0), true);
  gated->open();
  answers.start(transport, request("second"));
  REQUIRE(answers.poll(transport, 2));
  CHECK(answers.response(1).body == "second");
  transport.cancel(first);
  transport.poll(milliseconds{0});
  CHECK(answers.told() == 2);
}

TEST_CASE("A Done may start and cancel") {
  const auto gated = std::make_shared<GatedTransport>(true);
  AsyncAnswers answers;
  pe::WorkerTransport transport{gated, 1};
  transport.start(request("first"), [&](const pe::Result<pe::HttpResponse>& result) {
    CHECK(result.has_value());
    transport.cancel(answers.start(transport, request("second")));
    answers.start(transport, request("third"));
  });
  REQUIRE(answers.poll(transport, 2));
  // The worker may have been faster than the cancellation.
  CHECK(answers.response(1).body == "third");
}

TEST_CASE("The timeout of a request that waits for a worker counts from its start") {
  const auto gated = std::make_shared<GatedTransport>();
  AsyncAnswers answers;
  pe::WorkerTransport transport{gated, 1};
  answers.start(transport, request("first"));
  gated->wait_for(1);
  const auto begin = steady_clock::now();
  answers.start(transport, request("hurried", milliseconds{50}));
  REQUIRE(answers.poll(transport, 1));
  CHECK(steady_clock::now() - begin >= milliseconds{50});
  CHECK(answers.error(1).kind == pe::ErrorKind::Timeout);
  CHECK(answers.error(1).retryable);
  CHECK_FALSE(answers.error(1).may_have_been_delivered);

  answers.start(transport, request("patient"));
  gated->open();
  REQUIRE(answers.poll(transport, 3));
  REQUIRE(gated->sent().size() == 2);
  CHECK(gated->sent()[1].body == "patient");
  CHECK(gated->sent()[1].timeout <= std::chrono::seconds{15});
  CHECK(gated->sent()[1].timeout > milliseconds{0});
}

TEST_CASE("A wake ends a long poll of workers that do nothing") {
  pe::WorkerTransport transport{std::make_shared<GatedTransport>()};
  const auto begin = steady_clock::now();
  transport.wake();
  transport.poll(std::chrono::minutes{10});
  std::thread other{[&transport] { transport.wake(); }};
  transport.poll(milliseconds::max());
  other.join();
  CHECK(steady_clock::now() - begin < std::chrono::seconds{60});
}

TEST_CASE("An answer ends a long poll") {
  const auto gated = std::make_shared<GatedTransport>();
  AsyncAnswers answers;
  pe::WorkerTransport transport{gated};
  answers.start(transport, request("body"));
  std::thread other{[&gated] {
    gated->wait_for(1);
    gated->open();
  }};
  const auto begin = steady_clock::now();
  transport.poll(std::chrono::minutes{10});
  other.join();
  CHECK(answers.told() == 1);
  CHECK(steady_clock::now() - begin < std::chrono::seconds{60});
}

TEST_CASE("The destructor cancels what waits and tells what was in flight") {
  const auto gated = std::make_shared<GatedTransport>();
  AsyncAnswers answers;
  auto transport = std::make_unique<pe::WorkerTransport>(gated, 2);
  for (const char* body : {"0", "1", "2", "3"}) answers.start(*transport, request(body));
  gated->wait_for(2);
  std::atomic<bool> destroying{false};
  std::thread other{[&] {
    while (!destroying) {
    }
    gated->open();
  }};
  destroying = true;
  transport.reset();
  other.join();
  REQUIRE(answers.told() == 4);
  CHECK(answers.response(0).body == "0");
  CHECK(answers.response(1).body == "1");
}

TEST_CASE("What a Done starts during destruction is cancelled, not sent") {
  const auto gated = std::make_shared<GatedTransport>(true);
  AsyncAnswers answers;
  {
    pe::WorkerTransport transport{gated};
    transport.start(request("first"), [&](const pe::Result<pe::HttpResponse>&) {
      answers.start(transport, request("second"));
    });
    gated->wait_for(1);
  }
  REQUIRE(answers.told() == 1);
  check_cancelled(answers.error(0), false);
  CHECK(gated->sent().size() == 1);
}

TEST_CASE("A worker transport that was never used is destroyed") {
  const pe::WorkerTransport transport{std::make_shared<GatedTransport>()};
}

TEST_CASE("A child of a fork has workers of its own and leaves the parent's alone") {
  const auto gated = std::make_shared<GatedTransport>();
  AsyncAnswers answers;
  auto transport = std::make_unique<pe::WorkerTransport>(gated, 1);
  answers.start(*transport, request("parent"));
  gated->wait_for(1);
  const bool uses_it = GENERATE(false, true) && test::kChildMayGoOn;
  const pid_t child = ::fork();
  if (child == 0) {
    bool well = !uses_it;
    if (uses_it) {
      gated->open();
      transport->start(request("child"), [&well](const pe::Result<pe::HttpResponse>& result) {
        well = result && result->body == "child";
      });
      for (int i = 0; i < 200 && !well; ++i) transport->poll(milliseconds{100});
    }
    transport.reset();
    ::_exit(well && answers.told() == 0 ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  gated->open();
  REQUIRE(answers.poll(*transport, 1));
  CHECK(answers.response(0).body == "parent");
}

TEST_CASE("A worker's small stack is enough for libcurl, also over TLS") {
  pe::HttpOptions options;
  AsyncAnswers answers;
  if (test::has_openssl_command()) {
    const test::SelfSigned identity;
    const test::TlsServer server{identity};
    options.ca_file = identity.certificate();
    pe::WorkerTransport transport{std::make_shared<pe::CurlTransport>(options)};
    pe::HttpRequest get{"GET", server.url()};
    get.direct = true;
    get.timeout = std::chrono::seconds{15};
    answers.start(transport, get);
    REQUIRE(answers.poll(transport, 1));
    CHECK(answers.response(0).status == 200);
  }
  AsyncAnswers plain;
  test::RawServer server{test::answer_each(test::http_response(200, std::string(65'536, 'b')))};
  pe::WorkerTransport transport{std::make_shared<pe::CurlTransport>()};
  pe::HttpRequest post{"POST", server.url(), {}, std::string(100'000, 'b')};
  post.direct = true;
  plain.start(transport, post);
  REQUIRE(plain.poll(transport, 1));
  CHECK(plain.response(0).body.size() == 65'536);
}

// SPDX-License-Identifier: Apache-2.0
//
// Failures of libcurl's multi interface. This executable has functions of libcurl's names of its
// own, which either fail or call libcurl's, so it holds no other test.
#define CURL_DISABLE_TYPECHECK

#include <curl/curl.h>

#include <dlfcn.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "catch.hpp"
#include "personalize_events/curl_async_transport.hpp"
#include "support/async_answers.hpp"
#include "support/raw_server.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::AsyncAnswers;

namespace {

/// What is to go wrong, and what was seen. Only `wakeup` is asked by another thread.
struct Injector {
  std::set<std::string> failing{};
  std::atomic<bool> loses_wakeups{false};
  bool raises_sigpipe{false};
  int polls{0};
  int longest_poll{0};
  int cleaned_up{0};

  bool fails(const char* function) const { return failing.count(function) != 0; }
};

Injector& injector() {
  static Injector only;
  return only;
}

/// Puts all in order again at the end of a test.
struct Inject {
  explicit Inject(std::set<std::string> failing = {}) { injector().failing = std::move(failing); }
  Inject(const Inject&) = delete;
  Inject& operator=(const Inject&) = delete;
  ~Inject() {
    injector().failing.clear();
    injector().loses_wakeups = false;
    injector().raises_sigpipe = false;
    injector().polls = 0;
    injector().longest_poll = 0;
    injector().cleaned_up = 0;
  }
};

template <class Function>
Function* real(const char* name, Function*) {
  void* found = dlsym(RTLD_NEXT, name);
  REQUIRE(found != nullptr);
  return reinterpret_cast<Function*>(found);
}

/// As a write of the TLS library to a closed connection would.
void raise_if_wanted() {
  if (injector().raises_sigpipe) static_cast<void>(::raise(SIGPIPE));
}

pe::HttpRequest post(const std::string& url) {
  pe::HttpRequest request{"POST", url, {}, "{}"};
  request.timeout = std::chrono::seconds{15};
  request.direct = true;
  return request;
}

}  // namespace

// The parameters' names are those of the manual pages.
extern "C" {

CURLM* curl_multi_init(void) {
  if (injector().fails("curl_multi_init")) return nullptr;
  return real("curl_multi_init", curl_multi_init)();
}
CURL* curl_easy_init(void) {
  if (injector().fails("curl_easy_init")) return nullptr;
  return real("curl_easy_init", curl_easy_init)();
}
CURLMcode curl_multi_add_handle(CURLM* multi_handle, CURL* easy_handle) {
  if (injector().fails("curl_multi_add_handle")) return CURLM_OUT_OF_MEMORY;
  return real("curl_multi_add_handle", curl_multi_add_handle)(multi_handle, easy_handle);
}
CURLMcode curl_multi_remove_handle(CURLM* multi_handle, CURL* easy_handle) {
  raise_if_wanted();
  // Once: libcurl calls this function itself when a handle is freed.
  if (injector().failing.erase("curl_multi_remove_handle") != 0) return CURLM_INTERNAL_ERROR;
  return real("curl_multi_remove_handle", curl_multi_remove_handle)(multi_handle, easy_handle);
}
CURLMcode curl_multi_perform(CURLM* multi_handle, int* running_handles) {
  raise_if_wanted();
  if (injector().fails("curl_multi_perform")) return CURLM_OUT_OF_MEMORY;
  // As if the network stood still and libcurl's clock with it.
  if (injector().fails("time")) return CURLM_OK;
  return real("curl_multi_perform", curl_multi_perform)(multi_handle, running_handles);
}
CURLMcode curl_multi_poll(CURLM* multi_handle, curl_waitfd extra_fds[], unsigned int extra_nfds,
                          int timeout_ms, int* numfds) {
  ++injector().polls;
  injector().longest_poll = std::max(injector().longest_poll, timeout_ms);
  if (injector().fails("curl_multi_poll")) return CURLM_UNRECOVERABLE_POLL;
  return real("curl_multi_poll", curl_multi_poll)(multi_handle, extra_fds, extra_nfds, timeout_ms,
                                                  numfds);
}
CURLMcode curl_multi_wakeup(CURLM* multi_handle) {
  if (injector().loses_wakeups) return CURLM_OK;
  return real("curl_multi_wakeup", curl_multi_wakeup)(multi_handle);
}
CURLMcode curl_multi_cleanup(CURLM* multi_handle) {
  raise_if_wanted();
  ++injector().cleaned_up;
  return real("curl_multi_cleanup", curl_multi_cleanup)(multi_handle);
}

}  // extern "C"

TEST_CASE("Without memory for a handle or a transfer each Done gets a retryable Transport error") {
  const std::string function =
      GENERATE("curl_multi_init", "curl_easy_init", "curl_multi_add_handle", "curl_multi_perform");
  CAPTURE(function);
  test::RawServer server{test::answer_each(test::http_response(200))};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  // libcurl calls some of the functions itself when it makes a multi handle.
  if (function != "curl_multi_init") transport.poll(milliseconds{0});
  const Inject inject{{function}};
  for (int i = 0; i < 3; ++i) answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 3));
  for (std::size_t i = 0; i < 3; ++i) {
    const pe::Error error = answers.error(i);
    CHECK(error.kind == pe::ErrorKind::Transport);
    CHECK(error.code == "NoMemory");
    CHECK(error.retryable);
    CHECK_FALSE(error.may_have_been_delivered);
  }
  injector().failing.clear();
  answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 4));
  CHECK(answers.response(3).status == 200);
}

TEST_CASE("Where libcurl cannot wait, a poll still does, and wake still ends it") {
  const std::string function = GENERATE("curl_multi_init", "curl_multi_poll");
  CAPTURE(function);
  const Inject inject{{function}};
  pe::CurlAsyncTransport transport;
  auto begin = steady_clock::now();
  transport.poll(milliseconds{100});
  CHECK(steady_clock::now() - begin >= milliseconds{90});
  transport.wake();
  begin = steady_clock::now();
  transport.poll(std::chrono::seconds{10});
  CHECK(steady_clock::now() - begin < milliseconds{900});
}

TEST_CASE("A handle that libcurl does not give back is not used again") {
  test::RawServer server{test::answer_each(test::http_response(200))};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  {
    const Inject inject{{"curl_multi_remove_handle"}};
    answers.start(transport, post(server.url()));
    REQUIRE(answers.poll(transport, 1));
  }
  answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 2));
  CHECK(answers.response(0).status == 200);
  CHECK(answers.response(1).status == 200);
}

TEST_CASE("A request that libcurl forgets is ended soon after its deadline") {
  test::RawServer server{test::answer_each(test::http_response(200))};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  const Inject inject{{"time"}};
  pe::HttpRequest request = post(server.url());
  request.timeout = milliseconds{50};
  const auto begin = steady_clock::now();
  answers.start(transport, request);
  REQUIRE(answers.poll(transport, 1));
  CHECK(answers.error(0).kind == pe::ErrorKind::Timeout);
  CHECK(steady_clock::now() - begin >= pe::detail::kDeadlineGrace);
}

TEST_CASE("A wake-up that libcurl loses before it waits is not lost") {
  const Inject inject;
  injector().loses_wakeups = true;
  pe::CurlAsyncTransport transport;
  transport.poll(milliseconds{0});
  injector().polls = 0;  // the set-up polls once
  transport.wake();
  transport.poll(std::chrono::seconds{10});
  CHECK(injector().polls == 0);  // it did not even begin to wait
  transport.poll(milliseconds{1});
  CHECK(injector().polls == 1);
}

TEST_CASE("A wake-up that libcurl loses while it waits delays nothing for more than a second") {
  const Inject inject;
  injector().loses_wakeups = true;
  pe::CurlAsyncTransport transport;
  const auto begin = steady_clock::now();
  std::thread other{[&transport] { transport.wake(); }};
  transport.poll(std::chrono::minutes{10});
  other.join();
  CHECK(steady_clock::now() - begin < std::chrono::seconds{10});
  CHECK(injector().longest_poll <= 1000);
}

TEST_CASE("To wait for an answer takes few rounds") {
  test::RawServer server{[](test::RawConnection& connection) {
    static_cast<void>(connection.read_request());
    static_cast<void>(connection.wait_for_release());
  }};
  AsyncAnswers answers;
  const Inject inject;
  pe::CurlAsyncTransport transport;
  pe::HttpRequest request = post(server.url());
  request.timeout = milliseconds{500};
  answers.start(transport, request);
  REQUIRE(answers.poll(transport, 1));
  CHECK(answers.error(0).kind == pe::ErrorKind::Timeout);
  CHECK(injector().polls < 50);
}

TEST_CASE("The destructor gives libcurl all back") {
  test::RawServer server{
      [](test::RawConnection& connection) { static_cast<void>(connection.read_request()); }};
  AsyncAnswers answers;
  const Inject inject;
  {
    pe::CurlAsyncTransport transport;
    answers.start(transport, post(server.url()));
    transport.poll(milliseconds{0});
  }
  CHECK(answers.told() == 1);
  CHECK(injector().cleaned_up == 1);
}

TEST_CASE("A SIGPIPE that arises within libcurl never reaches the caller") {
  static volatile sig_atomic_t raised = 0;
  raised = 0;
  struct sigaction former {};
  struct sigaction count {};
  count.sa_handler = [](int) { raised = raised + 1; };
  REQUIRE(::sigaction(SIGPIPE, &count, &former) == 0);
  {
    const Inject inject;
    injector().raises_sigpipe = true;
    test::RawServer server{test::answer_each(test::http_response(200))};
    AsyncAnswers answers;
    pe::CurlAsyncTransport transport;
    transport.start(post(server.url()), [&](const pe::Result<pe::HttpResponse>& result) {
      CHECK(result.has_value());
      static_cast<void>(::raise(SIGPIPE));  // the application's own does reach it
    });
    REQUIRE(AsyncAnswers::poll_until(transport, [&] { return raised > 0; }));
    answers.start(transport, post(server.url()));
    transport.poll(milliseconds{0});
    answers.start(transport, post(server.url()));
  }
  CHECK(raised == 1);
  REQUIRE(::sigaction(SIGPIPE, &former, nullptr) == 0);
}

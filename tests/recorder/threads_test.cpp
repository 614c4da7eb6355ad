// SPDX-License-Identifier: Apache-2.0
//
// What a recorder does to the threads of its process: none that it was not allowed, small stacks,
// no signals, and callbacks that end with it.

#include <dirent.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/detail/platform/thread.hpp"
#include "support/local_endpoint.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::FaultRule;
using pe::testing::LocalEndpoint;
using pe::testing::LocalEndpointOptions;
using pe::testing::Sending;

namespace {

struct ThreadOfProcess {
  std::string name{};
  std::uint64_t blocked_signals{0};
};

// The threads of this process, as the system knows them.
std::vector<ThreadOfProcess> threads_now() {
  std::vector<ThreadOfProcess> threads;
  const std::string folder = "/proc/self/task";
  DIR* tasks = ::opendir(folder.c_str());
  REQUIRE(tasks != nullptr);
  while (const dirent* task = ::readdir(tasks)) {
    if (task->d_name[0] == '.') continue;
    ThreadOfProcess thread;
    std::ifstream status{folder + "/" + task->d_name + "/status"};
    for (std::string line; std::getline(status, line);) {
      if (line.rfind("Name:\t", 0) == 0) thread.name = line.substr(6);
      if (line.rfind("SigBlk:\t", 0) == 0) {
        thread.blocked_signals = std::stoull(line.substr(8), nullptr, 16);
      }
    }
    threads.push_back(thread);
  }
  ::closedir(tasks);
  return threads;
}

constexpr std::uint64_t bit_of(int signal_number) {
  return std::uint64_t{1} << static_cast<unsigned>(signal_number - 1);
}

std::atomic<int> sigpipes{0};
std::atomic<int> signals_elsewhere{0};
pthread_t main_thread{};

void count_signal(int number) {
  if (number == SIGPIPE) ++sigpipes;
  if (::pthread_equal(::pthread_self(), main_thread) == 0) ++signals_elsewhere;
}

// Handles a signal by counting it, for the lifetime of this.
class Counted {
 public:
  explicit Counted(int number) : number_(number) {
    struct sigaction action {};
    action.sa_handler = count_signal;
    REQUIRE(::sigaction(number_, &action, &former_) == 0);
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { ::sigaction(number_, &former_, nullptr); }

 private:
  int number_;
  struct sigaction former_ {};
};

// Runs a recorder of the application's own until so many events were told.
void run_until_told(pe::EventRecorder& recorder, const test::Told& told, std::size_t events) {
  const auto until = std::chrono::steady_clock::now() + test::Told::kPatience;
  while (told.deliveries().size() < events && std::chrono::steady_clock::now() < until) {
    const pe::RunReport report = recorder.run_once(50ms);
    CHECK(report.next_wake <= 1s);
  }
}

}  // namespace

TEST_CASE("A recorder that the application drives starts no thread") {
  const LocalEndpoint endpoint = test::local_endpoint();
  const bool is_blocking = GENERATE(false, true);
  test::Told told;
  pe::RecorderOptions options = told.options();
  options.driver = pe::Driver::Manual;
  pe::ClientOptions client = test::recorder_client(endpoint.url());
  if (is_blocking) {
    client = test::client_options(endpoint);
    REQUIRE(client.transport != nullptr);
  }
  const std::size_t before = threads_now().size();
  auto recorder = pe::make_recorder(options, client);
  REQUIRE(recorder.has_value());
  constexpr std::size_t kSessions = 40;
  for (std::size_t i = 0; i < kSessions; ++i) {
    const std::string session = "visit-" + std::to_string(i);
    REQUIRE(recorder->record({session}, pe::Event{"Watch"}).has_value());
  }
  CHECK(endpoint.summary().requests == 0);
  run_until_told(*recorder, told, kSessions / 2);
  CHECK(threads_now().size() == before);
  CHECK(recorder->close(60s).complete);
  CHECK(threads_now().size() == before);
  CHECK(told.events(pe::Outcome::Delivered) == kSessions);
  CHECK(endpoint.summary().events == kSessions);
  CHECK(endpoint.summary().duplicate_events == 0);
}

TEST_CASE("A flush that drives the loop ends as soon as all was told") {
  const LocalEndpoint endpoint = test::local_endpoint();
  test::Told told;
  pe::RecorderOptions options = told.options();
  options.driver = pe::Driver::Manual;
  options.linger = 1h;
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 30; ++i) {
    REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
    CHECK(recorder->flush(60s).delivered == 1);
  }
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
}

TEST_CASE("Another thread may wait while one drives the recorder") {
  const LocalEndpoint endpoint = test::local_endpoint();
  test::Told told;
  pe::RecorderOptions options = told.options();
  options.driver = pe::Driver::Manual;
  options.linger = 1h;
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  std::atomic<bool> is_over{false};
  std::thread driver{[&] {
    while (!is_over) recorder->run_once(1s);
  }};
  REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
  CHECK(recorder->flush(60s).delivered == 1);
  is_over = true;
  recorder->flush_soon();
  driver.join();
}

TEST_CASE("Any thread can record that has 128 KiB of stack") {
  const LocalEndpoint endpoint = test::local_endpoint();
  test::Told told;
  auto recorder = pe::make_recorder(told.options(), test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  pe::Event event{"Watch"};
  event.item_id = "movie-42";
  event.properties = pe::Properties{};
  for (int i = 0; i < 20; ++i) event.properties->set("key-" + std::to_string(i), "value");
  std::atomic<int> accepted{0};
  std::vector<pe::detail::Thread> threads;
  for (int t = 0; t < 8; ++t) {
    auto thread = pe::detail::Thread::start(
        "small",
        [&, t] {
          for (int i = 0; i < 25; ++i) {
            if (recorder->record({"visit-" + std::to_string(t)}, event)) ++accepted;
          }
          if (recorder->flush(60s).pending > 0) accepted = -1000;
        },
        131'072);
    REQUIRE(thread.has_value());
    threads.push_back(*std::move(thread));
  }
  threads.clear();
  CHECK(accepted == 200);
  CHECK(recorder->stats().delivered == 200);
}

TEST_CASE("The recorder's thread has a stack of its own size") {
  const LocalEndpoint endpoint = test::local_endpoint();
  test::Told told;
  std::atomic<std::size_t> stack{0};
  pe::RecorderOptions options = told.options();
  options.on_delivery = [&](const pe::Delivery& delivery) {
    pthread_attr_t attributes;
    std::size_t size = 0;
    if (::pthread_getattr_np(::pthread_self(), &attributes) == 0) {
      if (::pthread_attr_getstacksize(&attributes, &size) == 0) stack = size;
      ::pthread_attr_destroy(&attributes);
    }
    told.add(delivery);
  };
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
  REQUIRE(told.wait_for_events(1));
  CHECK(stack >= 512U * 1024U);
  CHECK(stack <= 1024U * 1024U);
}

TEST_CASE("No signal reaches the recorder's thread, and no SIGPIPE anybody") {
  main_thread = ::pthread_self();
  sigpipes = 0;
  signals_elsewhere = 0;
  const Counted pipe{SIGPIPE};
  const Counted user{SIGUSR1};
  FaultRule reset;
  reset.sending = Sending::ResetBefore;
  reset.probability = 0.5;
  LocalEndpointOptions endpoint_options;
  endpoint_options.faults = {reset};
  const LocalEndpoint endpoint = test::local_endpoint(endpoint_options);
  test::Told told;
  auto recorder = pe::make_recorder(told.options(), test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  for (std::size_t i = 0; i < 500; ++i) {
    const std::string session = "visit-" + std::to_string(i);
    REQUIRE(recorder->record({session}, pe::Event{"Watch"}).has_value());
  }
  REQUIRE(told.wait_for_events(1));  // by then the thread has its name
  std::size_t loops = 0;
  for (const ThreadOfProcess& thread : threads_now()) {
    if (thread.name.rfind("pe-", 0) != 0) continue;
    ++loops;
    for (const int number : {SIGPIPE, SIGUSR1, SIGTERM, SIGINT, SIGCHLD, SIGALRM, SIGHUP}) {
      INFO(thread.name << " and signal " << number);
      CHECK((thread.blocked_signals & bit_of(number)) != 0);
    }
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT}) {
      CHECK((thread.blocked_signals & bit_of(number)) == 0);
    }
  }
  CHECK(loops == 1);
  REQUIRE(::raise(SIGUSR1) == 0);
  CHECK(recorder->close(60s).complete);
  CHECK(told.events(pe::Outcome::Delivered) == 500);
  CHECK(sigpipes == 0);
  CHECK(signals_elsewhere == 0);
}

TEST_CASE("No callback comes after the recorder, although its client's thread goes on") {
  LocalEndpoint gone = test::local_endpoint();
  gone.stop();
  const pe::AsyncClient client{test::recorder_client(gone.url())};
  for (int i = 0; i < 5; ++i) {
    std::promise<void> destroyed;
    std::promise<void> called;
    std::atomic<bool> was_late{false};
    std::atomic<int> calls{0};
    pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
    options.linger = 0ms;
    options.shutdown_timeout = 0ms;
    options.on_fault = [&, is_destroyed = destroyed.get_future().share()](const pe::Fault&) {
      if (++calls == 1) called.set_value();
      if (is_destroyed.wait_for(100ms) == std::future_status::ready) was_late = true;
      --calls;
    };
    {
      auto recorder = pe::make_recorder(options, client);
      REQUIRE(recorder.has_value());
      REQUIRE(recorder->record({"visit"}, pe::Event{"Watch"}).has_value());
      REQUIRE(called.get_future().wait_for(test::Told::kPatience) == std::future_status::ready);
    }
    CHECK(calls == 0);
    destroyed.set_value();
    CHECK_FALSE(was_late);
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// What the tests of a recorder in trouble share: a service in virtual time that keeps what arrives
// in its order, and a machine with a disk in memory whose processes are killed at will.
#ifndef PERSONALIZE_EVENTS_TESTS_RECORDER_TROUBLE_WORLD_HPP
#define PERSONALIZE_EVENTS_TESTS_RECORDER_TROUBLE_WORLD_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/faulty_files.hpp"
#include "support/mortal_files.hpp"
#include "support/recorder_world.hpp"

namespace trouble {

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// The service and the way to it. The ids of events are "e<session>-<order>".
class Service final : public pe::AsyncTransport {
 public:
  bool is_up{true};
  /// The service's Date header; empty: the platform's wall clock.
  std::optional<std::chrono::system_clock::time_point> date{};
  std::uint64_t requests{0};
  /// While set, `poll` lets time pass there, for calls that run the loop by themselves.
  std::shared_ptr<pe::testing::VirtualPlatform> passes_time_of{};
  /// Events by their first arrival.
  std::set<std::pair<std::uint64_t, std::uint64_t>> arrived{};
  /// First arrivals after a later event of their session.
  std::uint64_t inversions{0};

  std::uint64_t start(pe::HttpRequest request, Done done) override {
    waiting_.emplace_back(std::move(request), std::move(done));
    return ++last_;
  }
  void cancel(std::uint64_t) override {}
  void poll(milliseconds at_most) override {
    if (passes_time_of && waiting_.empty()) passes_time_of->advance(at_most);
    for (auto& [request, done] : std::exchange(waiting_, {})) {
      ++requests;
      if (!is_up) {
        done(pe::detail::make_error(pe::ErrorKind::Transport, "network", "is down"));
        continue;
      }
      take(request.body);
      pe::Headers headers{{"x-amzn-RequestId", "r" + std::to_string(requests)}};
      if (date) headers.emplace_back("Date", pe::detail::format_http_date(*date));
      done(pe::HttpResponse{200, std::move(headers), {}});
    }
  }
  void wake() override {}

 private:
  void take(const std::string& body) {
    for (std::size_t at = body.find("\"eventId\":\"e"); at != std::string::npos;
         at = body.find("\"eventId\":\"e", at + 1)) {
      char* end = nullptr;
      const std::uint64_t session = std::strtoull(body.c_str() + at + 12, &end, 10);
      const std::uint64_t order = std::strtoull(end + 1, nullptr, 10);
      if (!arrived.emplace(session, order).second) continue;
      std::uint64_t& last = last_of_[session];
      if (order < last) ++inversions;
      last = std::max(last, order);
    }
  }

  std::vector<std::pair<pe::HttpRequest, Done>> waiting_{};
  std::uint64_t last_{0};
  std::map<std::uint64_t, std::uint64_t> last_of_{};
};

/// A process with one recorder.
struct Process {
  std::shared_ptr<pe::testing::VirtualPlatform> platform{};
  std::shared_ptr<test::MortalFiles> files{};
  std::unique_ptr<pe::EventRecorder> recorder{};

  /// SIGKILL: nothing of it reaches the disk from now on.
  void kill() {
    files->life().is_over = true;
    recorder.reset();
  }
};

/// A machine whose disk and service all its processes share.
class Machine {
 public:
  /// `disk` outlives it.
  explicit Machine(pe::FileSystem& disk) : disk_(disk) {}

  std::shared_ptr<Service> service = std::make_shared<Service>();
  std::map<std::uint64_t, std::uint64_t> recorded{};
  std::vector<pe::Fault> faults{};
  std::vector<pe::Delivery> deliveries{};

  [[nodiscard]] pe::RecorderOptions options() {
    pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
    options.driver = pe::Driver::Manual;
    options.linger = milliseconds{20};
    options.shutdown_timeout = milliseconds{0};
    options.spool.emplace();
    options.spool->directory = "/spool";
    options.spool->min_free_bytes = 0;
    options.on_fault = [this](const pe::Fault& fault) { faults.push_back(fault); };
    options.on_delivery = [this](const pe::Delivery& one) { deliveries.push_back(one); };
    return options;
  }

  Process start(pe::RecorderOptions options) {
    Process process;
    process.platform = std::make_shared<pe::testing::VirtualPlatform>();
    process.platform->seed(++started_ + seed);
    process.files = std::make_shared<test::MortalFiles>(disk_);
    pe::ClientOptions client;
    client.region = "us-east-1";
    client.credentials = pe::static_credentials({"AKID", "SECRET"});
    client.async_transport = service;
    client.platform = process.platform;
    auto recorder = pe::detail::make_recorder(
        std::move(options),
        std::make_shared<pe::detail::AsyncCore>(client, pe::detail::LoopDriver::Manual),
        process.files);
    REQUIRE(recorder.has_value());
    process.recorder = std::make_unique<pe::EventRecorder>(*std::move(recorder));
    return process;
  }

  pe::Result<void> record(Process& process, std::uint64_t session, std::size_t bytes = 0) {
    pe::Event event{"Watch"};
    event.event_id = "e" + std::to_string(session) + "-" + std::to_string(recorded[session] + 1);
    for (; bytes > 250; bytes -= 250) event.impression.emplace_back(250, 'x');
    auto result = process.recorder->record({"visit-" + std::to_string(session)}, std::move(event));
    if (result) ++recorded[session];
    return result;
  }

  /// Lets virtual time pass.
  void run(Process& process, milliseconds duration, milliseconds step = milliseconds{10}) const {
    for (milliseconds passed{0}; passed < duration; passed += step) {
      process.recorder->run_once(milliseconds{0});
      process.platform->advance(step);
    }
  }

  /// Closes; returns the virtual time that it took.
  milliseconds close(Process& process, milliseconds timeout) const {
    const auto begin = process.platform->steady_now();
    service->passes_time_of = process.platform;
    process.recorder->close(timeout);
    service->passes_time_of = nullptr;
    return std::chrono::duration_cast<milliseconds>(process.platform->steady_now() - begin);
  }

  /// How many of the recorded events have not arrived.
  [[nodiscard]] std::uint64_t missing() const {
    std::uint64_t count = 0;
    for (const auto& [session, events] : recorded) {
      for (std::uint64_t order = 1; order <= events; ++order) {
        if (service->arrived.count({session, order}) == 0) ++count;
      }
    }
    return count;
  }
  [[nodiscard]] std::size_t faults_of(pe::FaultKind kind) const {
    std::size_t count = 0;
    for (const pe::Fault& fault : faults) count += fault.kind == kind && !fault.cleared ? 1U : 0U;
    return count;
  }
  [[nodiscard]] std::size_t ended_as(pe::Outcome outcome) const {
    std::size_t count = 0;
    for (const pe::Delivery& one : deliveries) {
      if (one.outcome == outcome) count += one.event_ids.size();
    }
    return count;
  }

  std::uint64_t seed{0};

 private:
  pe::FileSystem& disk_;
  std::uint64_t started_{0};
};

}  // namespace trouble

#endif

// SPDX-License-Identifier: Apache-2.0
//
// A recorder over libcurl against an endpoint that fails in many ways: nothing is lost, nothing is
// told twice or wrongly, and the numbers add up at any moment. PERSONALIZE_EVENTS_SCALE makes the
// crowds larger or smaller.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/local_endpoint.hpp"
#include "support/recorder_world.hpp"
#include "support/sanitizers.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::FaultRule;
using pe::testing::LocalEndpoint;
using pe::testing::LocalEndpointOptions;
using pe::testing::Sending;

namespace {

// Seven ways to fail, one in twenty requests each: three in ten fail.
std::vector<FaultRule> mixed_faults() {
  std::vector<FaultRule> rules;
  const auto add = [&rules](int status, const char* code, Sending sending) {
    FaultRule rule;
    rule.status = status;
    rule.code = code;
    rule.sending = sending;
    rule.probability = 0.05;
    rules.push_back(rule);
  };
  add(500, "InternalFailure", Sending::Whole);
  add(502, "", Sending::Whole);
  add(503, "ServiceUnavailable", Sending::Whole);
  add(0, "", Sending::ResetBefore);
  add(0, "", Sending::ResetAfter);
  add(0, "", Sending::CutInHead);
  add(0, "", Sending::CutInBody);
  return rules;
}

// An event that can be found again at the other end.
pe::Event numbered(const std::string& session, std::size_t number) {
  pe::Event event{"Watch"};
  event.item_id = session + "/" + std::to_string(number);
  return event;
}

// Asks for the numbers five thousand times a second, and counts when they do not add up.
class Accountant {
 public:
  explicit Accountant(const pe::EventRecorder& recorder)
      : thread_([this, &recorder] {
          std::unique_lock<std::mutex> lock{mutex_};
          do {
            if (!test::adds_up(recorder.stats())) ++wrong_;
            ++looks_;
            // Not at once: each look takes the lock of those that record.
          } while (!ended_.wait_for(lock, 200us, [this] { return is_over_; }));
        }) {}
  Accountant(const Accountant&) = delete;
  Accountant& operator=(const Accountant&) = delete;
  ~Accountant() { end(); }

  void end() {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      is_over_ = true;
    }
    ended_.notify_one();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] int wrong() const { return wrong_; }
  [[nodiscard]] int looks() const { return looks_; }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_over_{false};
  // Read once the thread has ended.
  int wrong_{0};
  int looks_{0};
  std::thread thread_;
};

// Records from four threads, each with sessions of its own, in turn.
void record_crowd(pe::EventRecorder& recorder, std::size_t events, std::size_t sessions) {
  constexpr std::size_t threads = 4;
  std::atomic<std::size_t> refused{0};
  std::vector<std::thread> crowd;
  for (std::size_t t = 0; t < threads; ++t) {
    crowd.emplace_back([&, t] {
      for (std::size_t i = t; i < events; i += threads) {
        const std::string session =
            "visit-" + std::to_string(t) + "-" + std::to_string(i / threads % (sessions / threads));
        if (!recorder.record({session, "user"}, numbered(session, i))) ++refused;
      }
    });
  }
  for (std::thread& thread : crowd) thread.join();
  CHECK(refused == 0);
}

// What arrived agrees with what was told; answers how many events arrived.
std::size_t check_told(const std::vector<pe::testing::AcceptedEvent>& arrived,
                       const std::vector<pe::Delivery>& deliveries) {
  std::map<std::string, std::string> id_of_item;
  std::set<std::string> arrived_ids;
  std::size_t changed_ids = 0;
  for (const auto& one : arrived) {
    const auto [known, is_new] = id_of_item.emplace(*one.event.item_id, *one.event.event_id);
    if (!is_new && known->second != *one.event.event_id) ++changed_ids;
    arrived_ids.insert(*one.event.event_id);
  }
  CHECK(changed_ids == 0);
  CHECK(arrived_ids.size() == id_of_item.size());

  std::set<std::string> told_ids;
  std::size_t told_twice = 0;
  std::size_t delivered_but_absent = 0;
  std::size_t there_but_denied = 0;
  for (const pe::Delivery& told : deliveries) {
    const bool is_delivered = told.outcome == pe::Outcome::Delivered;
    for (const std::string& id : told.event_ids) {
      if (!told_ids.insert(id).second) ++told_twice;
      const bool is_there = arrived_ids.count(id) > 0;
      if (is_delivered && !is_there) ++delivered_but_absent;
      if (!is_delivered && is_there && !told.may_have_been_delivered) ++there_but_denied;
    }
  }
  CHECK(told_twice == 0);
  CHECK(delivered_but_absent == 0);
  CHECK(there_but_denied == 0);
  for (const std::string& id : arrived_ids) {
    if (told_ids.count(id) == 0) FAIL("an event arrived and was never told");
  }
  return arrived_ids.size();
}

}  // namespace

TEST_CASE("A hundred thousand events arrive although three requests in ten fail") {
  const std::size_t events = test::scaled(100'000);
  LocalEndpointOptions endpoint_options;
  endpoint_options.faults = mixed_faults();
  const LocalEndpoint endpoint = test::local_endpoint(endpoint_options);
  test::Told told;
  pe::RecorderOptions options = told.options();
  options.when_full = pe::WhenFull::Block;
  options.block_timeout = 60s;
  auto recorder = pe::make_recorder(options, test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  Accountant accountant{*recorder};

  record_crowd(*recorder, events, std::min<std::size_t>(4'000, events / 5));
  const pe::CloseReport closed = recorder->close(120s);
  accountant.end();

  CHECK(closed.complete);
  CHECK(accountant.looks() > 10);
  CHECK(accountant.wrong() == 0);
  const pe::RecorderStats stats = recorder->stats();
  CHECK(stats.recorded == events);
  CHECK(stats.delivered == events);
  CHECK(test::adds_up(stats));
  CHECK(stats.requests > events / 10);
  CHECK(stats.retries > 0);
  CHECK(check_told(endpoint.events(), told.deliveries()) == events);
  CHECK(endpoint.summary().duplicate_events > 0);  // those whose answer was lost
  const double failed = static_cast<double>(endpoint.summary().faults);
  CHECK(failed > 0.25 * static_cast<double>(endpoint.summary().requests));
}

TEST_CASE("A recorder that is closed in the midst of it tells of each event what is known") {
  const std::size_t events = test::scaled(20'000);
  LocalEndpointOptions endpoint_options;
  endpoint_options.faults = mixed_faults();
  for (FaultRule& rule : endpoint_options.faults) rule.delay = 20ms;
  const LocalEndpoint endpoint = test::local_endpoint(endpoint_options);
  test::Told told;
  pe::RecorderStats stats;
  {
    auto recorder = pe::make_recorder(told.options(), test::recorder_client(endpoint.url()));
    REQUIRE(recorder.has_value());
    Accountant accountant{*recorder};
    record_crowd(*recorder, events, events / 5);
    REQUIRE(endpoint.wait_for(events / 10, 60s));
    static_cast<void>(recorder->close(50ms));
    accountant.end();
    CHECK(accountant.wrong() == 0);
    stats = recorder->stats();
  }
  // The destructor reports what close had no time for.
  const std::uint64_t delivered = told.events(pe::Outcome::Delivered);
  const std::uint64_t dropped = told.events(pe::Outcome::Dropped);
  CHECK(delivered + dropped == events);
  CHECK(dropped > 0);
  CHECK(stats.delivered <= delivered);
  CHECK(stats.dropped <= dropped);
  CHECK(check_told(endpoint.events(), told.deliveries()) >= delivered);
}

TEST_CASE("Under a quota everything arrives, and few requests are refused for it") {
  // Of any scale: with fewer, those in flight when the first is refused were a large part.
  constexpr std::size_t events = 600;
  LocalEndpointOptions endpoint_options;
  endpoint_options.max_requests_per_second = 50;
  const LocalEndpoint endpoint = test::local_endpoint(endpoint_options);
  test::Told told;
  auto recorder = pe::make_recorder(told.options(), test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  for (std::size_t i = 0; i < events; ++i) {
    const std::string session = "visit-" + std::to_string(i);
    REQUIRE(recorder->record({session}, numbered(session, i)).has_value());
  }
  REQUIRE(told.wait_for_events(events));
  const auto summary = endpoint.summary();
  CHECK(summary.events == events);
  CHECK(summary.duplicate_events == 0);
  INFO(summary.refused_requests << " of " << summary.requests << " requests were refused");
  CHECK(summary.refused_requests * 5 < summary.requests);
  CHECK(told.events(pe::Outcome::Delivered) == events);
  if (test::kIsSanitized && summary.refused_requests == 0) {
    CHECK(told.faults().empty());  // this machine is slower than the quota now
    return;
  }
  REQUIRE(told.wait_for_fault(pe::FaultKind::Throttled, false));

  // A little more goes on, and nothing refuses it. The fault may have ended and begun again before,
  // when the rate passed the quota after ten seconds below it.
  std::size_t late = 0;
  while (late < 1'000 && told.faults().size() % 2 == 1) {
    REQUIRE(recorder->record({"late"}, numbered("late", late++)).has_value());
    told.wait_for_faults(told.faults().size() + 1, 100ms);
  }
  CHECK(late < 1'000);
  for (const pe::Fault& fault : told.faults()) CHECK(fault.kind == pe::FaultKind::Throttled);
}

TEST_CASE("An endpoint that dies and comes back loses nothing, and no session its order") {
  constexpr std::size_t kSessions = 50;
  const std::size_t events = test::scaled(5'000);
  LocalEndpoint first = test::local_endpoint();
  test::Told told;
  auto recorder = pe::make_recorder(told.options(), test::recorder_client(first.url()));
  REQUIRE(recorder.has_value());
  std::size_t number = 0;
  const auto record = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i, ++number) {
      const std::string session = "visit-" + std::to_string(number % kSessions);
      REQUIRE(recorder->record({session}, numbered(session, number)).has_value());
    }
  };
  record(events * 2 / 5);
  REQUIRE(first.wait_for(events / 25, 60s));
  first.stop();
  record(events * 2 / 5);
  REQUIRE(told.wait_for_fault(pe::FaultKind::Offline, false));
  LocalEndpointOptions again;
  again.port = first.port();
  const LocalEndpoint second = test::local_endpoint(again);
  record(events / 5);
  REQUIRE(told.wait_for_fault(pe::FaultKind::Offline, true));
  CHECK(recorder->close(60s).complete);

  CHECK(recorder->stats().delivered == number);
  std::vector<pe::testing::AcceptedEvent> arrived = first.events();
  for (auto& event : second.events()) arrived.push_back(std::move(event));
  CHECK(check_told(arrived, told.deliveries()) == number);
  std::map<std::string, std::size_t> last_of;
  std::set<std::string> seen;
  std::size_t out_of_order = 0;
  for (const auto& one : arrived) {
    if (!seen.insert(*one.event.event_id).second) continue;
    const std::string& item = *one.event.item_id;
    const std::size_t at = std::stoul(item.substr(item.find('/') + 1));
    const auto [last, is_first] = last_of.emplace(one.session_id, at);
    if (!is_first && at < last->second) ++out_of_order;
    last->second = at;
  }
  CHECK(out_of_order == 0);
  // A response that was on its way when others failed to connect ends the fault for a moment, and
  // connections that are reset are the first that the recorder sees of the end.
  const std::vector<pe::Fault> faults = told.faults();
  for (std::size_t i = 0; i < faults.size(); ++i) {
    CAPTURE(i, pe::to_string(faults[i].kind));
    CHECK(
        (faults[i].kind == pe::FaultKind::Offline || faults[i].kind == pe::FaultKind::Unavailable));
    CHECK(faults[i].cleared == (i % 2 == 1));
  }
  CHECK(faults.size() % 2 == 0);
}

TEST_CASE("One bad event among ten thousand costs no other") {
  const std::size_t events = test::scaled(10'000);
  FaultRule refusal;
  refusal.status = 400;
  refusal.code = "InvalidInputException";
  refusal.body_contains = "\"the-bad-one\"";
  LocalEndpointOptions endpoint_options;
  endpoint_options.faults = {refusal};
  const LocalEndpoint endpoint = test::local_endpoint(endpoint_options);
  test::Told told;
  auto recorder = pe::make_recorder(told.options(), test::recorder_client(endpoint.url()));
  REQUIRE(recorder.has_value());
  for (std::size_t i = 0; i < events; ++i) {
    const std::string session = "visit-" + std::to_string(i % 100);
    pe::Event event = numbered(session, i);
    if (i == events / 2) event.event_id = "the-bad-one";
    REQUIRE(recorder->record({session}, std::move(event)).has_value());
  }
  CHECK(recorder->close(60s).complete);
  CHECK(recorder->stats().delivered == events - 1);
  CHECK(recorder->stats().rejected == 1);
  CHECK(endpoint.summary().events == events - 1);
  CHECK(endpoint.summary().duplicate_events == 0);
  for (const pe::Delivery& delivery : told.deliveries()) {
    if (delivery.outcome == pe::Outcome::Delivered) continue;
    CHECK(delivery.outcome == pe::Outcome::Rejected);
    CHECK(delivery.event_ids == std::vector<std::string>{"the-bad-one"});
    REQUIRE(delivery.events.size() == 1);
    CHECK_THAT(delivery.events[0], test::ContainsSubstring(R"("eventId":"the-bad-one")"));
    CHECK_FALSE(delivery.may_have_been_delivered);
    REQUIRE(delivery.error.has_value());
    CHECK(delivery.error->code == "InvalidInputException");
    CHECK_FALSE(delivery.request_id.empty());
  }
}

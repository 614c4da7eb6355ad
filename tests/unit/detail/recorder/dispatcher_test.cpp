// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/dispatcher.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/recorder_events.hpp"

namespace pe = personalize_events;
using pe::detail::Batch;
using pe::detail::BatchAnswer;
using test::at;

namespace {

pe::RecorderOptions prompt_options() {
  pe::RecorderOptions options;
  options.tracking_id = "tracker";
  options.linger = std::chrono::milliseconds{0};
  return options;
}

BatchAnswer refused(pe::ErrorKind kind, const char* code, int status, bool connected = true) {
  BatchAnswer answer;
  answer.error.emplace();
  answer.error->kind = kind;
  answer.error->code = code;
  answer.error->http_status = status;
  answer.error->connected = connected;
  return answer;
}
/// A function that returns whether an event has an id.
auto is_event(const char* id) {
  return [id](const pe::detail::PendingEvent& event) {
    return pe::detail::event_id_of(event.json()) == id;
  };
}
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

BatchAnswer invalid() { return refused(pe::ErrorKind::Service, "InvalidInputException", 400); }
BatchAnswer unreachable() { return refused(pe::ErrorKind::Transport, "", 0, false); }

struct World {
  explicit World(pe::RecorderOptions options = prompt_options()) : dispatcher(options, at(0)) {}

  void record(const std::string& session, const std::string& id, std::int64_t time = 0,
              const std::string& user = "") {
    dispatcher.accept(test::pending(session, user, id, at(time)));
  }
  pe::detail::retry::Remedy answer(const Batch& batch, BatchAnswer answer, std::int64_t time) {
    return dispatcher.answered(batch, std::move(answer), at(time), 1.0);
  }
  /// Sends and delivers all that leaves at this time; answers how many batches did.
  int deliver_all(std::int64_t time) {
    int batches = 0;
    while (auto batch = dispatcher.next(at(time))) {
      answer(*batch, {}, time);
      ++batches;
    }
    return batches;
  }
  /// "Delivered a b; Rejected c"
  std::string ended() {
    std::string text;
    for (const auto& ended : dispatcher.take_ended()) {
      text.append(text.empty() ? "" : "; ").append(pe::to_string(ended.outcome)).append(" ");
      text.append(test::ids_of(ended.events));
    }
    return text;
  }
  /// "+Offline -Offline"
  std::string faults() {
    std::string text;
    for (const pe::Fault& fault : dispatcher.take_faults()) {
      text.append(text.empty() ? "" : " ").append(fault.cleared ? "-" : "+");
      text.append(pe::to_string(fault.kind));
    }
    return text;
  }

  pe::detail::Dispatcher dispatcher;
};

}  // namespace

TEST_CASE("a batch that is taken is delivered") {
  World world;
  world.record("visit", "a");
  const auto batch = world.dispatcher.next(at(0));
  REQUIRE(batch.has_value());
  CHECK(world.dispatcher.stats().in_flight == 1);
  CHECK(world.dispatcher.stats().pending == 1);
  BatchAnswer taken;
  taken.request_id = "request-1";
  world.answer(*batch, std::move(taken), 20);
  const auto ended = world.dispatcher.take_ended();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].outcome == pe::Outcome::Delivered);
  CHECK(ended[0].request_id == "request-1");
  CHECK(ended[0].events.front().attempts == 1);
  CHECK_FALSE(ended[0].error.has_value());
  CHECK(world.dispatcher.stats().delivered == 1);
  CHECK(world.dispatcher.stats().requests == 1);
  CHECK(world.dispatcher.stats().pending == 0);
  CHECK_FALSE(world.dispatcher.has_news());
}

TEST_CASE("no more requests are on their way than allowed") {
  auto options = prompt_options();
  options.max_in_flight = 2;
  World world{options};
  for (const char* session : {"one", "two", "three"}) world.record(session, session);
  const auto first = world.dispatcher.next(at(0));
  REQUIRE(world.dispatcher.next(at(0)).has_value());
  CHECK_FALSE(world.dispatcher.next(at(0)).has_value());
  world.answer(*first, {}, 1);
  CHECK(world.dispatcher.next(at(1)).has_value());
}

TEST_CASE("a passing failure is tried again after a backoff that grows") {
  World world;
  world.record("other", "proof");
  CHECK(world.deliver_all(0) == 1);
  world.record("visit", "a");
  std::int64_t now = 0;
  for (const std::int64_t wait : {50, 100, 200, 400}) {
    const auto batch = world.dispatcher.next(at(now));
    REQUIRE(batch.has_value());
    world.answer(*batch, refused(pe::ErrorKind::Service, "", 503), now);
    CHECK_FALSE(world.dispatcher.next(at(now)).has_value());
    CHECK(world.dispatcher.next_wake(at(now)) == at(now + wait));
    now += wait;
  }
  CHECK(world.deliver_all(now) == 1);
  CHECK(world.dispatcher.stats().retries == 4);
  CHECK(world.ended() == "Delivered proof; Delivered a");
}

TEST_CASE("a backoff is random from zero on, however many requests fail") {
  World world;
  for (int i = 0; i < 40; ++i) {
    world.record("proof", "p" + std::to_string(i));
    REQUIRE(world.deliver_all(0) == 1);
    world.record("visit-" + std::to_string(i), "a");
    const auto batch = world.dispatcher.next(at(0));
    world.dispatcher.answered(*batch, refused(pe::ErrorKind::Service, "", 500), at(0), 0.0);
    REQUIRE(world.dispatcher.next_wake(at(0)) == at(0));
    CHECK(world.deliver_all(0) == 1);
  }
}

TEST_CASE("throttling slows everything down, and is reported once") {
  World world;
  for (int i = 0; i < 20; ++i) world.record("visit-" + std::to_string(i), std::to_string(i));
  std::vector<Batch> batches;
  while (batches.size() < 10) batches.push_back(*world.dispatcher.next(at(0)));
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (i == 7) CHECK(world.faults().empty());
    world.answer(batches[i], refused(pe::ErrorKind::Service, "ThrottlingException", 400), 10);
  }
  CHECK(world.faults() == "+Throttled");
  CHECK_FALSE(world.dispatcher.next(at(10)).has_value());
  std::int64_t now = 10;
  int turns = 0;
  while (world.dispatcher.stats().pending > 0 && ++turns < 1000) {
    const auto wake = world.dispatcher.next_wake(at(now));
    REQUIRE(wake > at(now));
    now += std::chrono::ceil<std::chrono::milliseconds>(wake - at(now)).count();
    world.deliver_all(now);
  }
  CHECK(world.dispatcher.stats().delivered == 20);
  world.record("later", "later", now + 20'000);
  while (world.dispatcher.stats().pending > 0 && ++turns < 1000) world.deliver_all(now += 20'000);
  CHECK(world.faults() == "-Throttled");
}

TEST_CASE("the hint of the service is kept to") {
  World world;
  world.record("visit", "a");
  auto answer = refused(pe::ErrorKind::Service, "", 503);
  answer.failure.retry_after = std::chrono::milliseconds{3000};
  world.answer(*world.dispatcher.next(at(0)), std::move(answer), 0);
  CHECK(world.dispatcher.next_wake(at(0)) == at(3000));
}

TEST_CASE("offline, one batch at a time is the probe, and live events go first afterwards") {
  World world;
  for (int i = 0; i < 5; ++i) world.record("old-" + std::to_string(i), std::to_string(i));
  for (int i = 0; i < 3; ++i) {
    world.answer(*world.dispatcher.next(at(0)), unreachable(), 0);
  }
  CHECK(world.faults() == "+Offline");
  CHECK_FALSE(world.dispatcher.next(at(999)).has_value());
  CHECK(world.dispatcher.next_wake(at(10)) == at(1000));

  const auto probe = world.dispatcher.next(at(1000));
  REQUIRE(probe.has_value());
  CHECK_FALSE(world.dispatcher.next(at(1000)).has_value());
  world.answer(*probe, unreachable(), 1100);
  CHECK_FALSE(world.dispatcher.next(at(3099)).has_value());  // the wait has doubled
  world.record("new", "live", 3000);

  const auto second = world.dispatcher.next(at(3100));
  REQUIRE(second.has_value());
  world.answer(*second, {}, 3200);
  CHECK(world.faults() == "-Offline");
  world.record("newer", "live2", 3200);
  std::string order;
  std::int64_t now = 3200;
  while (world.dispatcher.stats().pending > 0 && now < 60'000) {
    if (const auto batch = world.dispatcher.next(at(now))) {
      order.append(pe::detail::event_id_of(batch->first().json())).append(" ");
      world.answer(*batch, {}, now);
    }
    now += 50;
  }
  CHECK(order.substr(0, 6) == "live2 ");
  CHECK(world.dispatcher.stats().delivered == 7);
}

TEST_CASE("a response that is no success changes being offline to being unavailable") {
  World world;
  world.record("visit", "a");
  std::int64_t now = 0;
  for (int i = 0; i < 3; ++i) {
    now = 1000 * i;
    world.answer(*world.dispatcher.next(at(now)), unreachable(), now);
  }
  CHECK(world.faults() == "+Offline");
  now += 5000;
  world.answer(*world.dispatcher.next(at(now)), refused(pe::ErrorKind::Service, "", 500), now);
  CHECK(world.faults() == "-Offline +Unavailable");
  now += 5000;
  world.answer(*world.dispatcher.next(at(now)), {}, now);
  CHECK(world.faults() == "-Unavailable");
}

TEST_CASE("bad credentials hold everything, and lose nothing") {
  for (const bool was_sent : {true, false}) {
    World world;
    world.record("one", "a");
    world.record("two", "b");
    auto denied = was_sent ? refused(pe::ErrorKind::Service, "AccessDeniedException", 403)
                           : refused(pe::ErrorKind::Credentials, "", 0, false);
    denied.was_sent = was_sent;
    world.answer(*world.dispatcher.next(at(0)), denied, 0);
    CHECK(world.faults() == "+Credentials");
    CHECK_FALSE(world.dispatcher.next(at(999)).has_value());
    CHECK(world.dispatcher.stats().requests == (was_sent ? 1U : 0U));
    const auto probe = world.dispatcher.next(at(1000));
    REQUIRE(probe.has_value());
    world.answer(*probe, {}, 1000);
    CHECK(world.faults() == "-Credentials");
    for (std::int64_t now = 1000; now < 20'000; now += 500) world.deliver_all(now);
    CHECK(world.dispatcher.stats().delivered == 2);
  }
}

TEST_CASE("credentials that could not be refreshed are a fault, and hold nothing") {
  World world;
  BatchAnswer taken;
  taken.refresh_failure =
      pe::detail::make_error(pe::ErrorKind::Credentials, "credentials", "the vault is sealed");
  world.record("one", "a");
  world.record("two", "b");
  CHECK_FALSE(world.dispatcher.uses_old_credentials());
  world.answer(*world.dispatcher.next(at(0)), taken, 0);
  CHECK(world.dispatcher.uses_old_credentials());
  const auto faults = world.dispatcher.take_faults();
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].kind == pe::FaultKind::Credentials);
  CHECK(faults[0].error.message == "the vault is sealed");
  world.answer(*world.dispatcher.next(at(0)), taken, 0);
  CHECK(world.faults().empty());
  CHECK(world.dispatcher.stats().delivered == 2);

  SECTION("it ends with a refresh that succeeds") {
    world.dispatcher.note_fault(pe::FaultKind::Credentials, std::nullopt);
    CHECK(world.faults() == "-Credentials");
    CHECK_FALSE(world.dispatcher.uses_old_credentials());
  }
  SECTION("it goes on while the service rejects them, and then holds") {
    auto expired = refused(pe::ErrorKind::Service, "ExpiredTokenException", 403);
    expired.refresh_failure = taken.refresh_failure;
    for (const char* session : {"one", "two", "three"}) world.record(session, session, 1);
    std::vector<Batch> batches;
    while (auto batch = world.dispatcher.next(at(1))) batches.push_back(*batch);
    REQUIRE(batches.size() == 3);
    for (const Batch& batch : batches) world.answer(batch, expired, 1);
    CHECK(world.faults().empty());
    CHECK_FALSE(world.dispatcher.uses_old_credentials());
    CHECK_FALSE(world.dispatcher.next(at(1)).has_value());
    world.answer(*world.dispatcher.next(at(1'001)), {}, 1'001);
    CHECK(world.faults() == "-Credentials");
  }
}

TEST_CASE("an unknown tracker holds everything") {
  World world;
  world.record("one", "a");
  world.answer(*world.dispatcher.next(at(0)),
               refused(pe::ErrorKind::Service, "ResourceNotFoundException", 404), 0);
  CHECK(world.faults() == "+TrackingId");
  CHECK(world.ended().empty());
  CHECK(world.dispatcher.stats().pending == 1);
}

TEST_CASE("one refusal of credentials among successes is the batch's own") {
  World world;
  world.record("other", "proof");
  CHECK(world.deliver_all(0) == 1);
  for (const char* session : {"one", "two", "three", "four"}) world.record(session, session);
  std::vector<Batch> batches;
  while (auto batch = world.dispatcher.next(at(0))) batches.push_back(*batch);
  const auto denied = refused(pe::ErrorKind::Service, "AccessDeniedException", 403);
  world.answer(batches[0], denied, 1);
  world.answer(batches[1], denied, 1);
  world.answer(batches[2], {}, 1);
  world.answer(batches[3], denied, 1);
  CHECK(world.faults().empty());
  const auto again = world.dispatcher.next(at(51));
  REQUIRE(again.has_value());
  world.answer(*again, denied, 51);
  CHECK(world.faults().empty());
  world.answer(*world.dispatcher.next(at(51)), denied, 51);
  CHECK(world.faults() == "+Credentials");
}

TEST_CASE("an attempt that was not sent never rejects") {
  for (const pe::ErrorKind kind : {pe::ErrorKind::InvalidArgument, pe::ErrorKind::Signing,
                                   pe::ErrorKind::Configuration, pe::ErrorKind::Transport}) {
    World world;
    world.record("visit", "a");
    auto unsent = refused(kind, kind == pe::ErrorKind::Transport ? "NoDescriptors" : "", 0, false);
    unsent.was_sent = false;
    world.answer(*world.dispatcher.next(at(0)), unsent, 0);
    CHECK(world.ended().empty());
    CHECK(world.faults() == (kind == pe::ErrorKind::Transport ? "+Resources" : "+Configuration"));
    CHECK(world.dispatcher.stats().requests == 0);
    CHECK(world.deliver_all(1000) == 1);
    CHECK(world.ended() == "Delivered a");
  }
}

TEST_CASE("requests in flight when credentials are refreshed go again at once") {
  World world;
  world.record("one", "a");
  world.record("two", "b");
  auto expired = refused(pe::ErrorKind::Service, "ExpiredTokenException", 403);
  expired.failure.credentials_are_temporary = true;
  const auto first = world.dispatcher.next(at(0));
  const auto second = world.dispatcher.next(at(0));
  CHECK(world.answer(*first, expired, 0) == pe::detail::retry::Remedy::RefreshCredentials);
  CHECK(world.answer(*second, expired, 0) == pe::detail::retry::Remedy::RefreshCredentials);
  CHECK(world.faults().empty());
  CHECK(world.deliver_all(0) == 2);
}

TEST_CASE("rejected temporary credentials are refreshed once at once, then with each probe") {
  World world;
  world.record("visit", "a");
  auto expired = refused(pe::ErrorKind::Service, "ExpiredTokenException", 403);
  expired.failure.credentials_are_temporary = true;
  CHECK(world.answer(*world.dispatcher.next(at(0)), expired, 0) ==
        pe::detail::retry::Remedy::RefreshCredentials);
  const auto again = world.dispatcher.next(at(0));
  REQUIRE(again.has_value());
  CHECK(world.answer(*again, expired, 0) == pe::detail::retry::Remedy::RefreshCredentials);
  CHECK(world.faults() == "+Credentials");
  CHECK_FALSE(world.dispatcher.next(at(999)).has_value());

  World static_keys;
  static_keys.record("visit", "a");
  expired.failure.credentials_are_temporary = false;
  CHECK(static_keys.answer(*static_keys.dispatcher.next(at(0)), expired, 0) ==
        pe::detail::retry::Remedy::Nothing);
  CHECK(static_keys.faults() == "+Credentials");
}

TEST_CASE("a wrong clock is corrected once, at once") {
  using std::chrono::minutes;
  const std::chrono::system_clock::time_point now{std::chrono::hours{500'000}};
  auto skewed = refused(pe::ErrorKind::Service, "InvalidSignatureException", 403);
  skewed.failure.service_date = now;
  skewed.failure.signed_at = now - minutes{5};
  World world;
  world.record("visit", "a");
  CHECK(world.answer(*world.dispatcher.next(at(0)), skewed, 0) ==
        pe::detail::retry::Remedy::CorrectClock);
  CHECK(world.faults() == "+ClockSkew");
  CHECK(world.deliver_all(0) == 1);
  CHECK(world.faults() == "-ClockSkew");

  World good_clock;
  good_clock.record("visit", "a");
  skewed.failure.signed_at = now - minutes{3};
  CHECK(good_clock.answer(*good_clock.dispatcher.next(at(0)), skewed, 0) ==
        pe::detail::retry::Remedy::Nothing);
  CHECK(good_clock.faults() == "+Credentials");
}

TEST_CASE("one bad event among good ones is rejected alone") {
  World world;
  world.record("other", "proof");
  CHECK(world.deliver_all(0) == 1);
  for (int i = 0; i < 10; ++i) world.record("visit", std::to_string(i));
  int requests = 0;
  while (auto batch = world.dispatcher.next(at(0))) {
    REQUIRE(++requests < 20);
    bool has_bad = false;
    for (std::size_t i = 0; i < batch->size(); ++i) {
      has_bad = has_bad || pe::detail::event_id_of((*batch)[i].json()) == "7";
    }
    world.answer(*batch, has_bad ? invalid() : BatchAnswer{}, 0);
  }
  CHECK(world.dispatcher.stats().delivered == 10);
  CHECK(world.dispatcher.stats().rejected == 1);
  CHECK_THAT(world.ended(), test::ContainsSubstring("Rejected 7;"));
}

TEST_CASE("three sessions refused and nothing delivered: it is not the events") {
  World world;
  for (const char* session : {"one", "two", "three", "four"}) world.record(session, session);
  std::vector<Batch> batches;
  while (auto batch = world.dispatcher.next(at(0))) batches.push_back(*batch);
  REQUIRE(batches.size() == 4);
  world.answer(batches[0], invalid(), 10);
  world.answer(batches[1], invalid(), 10);
  CHECK(world.faults().empty());
  world.answer(batches[2], invalid(), 10);
  CHECK(world.faults() == "+TrackingId");
  world.answer(batches[3], invalid(), 10);
  CHECK(world.ended().empty());
  CHECK(world.dispatcher.stats().pending == 4);
  CHECK_FALSE(world.dispatcher.next(at(900)).has_value());

  std::int64_t now = 1010;
  const auto probe = world.dispatcher.next(at(now));
  REQUIRE(probe.has_value());
  world.answer(*probe, {}, now);
  CHECK(world.faults() == "-TrackingId");
  for (; now < 60'000; now += 100) world.deliver_all(now);
  CHECK(world.dispatcher.stats().delivered == 4);
}

TEST_CASE("a refused event is refused once more before it ends, if nothing was accepted since") {
  World world;
  world.record("one", "bad");
  world.record("two", "good");
  const auto bad = world.dispatcher.next(at(0));
  const auto good = world.dispatcher.next(at(0));
  world.answer(*bad, invalid(), 1);
  world.answer(*good, {}, 2);
  CHECK(world.ended() == "Delivered good");
  world.answer(*world.dispatcher.next(at(51)), invalid(), 51);
  CHECK(world.ended() == "Rejected bad");
  CHECK(world.faults().empty());

  World lone;
  lone.record("one", "bad");
  lone.answer(*lone.dispatcher.next(at(0)), invalid(), 1);
  CHECK(lone.ended() == "Rejected bad");
  CHECK(lone.faults().empty());
}

TEST_CASE("events that a total refusal held end as what the service said of them") {
  auto options = prompt_options();
  options.delivery_timeout = std::chrono::seconds{100};
  World world{options};
  for (const char* session : {"one", "two", "three"}) world.record(session, session);
  for (int i = 0; i < 3; ++i) world.answer(*world.dispatcher.next(at(0)), invalid(), 0);
  CHECK(world.faults() == "+TrackingId");
  CHECK_FALSE(world.dispatcher.next(at(100'001)).has_value());
  const auto ended = world.dispatcher.take_ended();
  REQUIRE(ended.size() == 3);
  CHECK(ended[2].outcome == pe::Outcome::Rejected);
  CHECK(ended[2].error->code == "InvalidInputException");
}

TEST_CASE("an attempt that was cancelled is no failure of the service") {
  World world;
  for (int i = 0; i < 40; ++i) world.record("visit-" + std::to_string(i), "a");
  std::vector<Batch> batches;
  while (auto batch = world.dispatcher.next(at(0))) batches.push_back(*batch);
  REQUIRE(batches.size() == 32);
  for (const Batch& batch : batches) {
    world.answer(batch, refused(pe::ErrorKind::Cancelled, "", 0), 1);
  }
  CHECK(world.faults().empty());
}

TEST_CASE("an event that could not be delivered in time expires") {
  auto options = prompt_options();
  options.delivery_timeout = std::chrono::seconds{10};
  World world{options};
  world.record("visit", "a");
  auto lost = refused(pe::ErrorKind::Timeout, "", 0);
  lost.error->may_have_been_delivered = true;
  world.answer(*world.dispatcher.next(at(9'990)), lost, 9'990);
  CHECK(world.dispatcher.next_wake(at(9'990)) == at(10'000));
  CHECK_FALSE(world.dispatcher.next(at(10'001)).has_value());
  const auto ended = world.dispatcher.take_ended();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].outcome == pe::Outcome::Expired);
  CHECK(ended[0].error->kind == pe::ErrorKind::Timeout);
  CHECK(ended[0].events.front().may_have_been_delivered);
}

TEST_CASE("room is made by dropping the oldest, in whole") {
  auto options = prompt_options();
  options.linger = std::chrono::seconds{1};
  options.max_pending_events = 2;
  World world{options};
  world.record("visit", "a");
  CHECK(world.dispatcher.has_room(10));
  world.record("visit", "b");
  CHECK_FALSE(world.dispatcher.has_room(10));
  CHECK(world.dispatcher.make_room(10));
  world.record("visit", "c");
  CHECK(world.ended() == "Dropped a");
  CHECK_FALSE(world.dispatcher.make_room(std::numeric_limits<std::size_t>::max() / 2));
  CHECK(world.dispatcher.stats().dropped == 3);
}

TEST_CASE("at the end of close everything ends") {
  World world;
  world.record("one", "a");
  world.record("two", "b");
  const auto batch = world.dispatcher.next(at(0));
  auto cancelled = refused(pe::ErrorKind::Cancelled, "", 0);
  cancelled.error->may_have_been_delivered = true;
  world.answer(*batch, cancelled, 0);
  pe::Error closed;
  closed.kind = pe::ErrorKind::Cancelled;
  world.dispatcher.end_some(kAll, closed, is_event("none"));
  CHECK(world.dispatcher.stats().pending == 0);
  const auto ended = world.dispatcher.take_ended();
  REQUIRE(ended.size() == 2);
  for (const auto& one : ended) {
    CHECK(one.events.front().may_have_been_delivered == (test::ids_of(one.events) == "a"));
  }
}

TEST_CASE("an own limit of requests is kept") {
  auto options = prompt_options();
  options.max_requests_per_second = 10;
  World world{options};
  for (int i = 0; i < 3; ++i) world.record("visit-" + std::to_string(i), "a");
  CHECK(world.dispatcher.next(at(0)).has_value());
  CHECK_FALSE(world.dispatcher.next(at(99)).has_value());
  CHECK(world.dispatcher.next_wake(at(99)) == at(100));
  CHECK(world.dispatcher.next(at(100)).has_value());
}

TEST_CASE("when it is abandoned everything ends, what is in flight and what was refused too") {
  World world;
  world.record("refused", "d");  // others may show whether everything is refused
  world.record("flight", "f");
  world.record("waiting", "w");
  const auto once = world.dispatcher.next(at(0));
  REQUIRE(world.dispatcher.next(at(0)).has_value());
  world.answer(*once, invalid(), 0);
  pe::Error closed;
  closed.kind = pe::ErrorKind::Cancelled;
  world.dispatcher.recall();
  CHECK_FALSE(world.dispatcher.end_some(kAll, closed, is_event("none")));
  CHECK(world.dispatcher.stats().pending == 0);
  CHECK(world.dispatcher.stats().in_flight == 0);
  bool flight_may_be_there = false;
  std::string ended;
  for (const auto& one : world.dispatcher.take_ended()) {
    const std::string id = test::ids_of(one.events);
    ended.append(pe::to_string(one.outcome)).append(" ").append(id).append("; ");
    const bool may_be_there = one.events.front().may_have_been_delivered;
    if (id == "f") flight_may_be_there = may_be_there;
    if (id == "w") CHECK_FALSE(may_be_there);
  }
  CHECK(ended == "Dropped d; Dropped w; Dropped f; ");
  CHECK(flight_may_be_there);
}

TEST_CASE("an event that was read back is sent with the backlog, and one too old is not") {
  World world;
  world.dispatcher.account().spill();
  world.dispatcher.account().spill();
  auto read = test::pending("visit", "", "a");
  read.front().log = pe::detail::kOwnLog;
  world.dispatcher.readmit(std::move(read));
  auto old = test::pending("visit", "", "b");
  old.front().log = pe::detail::kOwnLog;
  world.dispatcher.end_spooled(std::move(old), pe::Outcome::Expired, pe::Error{});
  CHECK(world.ended() == "Expired b");
  CHECK(world.dispatcher.stats().spooled == 0);
  CHECK(world.dispatcher.stats().pending == 1);
  CHECK(world.deliver_all(0) == 1);
  CHECK(world.ended() == "Delivered a");
  world.dispatcher.account().spill();
  world.dispatcher.account().lose(1);
  CHECK(world.dispatcher.stats().dropped == 1);
  CHECK(world.dispatcher.stats().recorded == 3);
}

TEST_CASE("at the end what the disk has is spooled, and the rest is dropped, each told") {
  World world;
  world.record("one", "a");
  world.record("two", "b");
  world.record("one", "c");
  const auto is_b = is_event("b");
  CHECK_FALSE(world.dispatcher.end_some(
      kAll, pe::Error{}, [&](const pe::detail::PendingEvent& event) { return !is_b(event); }));
  CHECK(world.ended() == "Spooled a c; Dropped b");
  CHECK(world.dispatcher.stats().spooled == 2);
  CHECK(world.dispatcher.stats().dropped == 1);
  CHECK(world.dispatcher.stats().pending == 0);
}

TEST_CASE("what is on its way is spooled, too, when it is abandoned") {
  World world;
  world.record("visit", "a");
  REQUIRE(world.dispatcher.next(at(0)).has_value());
  world.dispatcher.end_some(kAll, pe::Error{}, is_event("a"));
  CHECK(world.dispatcher.stats().pending == 1);
  world.dispatcher.recall();
  world.dispatcher.end_some(kAll, pe::Error{}, [](const pe::detail::PendingEvent& event) {
    return event.may_have_been_delivered;
  });
  CHECK(world.ended() == "Spooled a");
  CHECK(world.dispatcher.stats().in_flight == 0);
}

TEST_CASE("a fault of another part is reported when it begins and when it ends") {
  World world;
  world.dispatcher.note_fault(pe::FaultKind::Disk, std::nullopt);
  CHECK(world.faults().empty());
  pe::Error error;
  error.code = "NoSpace";
  world.dispatcher.note_fault(pe::FaultKind::Disk, error);
  world.dispatcher.note_fault(pe::FaultKind::Disk, error);
  CHECK(world.dispatcher.has_news());
  CHECK(world.faults() == "+Disk");
  world.dispatcher.note_fault(pe::FaultKind::SpoolDamaged, error);
  world.dispatcher.note_fault(pe::FaultKind::Disk, std::nullopt);
  const auto faults = world.dispatcher.take_faults();
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].kind == pe::FaultKind::SpoolDamaged);
  CHECK(faults[1].cleared);
  CHECK(faults[1].error.code == "NoSpace");
}

// --- The report of completed events ---

namespace {

/// Two events of a visit; the second was sent twice and may have arrived.
pe::detail::EndedEvents ended_as(pe::Outcome outcome) {
  pe::detail::EndedEvents ended;
  ended.outcome = outcome;
  ended.events = test::pending("visit", "user", "a");
  ended.events.front().attempts = 1;
  auto second = test::pending("visit", "user", "b");
  second.front().attempts = 2;
  second.front().may_have_been_delivered = true;
  ended.events.splice(ended.events.end(), second);
  ended.request_id = "request";
  return ended;
}

}  // namespace

TEST_CASE("a delivery tells whose events were delivered, and keeps no copy of them") {
  const pe::Delivery told = pe::detail::delivery_of(ended_as(pe::Outcome::Delivered));
  CHECK(told.outcome == pe::Outcome::Delivered);
  CHECK(told.session.session_id == "visit");
  CHECK(told.session.user_id == "user");
  CHECK(told.event_ids == std::vector<std::string>{"a", "b"});
  CHECK(told.events.empty());
  CHECK(told.request_id == "request");
  CHECK(told.attempts == 2);
  CHECK_FALSE(told.may_have_been_delivered);
  CHECK_FALSE(told.error.has_value());
}

TEST_CASE("events that were not delivered are handed back, with what is known of them") {
  auto ended = ended_as(pe::Outcome::Expired);
  ended.error = pe::detail::make_error(pe::ErrorKind::Timeout, "delivery_timeout", "too late");
  const std::string json{ended.events.front().json()};
  const pe::Delivery told = pe::detail::delivery_of(std::move(ended));
  REQUIRE(told.events.size() == 2);
  CHECK(told.events[0] == json);
  CHECK(told.may_have_been_delivered);
  REQUIRE(told.error.has_value());
  CHECK(told.error->attempts == 2);
  CHECK(told.error->may_have_been_delivered);
}

TEST_CASE("events of nobody have no user") {
  pe::detail::EndedEvents ended;
  ended.events = test::pending("visit", "", "a");
  CHECK_FALSE(pe::detail::delivery_of(std::move(ended)).session.user_id.has_value());
}

TEST_CASE("some of the events end at a time, in whole sessions") {
  World world;
  for (const char* session : {"one", "two", "three"}) {
    world.record(session, "a");
    world.record(session, "b");
  }
  CHECK(world.dispatcher.end_some(3, pe::Error{}, is_event("none")));
  CHECK(world.dispatcher.stats().pending == 2);
  CHECK_FALSE(world.dispatcher.end_some(3, pe::Error{}, is_event("none")));
  CHECK(world.dispatcher.stats().dropped == 6);
}

// SPDX-License-Identifier: Apache-2.0
//
// Simulation: one seed drives the recorder's real state machines in virtual time, against a hostile
// network with proxies in it, a service with a quota, outages, periods in which everything is
// refused, credentials that expire or cannot be refreshed, and a program of random calls. After
// each step it checks the laws: the counters add up, each event has one outcome, a session arrives
// in order, no fault begins without a cause and none is missing, only the service rejects, and
// while something is wrong few requests leave. A seed replays its run exactly.
#ifndef PERSONALIZE_EVENTS_TESTS_RECORDER_SIMULATION_HPP
#define PERSONALIZE_EVENTS_TESTS_RECORDER_SIMULATION_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "personalize_events/detail/recorder/dispatcher.hpp"

namespace simulation {

namespace pe = personalize_events;
using pe::detail::SteadyTime;
using std::chrono::milliseconds;

/// splitmix64: the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t word = state_;
    word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
    word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
    return word ^ (word >> 31U);
  }
  /// From 0 to `end` - 1.
  std::uint64_t below(std::uint64_t end) { return next() % end; }
  double fraction() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }
  bool chance(double probability) { return fraction() < probability; }

 private:
  std::uint64_t state_;
};

/// What the world does to a request, by probabilities that the seed draws.
struct Weather {
  double lost_before{0};   // the request never arrives
  double lost_after{0};    // it arrives, the answer does not
  double server_error{0};  // 500, 502, 503, delivered or not
  double unreadable{0};    // a 200 that cannot be read
  double quota{0};         // requests a second; 0: unlimited
  double bad_events{0};    // of all events
  milliseconds latency{20};
  double middlebox{0};  // a response that is not the service's
  double throttled{0};  // throttled for no reason
  double denied{0};     // 403 for no reason
  double unsent{0};     // it fails before it leaves the process
  bool refuses_all{false};
};

/// What was done to a request.
enum class Injected : std::uint8_t { Nothing, Failure, Throttling, Refusal, Other };

/// An event as the program knows it.
struct Recorded {
  std::string session;
  std::uint64_t order{0};  // within its session
  bool is_bad{false};
  bool arrived{false};
  bool was_refused{false};  // alone, by the service
  std::optional<pe::Outcome> outcome{};
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed)
      : random_(seed),
        options_(draw_options()),
        weather_(draw_weather()),
        dispatcher_(options_, now_) {
    const std::uint64_t many = random_.below(20);
    sessions_ = many == 0 ? 200 : 1 + many % 8;
    most_steps_ = 20 + random_.below(180);
  }

  /// Runs the program, the close, and answers what was broken; empty: nothing.
  std::string run() {
    for (std::uint64_t step = 0; step < most_steps_ && broken_.empty(); ++step) act();
    if (broken_.empty()) close();
    return broken_;
  }

  const pe::RecorderStats& stats() const { return dispatcher_.stats(); }
  std::size_t duplicates() const { return duplicates_; }

 private:
  struct Flight {
    pe::detail::Batch batch;
    pe::detail::BatchAnswer answer;
    Injected injected;
  };

  pe::RecorderOptions draw_options() {
    pe::RecorderOptions options;
    options.tracking_id = "tracker";
    options.linger = milliseconds{random_.below(3) == 0 ? 0 : random_.below(2000)};
    options.max_pending_events = random_.below(4) == 0 ? 5 + random_.below(40) : 100'000;
    options.max_pending_bytes = random_.below(4) == 0 ? 500 + random_.below(5'000) : 1U << 20U;
    options.when_full = random_.chance(0.5) ? pe::WhenFull::DropNewest : pe::WhenFull::DropOldest;
    options.max_in_flight = static_cast<int>(1 + random_.below(8));
    options.max_requests_per_second = random_.below(5) == 0 ? 5 : 0;
    options.delivery_timeout = milliseconds{random_.below(3) == 0 ? 5'000 : 600'000};
    return options;
  }

  Weather draw_weather() {
    Weather weather;
    const auto sometimes = [&](double most) {
      return random_.chance(0.3) ? random_.fraction() * most : 0;
    };
    weather.lost_before = sometimes(0.4);
    weather.lost_after = sometimes(0.4);
    weather.server_error = sometimes(0.4);
    weather.unreadable = sometimes(0.2);
    weather.quota = random_.chance(0.3) ? 1 + random_.fraction() * 20 : 0;
    weather.bad_events = sometimes(0.2);
    weather.latency = milliseconds{1 + random_.below(400)};
    weather.middlebox = sometimes(0.3);
    weather.throttled = sometimes(0.1);
    weather.denied = sometimes(0.1);
    weather.unsent = sometimes(0.1);
    weather.refuses_all = random_.chance(0.05);
    return weather;
  }

  void act() {
    switch (random_.below(12)) {
      case 0: is_down_ = !is_down_; break;
      case 1: keys_are_refused_ = random_.chance(0.3); break;
      case 2:
        has_no_keys_ = random_.chance(0.2);
        set_refresh_fails(random_.chance(0.2));
        break;
      case 3: clock_error_ = milliseconds{random_.chance(0.3) ? 3'600'000 : 0}; break;
      case 4: dispatcher_.flush(); break;
      case 5: advance(milliseconds{random_.below(8'000)}); break;
      case 6: set_refuses_all(random_.chance(0.2)); break;
      default: {
        const std::uint64_t count = 1 + random_.below(15);
        for (std::uint64_t i = 0; i < count && broken_.empty(); ++i) record();
        advance(milliseconds{random_.below(300)});
      }
    }
    check();
  }

  void record() {
    const std::string session = "session-" + std::to_string(random_.below(sessions_));
    if (random_.chance(0.05)) users_[session] = "user-" + std::to_string(random_.below(3));
    const std::string id = "e" + std::to_string(++last_id_);
    pe::detail::PendingEvents one;
    pe::detail::PendingEvent& event = one.emplace_back();
    const std::string& user = users_[session];
    event.session_size = static_cast<std::uint16_t>(session.size());
    event.user_size = static_cast<std::uint16_t>(user.size());
    event.text = session + user + "{\"eventId\":\"" + id + "\",\"eventType\":\"Watch\"}";
    event.recorded_at = now_;
    if (!dispatcher_.has_room(event.bytes())) {
      if (options_.when_full == pe::WhenFull::DropNewest) return;
      if (!dispatcher_.make_room(event.bytes())) return;
    }
    Recorded& known = recorded_[id];
    known.session = session;
    known.order = ++order_of_[session];
    known.is_bad = random_.chance(weather_.bad_events);
    dispatcher_.accept(std::move(one));
    ++accepted_;
    if (random_.chance(0.3)) run_loop();
  }

  /// Lets virtual time pass, and everything happen that happens in it.
  void advance(milliseconds duration) {
    const SteadyTime until = now_ + duration;
    for (;;) {
      run_loop();
      if (!broken_.empty()) return;
      const SteadyTime next = std::min(next_event(), until);
      if (next <= now_ && next < until) {
        if (++idle_turns_ > 1'000) return fail("a busy loop");
      } else {
        idle_turns_ = 0;
      }
      now_ = std::max(now_, next);
      if (now_ >= until && next_event() > until) return;
    }
  }

  [[nodiscard]] SteadyTime next_event() {
    SteadyTime next = dispatcher_.next_wake(now_);
    if (!flights_.empty()) next = std::min(next, flights_.begin()->first);
    return next;
  }

  void run_loop() {
    while (!flights_.empty() && flights_.begin()->first <= now_ && broken_.empty()) {
      Flight flight = std::move(flights_.begin()->second);
      flights_.erase(flights_.begin());
      land(std::move(flight));
    }
    while (auto batch = dispatcher_.next(now_)) {
      send(*batch);
      if (!broken_.empty()) return;
    }
    take_news();
  }

  void send(const pe::detail::Batch& batch) {
    if (batch.size() == 0 || batch.size() > 10)
      return fail("a batch of " + std::to_string(batch.size()));
    const std::string session{batch.first().session_id()};
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].session_id() != session) return fail("a batch of mixed sessions");
      if (batch[i].user_id() != batch.first().user_id()) return fail("a batch of mixed users");
      if (i > 0 && batch[i].sequence <= batch[i - 1].sequence) return fail("a batch out of order");
    }
    if (!on_their_way_.insert(session).second) return fail("two batches of a session in flight");
    if (flights_.size() >= static_cast<std::size_t>(options_.max_in_flight)) {
      return fail("more in flight than allowed");
    }
    if (!pe::detail::write_body("tracker", batch)) return fail("a body that cannot be written");
    const milliseconds latency{
        1 + random_.below(static_cast<std::uint64_t>(weather_.latency.count()) * 2)};
    if (is_held()) {
      if (!flights_.empty()) return fail("a probe beside another request");
      if (now_ - last_probe_ < milliseconds{500}) return fail("too many probes");
      last_probe_ = now_;
    }
    injected_ = Injected::Other;
    pe::detail::BatchAnswer answer = answer_to(batch);
    if (injected_ == Injected::Refusal && batch.size() == 1)
      known(batch.first()).was_refused = true;
    flights_.emplace(now_ + latency, Flight{batch, std::move(answer), injected_});
  }

  Recorded& known(const pe::detail::PendingEvent& event) {
    return recorded_.at(pe::detail::event_id_of(event.json()));
  }

  /// Whether a fault is active for which only probes leave.
  [[nodiscard]] bool is_held() const {
    using pe::FaultKind;
    for (const FaultKind kind :
         {FaultKind::Offline, FaultKind::Unavailable, FaultKind::Credentials, FaultKind::TrackingId,
          FaultKind::Resources, FaultKind::Configuration}) {
      const bool is_of_refresh =
          kind == FaultKind::Credentials && dispatcher_.uses_old_credentials();
      if (active_.count(kind) > 0 && !is_of_refresh) return true;
    }
    return false;
  }

  /// The keys are about to expire, and used while their provider has no others.
  void set_refresh_fails(bool refresh_fails) {
    refresh_fails_ = refresh_fails;
    if (refresh_fails) causes_.insert(pe::FaultKind::Credentials);
    // As RecorderCore does.
    if (!refresh_fails && dispatcher_.uses_old_credentials()) {
      dispatcher_.note_fault(pe::FaultKind::Credentials, std::nullopt);
      take_news();
    }
  }

  void set_refuses_all(bool refuses_all) {
    refusal_periods_ += refuses_all && !weather_.refuses_all ? 1U : 0U;
    weather_.refuses_all = refuses_all;
  }

  /// Notes that something was done that may be a cause of a fault.
  void inject(Injected injected, pe::FaultKind fault) {
    injected_ = injected;
    causes_.insert(fault);
  }

  pe::Error error(pe::ErrorKind kind, const char* code, int status) {
    pe::Error error;
    error.kind = kind;
    error.code = code;
    error.http_status = status;
    error.connected = true;
    return error;
  }

  pe::detail::BatchAnswer answer_to(const pe::detail::Batch& batch) {
    using pe::ErrorKind;
    using pe::FaultKind;
    pe::detail::BatchAnswer answer;
    if (has_no_keys_) {
      inject(Injected::Other, FaultKind::Credentials);
      answer.error = error(ErrorKind::Credentials, "", 0);
      answer.was_sent = false;
      return answer;
    }
    if (random_.chance(weather_.unsent)) {
      answer.error = unsent();
      answer.was_sent = false;
      return answer;
    }
    if (refresh_fails_) answer.refresh_failure = error(ErrorKind::Credentials, "", 0);
    answer.failure.credentials_are_temporary = true;
    answer.failure.signed_at =
        std::chrono::system_clock::time_point{std::chrono::hours{500'000}} + clock_error_;
    answer.failure.service_date =
        std::chrono::system_clock::time_point{std::chrono::hours{500'000}};
    if (is_down_) {
      inject(Injected::Failure, FaultKind::Offline);
      answer.error = error(ErrorKind::Transport, "", 0);
      answer.error->connected = false;
      return answer;
    }
    if (random_.chance(weather_.middlebox)) {
      answer.error = middlebox();
      return answer;
    }
    if (random_.chance(weather_.lost_before)) {
      inject(Injected::Failure, FaultKind::Unavailable);
      answer.error = error(ErrorKind::Timeout, "", 0);
      answer.error->may_have_been_delivered = true;
      return answer;
    }
    answer.error = refusal(batch);
    const bool is_lost = random_.chance(weather_.lost_after);
    const bool is_server_error = !answer.error && random_.chance(weather_.server_error);
    if (!answer.error && (!is_server_error || random_.chance(0.5))) arrive(batch);
    if (is_server_error) answer.error = error(ErrorKind::Service, "", 503);
    if (!answer.error && random_.chance(weather_.unreadable)) {
      answer.error = error(ErrorKind::Response, "", 200);
    }
    if (is_lost) answer.error = error(ErrorKind::Transport, "", 0);
    if (answer.error && (is_lost || answer.error->kind == ErrorKind::Response ||
                         answer.error->http_status >= 500)) {
      answer.error->may_have_been_delivered = true;
      inject(Injected::Failure, FaultKind::Unavailable);
    }
    if (!answer.error) injected_ = Injected::Nothing;
    return answer;
  }

  /// A failure on this side of the network.
  pe::Error unsent() {
    using pe::ErrorKind;
    if (random_.chance(0.5)) {
      inject(Injected::Other, pe::FaultKind::Resources);
      pe::Error none = error(ErrorKind::Transport, "NoDescriptors", 0);
      none.connected = false;
      return none;
    }
    inject(Injected::Other, pe::FaultKind::Configuration);
    return error(random_.chance(0.5) ? ErrorKind::InvalidArgument : ErrorKind::Signing, "", 0);
  }

  /// The page of a proxy, a portal or a firewall.
  pe::Error middlebox() {
    static constexpr int statuses[] = {200, 204, 301, 302, 400, 401, 402, 403, 404, 405, 407,
                                       411, 413, 415, 422, 429, 431, 451, 500, 502, 511};
    const int status = statuses[random_.below(std::size(statuses))];
    pe::Error page = error(pe::ErrorKind::Response, "", status);
    page.throttled = status == 429;
    page.may_have_been_delivered = status < 300 || status >= 500;
    if (page.throttled) {
      inject(Injected::Throttling, pe::FaultKind::Throttled);
    } else {
      inject(Injected::Failure, pe::FaultKind::Unavailable);
    }
    return page;
  }

  std::optional<pe::Error> refusal(const pe::detail::Batch& batch) {
    using pe::ErrorKind;
    using pe::FaultKind;
    if (clock_error_.count() != 0) {
      causes_.insert(FaultKind::ClockSkew);
      inject(Injected::Other, FaultKind::Credentials);
      return error(ErrorKind::Service, "InvalidSignatureException", 403);
    }
    if (keys_are_refused_ || random_.chance(weather_.denied)) {
      inject(Injected::Other, FaultKind::Credentials);
      return error(ErrorKind::Service,
                   keys_are_refused_ ? "ExpiredTokenException" : "AccessDeniedException", 403);
    }
    if (is_over_quota() || random_.chance(weather_.throttled)) {
      inject(Injected::Throttling, FaultKind::Throttled);
      return error(ErrorKind::Service, "ThrottlingException", 400);
    }
    bool is_refused = weather_.refuses_all;
    for (std::size_t i = 0; i < batch.size(); ++i) is_refused |= known(batch[i]).is_bad;
    if (!is_refused) return std::nullopt;
    inject(Injected::Refusal, FaultKind::TrackingId);
    return error(ErrorKind::Service, "InvalidInputException", 400);
  }

  bool is_over_quota() {
    if (weather_.quota == 0) return false;
    tokens_ =
        std::min(weather_.quota, tokens_ + std::chrono::duration<double>(now_ - refilled_).count() *
                                               weather_.quota);
    refilled_ = now_;
    if (tokens_ < 1) return true;
    tokens_ -= 1;
    return false;
  }

  /// The service takes a batch: each event's first arrival must be in the order of its session.
  void arrive(const pe::detail::Batch& batch) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Recorded& known = recorded_.at(pe::detail::event_id_of(batch[i].json()));
      duplicates_ += known.arrived ? 1U : 0U;
      if (known.arrived) continue;
      known.arrived = true;
      std::uint64_t& last = arrived_order_[known.session];
      if (known.order < last) fail("events of a session arrived out of order");
      last = known.order;
    }
  }

  void land(Flight&& flight) {
    on_their_way_.erase(std::string{flight.batch.first().session_id()});
    // As RecorderCore does: the refresh may have succeeded since.
    if (!refresh_fails_) flight.answer.refresh_failure.reset();
    const bool uses_old_keys = flight.answer.refresh_failure.has_value();
    const auto remedy =
        dispatcher_.answered(flight.batch, std::move(flight.answer), now_, random_.fraction());
    if (remedy == pe::detail::retry::Remedy::CorrectClock) clock_error_ = milliseconds{0};
    if (remedy == pe::detail::retry::Remedy::RefreshCredentials && random_.chance(0.5))
      keys_are_refused_ = false;
    // What was wrong is fixed, so the same request may leave at once.
    if (remedy != pe::detail::retry::Remedy::Nothing) last_probe_ = SteadyTime{};
    take_news();
    if (flight.injected == Injected::Nothing) {
      failures_in_a_row_ = 0;
      if (is_held()) return fail("a fault that a success did not end");
      if (uses_old_keys && active_.count(pe::FaultKind::Credentials) == 0) {
        return fail("keys that could not be refreshed are used without a fault");
      }
      if (!refresh_fails_ && active_.count(pe::FaultKind::Credentials) > 0) {
        return fail("a fault of credentials although keys are refreshed and accepted");
      }
    }
    if (flight.injected == Injected::Refusal) failures_in_a_row_ = 0;
    if (flight.injected == Injected::Failure) ++failures_in_a_row_;
    if (failures_in_a_row_ >= std::max(16, options_.max_in_flight) && !is_held()) {
      return fail("no fault although everything fails");
    }
    check();
  }

  void take_news() {
    for (pe::detail::EndedEvents& ended : dispatcher_.take_ended()) {
      for (const pe::detail::PendingEvent& event : ended.events) {
        Recorded& known = recorded_.at(pe::detail::event_id_of(event.json()));
        if (known.outcome) return fail("an event with two outcomes");
        known.outcome = ended.outcome;
        const bool was_delivered = ended.outcome == pe::Outcome::Delivered;
        if (was_delivered && !known.arrived) return fail("delivered, but it never arrived");
        if (!was_delivered && known.arrived && !event.may_have_been_delivered) {
          return fail("it arrived, and nothing says so");
        }
        if (ended.outcome == pe::Outcome::Rejected) check_rejection(event, known);
        if (was_delivered == ended.error.has_value()) return fail("an error that does not fit");
      }
    }
    for (const pe::Fault& fault : dispatcher_.take_faults()) {
      const bool is_active = active_.count(fault.kind) != 0;
      if (is_active != fault.cleared) return fail("a fault that was reported twice");
      if (causes_.count(fault.kind) == 0) return fail("a fault that nothing injected");
      if (fault.cleared) {
        active_.erase(fault.kind);
      } else {
        active_.insert(fault.kind);
      }
    }
  }

  /// Only the service rejects: this very event, or all events up to their time limit.
  void check_rejection(const pe::detail::PendingEvent& event, const Recorded& known) {
    const bool is_at_limit = now_ - event.recorded_at >= options_.delivery_timeout &&
                             active_.count(pe::FaultKind::TrackingId) > 0;
    if (is_at_limit) return;
    if (!known.was_refused) return fail("rejected without a word of the service");
    good_rejected_ += known.is_bad ? 0U : 1U;
    if (good_rejected_ > 10 * refusal_periods_) return fail("many good events were rejected");
  }

  void check() {
    const pe::RecorderStats& stats = dispatcher_.stats();
    if (stats.recorded + stats.adopted != stats.delivered + stats.rejected + stats.expired +
                                              stats.dropped + stats.spooled + stats.pending) {
      return fail("the account does not add up");
    }
    if (stats.recorded != accepted_) return fail("an event that was not counted");
    if (stats.in_flight != flights_.size()) return fail("a wrong count in flight");
    if (stats.pending > options_.max_pending_events) return fail("more pending than allowed");
    if (dispatcher_.account().pending_bytes() > options_.max_pending_bytes) {
      return fail("more bytes pending than allowed");
    }
  }

  /// Ends as EventRecorder::close does: the weather clears or it does not.
  void close() {
    const bool clears = random_.chance(0.7);
    if (clears) {
      weather_ = Weather{};  // with it a total refusal is over
      is_down_ = keys_are_refused_ = has_no_keys_ = false;
      set_refresh_fails(false);
      clock_error_ = milliseconds{0};
    }
    dispatcher_.flush();
    const auto watch = dispatcher_.account().watch();
    // Events that were all refused, and those behind them, end at their time limit.
    for (int i = 0; i < 700 && broken_.empty() && dispatcher_.stats().pending > 0; ++i) {
      advance(milliseconds{1'000});
      if (!clears && i > 5) break;
    }
    if (!broken_.empty()) return;
    if (clears && dispatcher_.stats().pending > 0) {
      std::string faults;
      for (const pe::FaultKind kind : active_) faults.append(" ").append(pe::to_string(kind));
      return fail("pending although all is well:" + std::to_string(dispatcher_.stats().pending) +
                  " events;" + faults);
    }
    for (auto& [when, flight] : flights_) {
      pe::detail::BatchAnswer answer;
      answer.error = error(pe::ErrorKind::Cancelled, "", 0);
      answer.error->may_have_been_delivered = true;
      dispatcher_.answered(flight.batch, std::move(answer), now_, 0);
    }
    flights_.clear();
    dispatcher_.end_some(std::numeric_limits<std::size_t>::max(),
                         error(pe::ErrorKind::Cancelled, "", 0),
                         [](const pe::detail::PendingEvent&) { return false; });
    take_news();
    check();
    if (dispatcher_.stats().pending != 0) fail("pending after close");
    if (!dispatcher_.account().unwatch(watch).complete) fail("a flush that did not end");
    for (const auto& [id, known] : recorded_) {
      if (!known.outcome) return fail("an event without an outcome");
    }
  }

  void fail(std::string what) {
    if (broken_.empty()) broken_ = std::move(what);
  }

  Random random_;
  SteadyTime now_{std::chrono::hours{1}};
  pe::RecorderOptions options_;
  Weather weather_;
  std::uint64_t refusal_periods_{weather_.refuses_all ? 1U : 0U};
  std::uint64_t good_rejected_{0};
  pe::detail::Dispatcher dispatcher_;
  std::uint64_t sessions_{1};
  std::uint64_t most_steps_{0};
  std::string broken_{};

  std::uint64_t last_id_{0};
  std::uint64_t accepted_{0};
  std::size_t duplicates_{0};
  int idle_turns_{0};
  std::map<std::string, std::string> users_{};
  std::map<std::string, std::uint64_t> order_of_{};
  std::map<std::string, std::uint64_t> arrived_order_{};
  std::unordered_map<std::string, Recorded> recorded_{};
  std::set<std::string> on_their_way_{};
  std::multimap<SteadyTime, Flight> flights_{};
  std::set<pe::FaultKind> active_{};
  std::set<pe::FaultKind> causes_{};  // faults that something done so far may cause
  Injected injected_{Injected::Nothing};
  int failures_in_a_row_{0};
  SteadyTime last_probe_{};

  bool is_down_{false};
  bool keys_are_refused_{false};
  bool has_no_keys_{false};
  bool refresh_fails_{false};
  milliseconds clock_error_{0};
  double tokens_{1};
  SteadyTime refilled_{now_};
};

}  // namespace simulation

#endif

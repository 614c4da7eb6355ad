// SPDX-License-Identifier: Apache-2.0
//
// A fleet of two hundred recorders under one quota of a thousand requests a second, in virtual
// time: that they share it fairly, waste little of it, and come back gently from an outage.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/recorder/dispatcher.hpp"
#include "simulation.hpp"

namespace pe = personalize_events;
using pe::detail::Batch;
using pe::detail::BatchAnswer;
using pe::detail::SteadyTime;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::size_t kRecorders = 200;
constexpr double kQuota = 1000;
constexpr SteadyTime kStart{std::chrono::hours{1}};

struct Second {
  std::uint64_t requests{0};
  std::uint64_t accepted{0};
  std::uint64_t throttled{0};
  milliseconds slowest_live{0};
};

// What comes next in the virtual world.
struct Happening {
  SteadyTime at;
  std::uint64_t order;  // of two at the same time
  enum class Kind { Record, Land, Wake } kind;
  std::size_t recorder;
  std::size_t flight;

  bool operator>(const Happening& other) const {
    return at != other.at ? at > other.at : order > other.order;
  }
};

class Fleet {
 public:
  explicit Fleet(double events_per_second, std::uint64_t seed = 1) : random_(seed) {
    gap_ = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>{kRecorders / events_per_second});
    for (std::size_t i = 0; i < kRecorders; ++i) {
      pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
      options.delivery_timeout = std::chrono::hours{24};
      options.max_pending_bytes = std::size_t{1} << 40U;
      recorders_.push_back(std::make_unique<pe::detail::Dispatcher>(options, kStart));
      plan(kStart + gap_ * static_cast<std::int64_t>(random_.below(1000)) / 1000,
           Happening::Kind::Record, i);
    }
    delivered_.resize(kRecorders);
    wakes_.resize(kRecorders, SteadyTime::max());
    live_since_.resize(kRecorders, SteadyTime{});
  }

  void outage(SteadyTime begin, SteadyTime end) {
    outage_begin_ = begin;
    outage_end_ = end;
  }

  void run_until(SteadyTime end) {
    while (!happenings_.empty() && happenings_.top().at <= end) {
      const Happening next = happenings_.top();
      happenings_.pop();
      now_ = next.at;
      switch (next.kind) {
        case Happening::Kind::Record: record(next.recorder); break;
        case Happening::Kind::Land: land(next.recorder, next.flight); break;
        case Happening::Kind::Wake:
          if (wakes_[next.recorder] != now_) continue;  // it was planned anew meanwhile
          wakes_[next.recorder] = SteadyTime::max();
          break;
      }
      drive(next.recorder);
    }
    now_ = end;
  }

  // The sum of the seconds from `begin` to `end` after the start.
  Second sum(std::size_t begin, std::size_t end) const {
    Second sum;
    for (std::size_t i = begin; i < std::min(end, seconds_.size()); ++i) {
      sum.requests += seconds_[i].requests;
      sum.accepted += seconds_[i].accepted;
      sum.throttled += seconds_[i].throttled;
      sum.slowest_live = std::max(sum.slowest_live, seconds_[i].slowest_live);
    }
    return sum;
  }
  void forget_shares() { std::fill(delivered_.begin(), delivered_.end(), 0U); }
  const std::vector<std::uint64_t>& shares() const { return delivered_; }
  std::uint64_t pending() const {
    std::uint64_t sum = 0;
    for (const auto& recorder : recorders_) sum += recorder->stats().pending;
    return sum;
  }
  std::uint64_t lost() const {
    std::uint64_t sum = 0;
    for (const auto& recorder : recorders_) {
      sum += recorder->stats().recorded - recorder->stats().delivered - recorder->stats().pending;
    }
    return sum;
  }

 private:
  struct Flight {
    Batch batch;
    BatchAnswer answer;
  };

  void plan(SteadyTime at, Happening::Kind kind, std::size_t recorder, std::size_t flight = 0) {
    happenings_.push({at, ++order_, kind, recorder, flight});
  }

  Second& this_second() {
    const auto index =
        static_cast<std::size_t>(std::chrono::duration_cast<seconds>(now_ - kStart).count());
    if (seconds_.size() <= index) seconds_.resize(index + 1);
    return seconds_[index];
  }

  // Each event is of a session of its own, so each costs a request: the worst case.
  void record(std::size_t recorder) {
    pe::detail::PendingEvents one;
    pe::detail::PendingEvent& event = one.emplace_back();
    const std::string session = std::to_string(++last_session_);
    event.session_size = static_cast<std::uint16_t>(session.size());
    event.text = session + R"({"eventId":"a"})";
    event.recorded_at = now_;
    recorders_[recorder]->accept(std::move(one));
    plan(now_ + gap_, Happening::Kind::Record, recorder);
  }

  void drive(std::size_t recorder) {
    pe::detail::Dispatcher& dispatcher = *recorders_[recorder];
    while (auto batch = dispatcher.next(now_)) {
      std::size_t slot = free_.empty() ? flights_.size() : free_.back();
      if (free_.empty()) {
        flights_.emplace_back();
      } else {
        free_.pop_back();
      }
      flights_[slot].emplace(Flight{*batch, answer_to(*batch)});
      const milliseconds latency{20 + random_.below(40)};
      plan(now_ + latency, Happening::Kind::Land, recorder, slot);
    }
    tell(recorder);
    const SteadyTime wake = dispatcher.next_wake(now_);
    if (wake == wakes_[recorder]) return;
    wakes_[recorder] = wake;
    if (wake != SteadyTime::max()) plan(wake, Happening::Kind::Wake, recorder);
  }

  BatchAnswer answer_to(const Batch&) {
    BatchAnswer answer;
    if (now_ >= outage_begin_ && now_ < outage_end_) {
      answer.error.emplace();
      answer.error->kind = pe::ErrorKind::Transport;
      return answer;
    }
    Second& second = this_second();
    ++second.requests;
    tokens_ = std::min(kQuota,
                       tokens_ + std::chrono::duration<double>(now_ - refilled_).count() * kQuota);
    refilled_ = now_;
    if (tokens_ >= 1) {
      tokens_ -= 1;
      ++second.accepted;
      return answer;
    }
    ++second.throttled;
    answer.error.emplace();
    answer.error->kind = pe::ErrorKind::Service;
    answer.error->code = "ThrottlingException";
    answer.error->http_status = 400;
    answer.error->connected = true;
    return answer;
  }

  void land(std::size_t recorder, std::size_t slot) {
    Flight flight = *std::exchange(flights_[slot], std::nullopt);
    free_.push_back(slot);
    static_cast<void>(recorders_[recorder]->answered(flight.batch, std::move(flight.answer), now_,
                                                     random_.fraction()));
  }

  void tell(std::size_t recorder) {
    for (const pe::Fault& fault : recorders_[recorder]->take_faults()) {
      if (fault.kind == pe::FaultKind::Offline && fault.cleared) live_since_[recorder] = now_;
    }
    for (const auto& ended : recorders_[recorder]->take_ended()) {
      delivered_[recorder] += ended.events.size();
      for (const auto& event : ended.events) {
        if (event.recorded_at < live_since_[recorder]) continue;
        milliseconds& slowest = this_second().slowest_live;
        slowest =
            std::max(slowest, std::chrono::duration_cast<milliseconds>(now_ - event.recorded_at));
      }
    }
  }

  simulation::Random random_;
  std::chrono::nanoseconds gap_{};
  SteadyTime now_{kStart};
  std::vector<std::unique_ptr<pe::detail::Dispatcher>> recorders_{};
  std::priority_queue<Happening, std::vector<Happening>, std::greater<>> happenings_{};
  std::uint64_t order_{0};
  std::vector<std::optional<Flight>> flights_{};
  std::vector<std::size_t> free_{};
  std::uint64_t last_session_{0};
  std::vector<Second> seconds_{};
  std::vector<std::uint64_t> delivered_{};
  std::vector<SteadyTime> wakes_{};
  std::vector<SteadyTime> live_since_{};  // when the recorder saw that the service is back
  double tokens_{kQuota};
  SteadyTime refilled_{kStart};
  SteadyTime outage_begin_{SteadyTime::max()};
  SteadyTime outage_end_{SteadyTime::max()};
};

}  // namespace

TEST_CASE("a fleet that is offered twice the quota uses it, wastes little, and shares fairly") {
  Fleet fleet{2 * kQuota};
  fleet.run_until(kStart + seconds{30});
  fleet.forget_shares();
  fleet.run_until(kStart + seconds{150});
  const Second sum = fleet.sum(30, 150);
  const auto [least, most] = std::minmax_element(fleet.shares().begin(), fleet.shares().end());
  const double fair = kQuota * 120 / kRecorders;
  const double goodput = static_cast<double>(sum.accepted) / (kQuota * 120);
  const double throttled = static_cast<double>(sum.throttled) / static_cast<double>(sum.requests);
  std::printf("fleet of %zu, quota %.0f/s, offered %.0f/s, seconds 30 to 150\n", kRecorders, kQuota,
              2 * kQuota);
  std::printf("  goodput          %6.1f %% of the quota\n", 100 * goodput);
  std::printf("  throttled        %6.1f %% of all requests\n", 100 * throttled);
  std::printf("  least, most      %6.2f %.2f of a fair share\n", static_cast<double>(*least) / fair,
              static_cast<double>(*most) / fair);
  CHECK(goodput >= 0.95);
  CHECK(throttled < 0.15);
  CHECK(static_cast<double>(*least) >= fair / 2);
  // That is all that was offered to it, and one event more.
  CHECK(static_cast<double>(*most) <= fair * 2 + 1);
  CHECK(fleet.lost() == 0);
}

TEST_CASE("after ten minutes of outage the backlog is drained gently, and live events go first") {
  Fleet fleet{kQuota / 2};
  fleet.outage(kStart + seconds{60}, kStart + seconds{660});
  fleet.run_until(kStart + seconds{660});
  const std::uint64_t backlog = fleet.pending();
  std::size_t drained = 660;
  while (drained < 3000 && fleet.pending() > 1500) {
    drained += 10;
    fleet.run_until(kStart + seconds{static_cast<std::int64_t>(drained)});
  }
  std::printf("fleet of %zu after an outage of 600 s, offered %.0f/s, backlog %llu events\n",
              kRecorders, kQuota / 2, static_cast<unsigned long long>(backlog));
  std::printf("  seconds      requests/s  accepted/s  throttled %%  slowest live event ms\n");
  double highest_rate = 0;
  milliseconds slowest{0};
  for (std::size_t from = 660; from < drained; from += 10) {
    const Second sum = fleet.sum(from, from + 10);
    const double rate = static_cast<double>(sum.requests) / 10;
    highest_rate = std::max(highest_rate, rate);
    slowest = std::max(slowest, sum.slowest_live);
    if (from < 760 || from % 100 == 60) {
      std::printf("  %4zu to %4zu  %9.0f  %9.0f  %10.1f  %10lld\n", from, from + 10, rate,
                  static_cast<double>(sum.accepted) / 10,
                  100 * static_cast<double>(sum.throttled) /
                      std::max(1.0, static_cast<double>(sum.requests)),
                  static_cast<long long>(sum.slowest_live.count()));
    }
  }
  std::printf("  drained after %zu s; highest rate %.0f/s, slowest live event %lld ms\n",
              drained - 660, highest_rate, static_cast<long long>(slowest.count()));
  CHECK(highest_rate <= 1.15 * kQuota);
  CHECK(slowest < seconds{5});
  CHECK(drained < 3000);
  CHECK(fleet.lost() == 0);
}

TEST_CASE("a fleet that starts offline comes back without lasting overload") {
  Fleet fleet{kQuota / 2};
  fleet.outage(kStart, kStart + seconds{120});
  fleet.run_until(kStart + seconds{300});
  std::printf("fleet of %zu, offline for its first 120 s, offered %.0f/s\n", kRecorders,
              kQuota / 2);
  std::printf("  seconds      requests/s  accepted/s  throttled %%  slowest live event ms\n");
  const auto print = [&fleet](std::size_t from, std::size_t end) {
    const Second sum = fleet.sum(from, end);
    const auto length = static_cast<double>(end - from);
    std::printf(
        "  %4zu to %4zu  %9.0f  %9.0f  %10.1f  %10lld\n", from, end,
        static_cast<double>(sum.requests) / length, static_cast<double>(sum.accepted) / length,
        100 * static_cast<double>(sum.throttled) / std::max(1.0, static_cast<double>(sum.requests)),
        static_cast<long long>(sum.slowest_live.count()));
    return sum;
  };
  milliseconds slowest{0};
  for (std::size_t from = 120; from < 180; from += 10) {
    slowest = std::max(slowest, print(from, from + 10).slowest_live);
  }
  const Second after = print(140, 220);
  std::printf("  pending after 300 s: %llu\n", static_cast<unsigned long long>(fleet.pending()));
  CHECK(static_cast<double>(after.accepted) >= 0.95 * kQuota * 80);
  CHECK(static_cast<double>(after.throttled) < 0.15 * static_cast<double>(after.requests));
  CHECK(slowest < seconds{10});
  CHECK(fleet.pending() < 1'500);
  CHECK(fleet.lost() == 0);
}

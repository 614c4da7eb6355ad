// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/retry/pace.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>

#include "catch.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::detail::retry::Pace;
using Nanoseconds = std::chrono::nanoseconds;

namespace {

Pace::Time after(Nanoseconds elapsed) {
  return Pace::Time{} + std::chrono::hours{1000} +
         std::chrono::duration_cast<Pace::Time::duration>(elapsed);
}

/// Whether a value is the expected one but for such a part of it.
bool is_near(double value, double expected, double part) {
  return std::abs(value - expected) <= part * std::abs(expected);
}

/// One sender in virtual time: waits as told, sends, and gets its answer at once.
struct Sender {
  Pace pace{after(0s)};
  Nanoseconds now{0};

  /// Sends one request after `gap`; answers how long it was held back.
  Nanoseconds send(Nanoseconds gap, bool throttled = false) {
    now += gap;
    const Nanoseconds wait = pace.acquire(after(now));
    now += wait;
    pace.answered(throttled, after(now));
    return wait;
  }

  /// Sends a request each `gap` until that much time has gone; answers how many.
  int send_for(Nanoseconds duration, Nanoseconds gap) {
    const Nanoseconds end = now + duration;
    int sent = 0;
    for (; now < end; ++sent) send(gap);
    return sent;
  }
};

}  // namespace

TEST_CASE("nothing is held back before the first throttled answer") {
  Sender sender;
  for (int i = 0; i < 10'000; ++i) {
    if (sender.send(1us) != 0ns) FAIL("held back request " << i);
  }
  CHECK(sender.pace.rate() == 0);
  for (int i = 0; i < 1000; ++i) {
    if (sender.pace.acquire(after(sender.now)) != 0ns) FAIL("held back request " << i);
  }
}

TEST_CASE("a throttled answer cuts the rate to seven tenths of what was sent") {
  Sender sender;
  sender.send_for(10s, 10ms);  // 100 a second
  sender.send(10ms, true);
  CHECK(is_near(sender.pace.rate(), 70, 0.05));
}

TEST_CASE("after a throttled answer requests are held back to the rate") {
  Sender sender;
  sender.send_for(10s, 10ms);
  sender.send(10ms, true);
  const double rate = sender.pace.rate();
  // A burst at one moment: what the bucket holds goes at once, the rest waits in turn.
  Nanoseconds before{0};
  int at_once = 0;
  for (int i = 0; i < 300; ++i) {
    const Nanoseconds wait = sender.pace.acquire(after(sender.now));
    CHECK(wait >= before);
    at_once += wait == 0ns;
    if (before > 0ns)
      CHECK(std::abs(static_cast<double>((wait - before).count()) * 1e-9 - 1 / rate) < 1e-6);
    before = wait;
  }
  CHECK(at_once <= static_cast<int>(rate) + 1);
  CHECK(is_near(static_cast<double>(before.count()) * 1e-9, (300 - at_once) / rate, 0.02));
}

TEST_CASE(
    "a second throttled answer cuts the rate again, and it never falls below one request in two "
    "seconds") {
  Sender sender;
  sender.send_for(10s, 10ms);
  sender.send(10ms, true);
  const double first = sender.pace.rate();
  sender.send(10ms, true);
  CHECK(sender.pace.rate() < first);
  CHECK(is_near(sender.pace.rate(), first * 0.7, 0.05));
  for (int i = 0; i < 100; ++i) {
    const Nanoseconds wait = sender.send(0ns, true);
    CHECK(wait >= 0ns);
    CHECK(wait <= 4s);
    CHECK(sender.pace.rate() >= 0.5);
  }
  CHECK(is_near(sender.pace.rate(), 0.5, 0.01));
}

TEST_CASE("throttled by the very first answer, a sender still goes on") {
  Sender sender;
  sender.send(0ns, true);
  CHECK(is_near(sender.pace.rate(), 0.5, 1e-9));
  const int sent = sender.send_for(60s, 0ns);
  CHECK(sent > 30);
  CHECK(sender.pace.rate() > 0.5);
}

TEST_CASE("the rate grows back: flat near the rate that failed, faster beyond it") {
  Sender sender;
  sender.send_for(10s, 10ms);
  sender.send(10ms, true);
  const double throttled_at = sender.pace.rate() / 0.7;
  // The curve is flat cbrt(100 * 0.3 / 0.4) = 4.2 s after the throttling.
  sender.send_for(4200ms, 0ns);
  const double flat = sender.pace.rate();
  CHECK(is_near(flat, throttled_at, 0.05));
  sender.send_for(2s, 0ns);
  const double early = sender.pace.rate() - flat;
  sender.send_for(2s, 0ns);
  const double late = sender.pace.rate() - flat - early;
  CHECK(early > 0);
  CHECK(late > early);
  sender.send_for(20s, 0ns);
  CHECK(sender.pace.rate() > 2 * throttled_at);
}

TEST_CASE("the rate settles around what the service takes") {
  Sender sender;
  double tokens = 20;
  std::int64_t taken = 0, refused = 0;
  while (sender.now < 300s) {
    const Nanoseconds before = sender.now;
    const Nanoseconds wait = sender.pace.acquire(after(sender.now));
    sender.now += std::max<Nanoseconds>(wait, 1ms);
    tokens =
        std::min(20.0, tokens + static_cast<double>((sender.now - before).count()) * 1e-9 * 20);
    const bool throttled = tokens < 1;
    if (!throttled) tokens -= 1;
    (throttled ? refused : taken) += 1;
    sender.pace.answered(throttled, after(sender.now));
  }
  CAPTURE(taken, refused);
  CHECK(taken > 300 * 20 / 2);
  CHECK(taken <= 300 * 20 + 20);
  CHECK(refused < taken / 5);
}

TEST_CASE("after a long idle time the pace is finite, and a sender soon sends again") {
  for (const Nanoseconds idle : {Nanoseconds{1min}, Nanoseconds{24h}, Nanoseconds{24h * 365}}) {
    Sender sender;
    sender.send_for(10s, 10ms);
    sender.send(10ms, true);
    const Nanoseconds wait = sender.send(idle);
    CHECK(wait == 0ns);
    CHECK(std::isfinite(sender.pace.rate()));
    CHECK(sender.pace.rate() >= 0.5);
    // What was saved up while idle is a bucket's worth at most, not a day's.
    int at_once = 0;
    while (at_once < 10'000 && sender.pace.acquire(after(sender.now)) == 0ns) ++at_once;
    CHECK(at_once <= 100);
  }
}

TEST_CASE("waits are never negative and rates are finite, whatever happens when") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random{seed};
    Sender sender;
    for (int step = 0; step < 2000; ++step) {
      const auto choice = random() % 100;
      const Nanoseconds gap = choice < 80 ? Nanoseconds{random() % 20'000'000}
                              : choice < 98
                                  ? Nanoseconds{std::chrono::milliseconds{random() % 5000}}
                              : choice < 99 ? Nanoseconds{std::chrono::hours{random() % 1000}}
                                            : Nanoseconds{0};
      const Nanoseconds wait = sender.send(gap, random() % 10 == 0);
      const double rate = sender.pace.rate();
      if (wait >= 0ns && wait <= 10s && std::isfinite(rate) && rate >= 0) continue;
      FAIL("seed " << seed << " step " << step << ": wait " << wait.count() << " ns, rate "
                   << rate);
    }
  }
}

TEST_CASE("a clock read a little earlier by another thread does no harm") {
  Sender sender;
  sender.send_for(5s, 10ms);
  sender.send(10ms, true);
  for (int i = 0; i < 1000; ++i) {
    const Nanoseconds now = sender.now + i * 10ms - (i % 2 == 0 ? 5ms : 0ms);
    const Nanoseconds wait = sender.pace.acquire(after(now));
    sender.pace.answered(false, after(now));
    CHECK(wait >= 0ns);
    CHECK(wait < 60s);
    CHECK(std::isfinite(sender.pace.rate()));
  }
}

TEST_CASE("a rate that is resumed doubles every half second until something is throttled") {
  Pace pace{after(0s)};
  pace.resume(after(100s), 4);
  CHECK(pace.is_starting());
  CHECK(pace.rate() == 4);
  for (int i = 1; i <= 30; ++i) pace.answered(false, after(100s + i * 100ms));
  CHECK(pace.rate() > 250);
  CHECK(pace.rate() < 260);
  pace.answered(true, after(104s));
  CHECK_FALSE(pace.is_starting());
  CHECK(pace.rate() < 100);
}

TEST_CASE("time without a request is not averaged into the rate of a recorder") {
  for (const bool skips_idle : {false, true}) {
    Pace pace{after(0s), {0.4, false, 0, skips_idle}};
    for (int i = 1; i <= 1010; ++i) pace.answered(false, after(i * 10ms));
    pace.answered(false, after(1000s));
    CHECK((pace.measured_rate() > 25) == skips_idle);
  }
}

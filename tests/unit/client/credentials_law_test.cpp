// SPDX-License-Identifier: Apache-2.0
//
// Random lives of a provider in virtual time: it is slow, silent or failing, its keys expire soon
// or are rejected, and become good again; the clock is wrong. For each seed the laws hold: a call
// ends at call_timeout, good keys are never unused, and the provider is called seldom.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/client_world.hpp"
#include "support/provider_guard.hpp"
#include "support/sanitizers.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

/// splitmix64: the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t end) {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t word = state_;
    word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
    word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
    return (word ^ (word >> 31U)) % end;
  }
  bool one_in(std::uint64_t count) { return below(count) == 0; }

 private:
  std::uint64_t state_;
};

enum class Mood : std::uint8_t {
  Good,      // keys for an hour
  Short,     // keys that are near expiry
  Same,      // the last keys again
  Bad,       // other keys, which the service rejects
  Failing,   // an error
  Retrying,  // an error that is retryable
  Silent,    // no response within the timeout
};

/// No call of a provider that works keeps a pause longer than this.
constexpr milliseconds kLongestPause{40'000};
/// The rate: so many calls at once, and one each 15 seconds on average.
constexpr std::size_t kBurst{12};
constexpr milliseconds kAverage{15'000};

class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed), provider_random_(~seed) {
    platform_->seed(seed);
    const milliseconds errors[] = {0h, 0h, 2h, -2h, 48h, -48h};
    clock_error_ = errors[random_.below(std::size(errors))];
    options_.region = "us-east-1";
    options_.platform = platform_;
    options_.transport = std::make_shared<Service>(*this);
    options_.credentials = guard_.guard(
        [this](const pe::CredentialsRequest& request) { return provide(request.timeout); });
  }

  /// What was broken; empty: nothing.
  std::string run() {
    const pe::Client client{options_};
    for (int step = 0; step < 200 && broken_.empty(); ++step) {
      if (random_.one_in(6)) change();
      for (auto calls = 1 + random_.below(4); calls > 0 && broken_.empty(); --calls) call(client);
      platform_->advance(milliseconds{random_.below(random_.one_in(3) ? 900'000 : 5'000)});
    }
    if (broken_.empty()) recover(client);
    check_rate();
    return broken_;
  }
  [[nodiscard]] std::size_t sent() const { return sent_; }
  [[nodiscard]] std::size_t failed() const { return failed_; }

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  using Time = std::chrono::system_clock::time_point;

  struct Keys {
    int number{0};
    Time expires{};  // by the service's clock
    bool is_bad{false};
  };

  struct Service final : pe::Transport {
    explicit Service(Life& its_life) : life(its_life) {}
    Life& life;
    pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
      return life.respond(request);
    }
  };

  [[nodiscard]] Time service_now() const { return platform_->now() - clock_error_; }

  // --- The provider, which may be on a thread of the cache ---

  pe::Result<pe::Credentials> provide(milliseconds timeout) {
    const std::lock_guard<std::mutex> lock{mutex_};
    asked_at_.push_back(platform_->steady_now());
    // No call waits for a refresh with the longest timeout, so it takes no time here.
    if (timeout < pe::detail::kRefreshTimeout) platform_->advance(delay(timeout));
    return result();
  }
  [[nodiscard]] milliseconds delay(milliseconds timeout) {
    if (mood_ != Mood::Silent) return std::min(latency_, timeout);
    // A call that has keys waits for half of its time; the provider does not return in the other.
    return held_ ? timeout / 2 : timeout;
  }
  [[nodiscard]] pe::Result<pe::Credentials> result() {
    if (mood_ == Mood::Failing || mood_ == Mood::Retrying || mood_ == Mood::Silent) {
      pe::Error error = pe::credentials_error("the vault is sealed");
      error.retryable = mood_ != Mood::Failing;
      return error;
    }
    const bool is_new = mood_ != Mood::Same || !held_;
    if (is_new) {
      Keys keys{++last_number_, service_now() + 1h, mood_ == Mood::Bad};
      if (mood_ == Mood::Short)
        keys.expires = service_now() + milliseconds{provider_random_.below(400'000)};
      held_ = keys;
      issued_[keys.number] = keys;
    }
    was_rejected_ = false;
    return pe::Credentials{"KEY" + std::to_string(held_->number), "secret", "token",
                           held_->expires};
  }

  // --- The service ---

  pe::Result<pe::HttpResponse> respond(const pe::HttpRequest& request) {
    const std::lock_guard<std::mutex> lock{mutex_};
    const std::string stamp = test::header(request, "X-Amz-Date");
    const auto signed_at = pe::detail::parse_rfc3339(stamp.substr(0, 4) + "-" + stamp.substr(4, 2) +
                                                     "-" + stamp.substr(6, 5) + ":" +
                                                     stamp.substr(11, 2) + ":" + stamp.substr(13));
    const pe::Headers date{{"Date", pe::detail::format_http_date(service_now())}};
    const auto skew = *signed_at - service_now();
    if (skew > 5min || -skew > 5min) {
      return test::service_error(403, "RequestTimeTooSkewed", date);
    }
    const std::string authorization = test::header(request, "Authorization");
    const auto at = authorization.find("KEY") + 3;
    const Keys& keys = issued_.at(std::stoi(authorization.substr(at)));
    if (is_accepted(keys)) {
      return pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}, date.front()}};
    }
    if (held_ && held_->number == keys.number) was_rejected_ = true;
    return test::service_error(403, "ExpiredTokenException", date);
  }
  [[nodiscard]] bool is_accepted(const Keys& keys) const {
    return !keys.is_bad && service_now() < keys.expires;
  }

  // --- The program ---

  void change() {
    const std::lock_guard<std::mutex> lock{mutex_};
    if (random_.one_in(8) && held_) {  // keys are revoked, or become good again
      Keys& keys = issued_.at(held_->number);
      keys.is_bad = !keys.is_bad;
      held_ = keys;
      return;
    }
    const std::uint64_t mood = random_.below(12);  // often Good
    mood_ = mood < 7 ? static_cast<Mood>(mood) : Mood::Good;
    latency_ = milliseconds{random_.one_in(2) ? random_.below(100) : random_.below(4'000)};
  }

  void call(const pe::Client& client) {
    const std::optional<int> before = good_keys();
    const SteadyTime begin = platform_->steady_now();
    const auto result = client.put_events(test::put_events_request());
    const auto time = platform_->steady_now() - begin;
    if (time > options_.call_timeout + 100ms) {
      return fail("a call took " +
                  std::to_string(std::chrono::duration_cast<milliseconds>(time).count()) + " ms");
    }
    if (result) {
      ++sent_;
      return;
    }
    ++failed_;
    if (before && before == good_keys()) {
      fail("good keys were not used: " + pe::to_string(result.error()));
    }
    const pe::ErrorKind kind = result.error().kind;
    if (kind != pe::ErrorKind::Credentials && kind != pe::ErrorKind::Timeout &&
        kind != pe::ErrorKind::Service) {
      fail("an error that nothing caused: " + pe::to_string(result.error()));
    }
  }

  /// The keys that the cache has, if the service accepts them for as long as a call may take. Those
  /// that it has rejected are used again when the provider gives them again.
  [[nodiscard]] std::optional<int> good_keys() {
    const std::lock_guard<std::mutex> lock{mutex_};
    const bool are_good =
        held_ && !was_rejected_ && !held_->is_bad && service_now() + 10s < held_->expires;
    return are_good ? std::optional<int>{held_->number} : std::nullopt;
  }

  /// The provider works again, so the next call after the longest pause does.
  void recover(const pe::Client& client) {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      mood_ = Mood::Good;
      latency_ = milliseconds{10};
    }
    platform_->advance(kLongestPause);
    for (int calls = 0; calls < 2; ++calls) {
      const auto result = client.put_events(test::put_events_request());
      if (!result) fail("no call works again: " + pe::to_string(result.error()));
    }
  }

  void check_rate() {
    const std::lock_guard<std::mutex> lock{mutex_};
    for (std::size_t first = 0; first < asked_at_.size(); ++first) {
      for (std::size_t last = first + kBurst; last < asked_at_.size(); ++last) {
        const auto time = asked_at_[last] - asked_at_[first];
        if (time >= kAverage * static_cast<int>(last - first + 1 - kBurst)) continue;
        return fail(std::to_string(last - first + 1) + " calls of the provider within " +
                    std::to_string(std::chrono::duration_cast<milliseconds>(time).count()) + " ms");
      }
    }
  }

  void fail(std::string what) {
    if (broken_.empty()) broken_ = std::move(what);
  }

  Random random_;
  Random provider_random_;
  std::shared_ptr<pe::testing::VirtualPlatform> platform_ =
      std::make_shared<pe::testing::VirtualPlatform>();
  milliseconds clock_error_{0};
  pe::ClientOptions options_{};
  std::string broken_{};
  std::size_t sent_{0};
  std::size_t failed_{0};

  std::mutex mutex_{};
  Mood mood_{Mood::Good};
  milliseconds latency_{10};
  std::map<int, Keys> issued_{};
  std::optional<Keys> held_{};  // by the cache, or on their way to it
  bool was_rejected_{false};
  int last_number_{0};
  std::vector<SteadyTime> asked_at_{};

  test::ProviderGuard guard_{};
};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("Calls end in time, good keys are used and providers called seldom, for any provider") {
  const std::uint64_t only = number_from("PERSONALIZE_EVENTS_SEED", 0);
  const std::uint64_t first = only == 0 ? 1 : only;
  const std::uint64_t all = test::kIsSanitized ? 20 : 200;
  const std::uint64_t count = only == 0 ? number_from("PERSONALIZE_EVENTS_SEEDS", all) : 1;
  std::size_t sent = 0;
  std::size_t failed = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    Life life{seed};
    const std::string broken = life.run();
    if (!broken.empty()) {
      FAIL("seed " << seed << ": " << broken
                   << "; replay it with PERSONALIZE_EVENTS_SEED=" << seed);
    }
    sent += life.sent();
    failed += life.failed();
  }
  if (count == 1) return;
  CHECK(sent > failed);
  CHECK(failed > 0);
}

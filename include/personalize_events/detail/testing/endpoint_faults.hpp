// SPDX-License-Identifier: Apache-2.0
//
// FaultRules: which request of the local endpoint goes wrong, and how. Rules are ordered and
// counted, and one seed gives one sequence of decisions. Pure; endpoint_service.hpp asks it for
// each request, and endpoint_fault_reader.hpp reads rules from text.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_FAULTS_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_FAULTS_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/testing/endpoint_plan.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// Who responds to a request.
enum class Responder : std::uint8_t {
  Service,
  Intermediary,  ///< A proxy or captive portal: an HTML page without the service's headers.
};

/// One way in which requests go wrong. Its parts add up: a rule may answer 503, late, with a wrong
/// date, and cut.
struct FaultRule {
  /// Of which operation, "PutEvents"; empty: of any.
  std::string operation{};
  /// Only requests whose body has this text in it, such as an event's id; empty: any.
  std::string body_contains{};
  /// Every so many of the requests that come to this rule; 0 is as 1.
  std::uint64_t every{1};
  /// Of these, with this chance, from 0 to 1.
  double probability{1};
  /// So often, after which the rule is spent; empty: until the rules are cleared.
  std::optional<std::uint64_t> times{};

  /// Responds with this status, from 400 to 599, and the request is not taken; 0: the service
  /// responds as it does without a rule. An intermediary's is from 200 to 599; 0: 200.
  int status{0};
  /// The error code of the service's response, "ServiceUnavailable"; empty: a response without code
  /// and body.
  std::string code{};
  /// Who responds. The service does not see a request to which an intermediary responds.
  Responder responder{Responder::Service};
  /// The header `x-amz-retry-after`.
  std::optional<std::chrono::milliseconds> retry_after{};
  /// Before the answer, or the reset.
  std::chrono::milliseconds delay{0};
  /// How much of the answer is sent, and how.
  Sending sending{Sending::Whole};
  /// Between two bytes of a dripped answer.
  std::chrono::milliseconds drip_interval{50};
  /// Added to the header `Date`.
  std::chrono::seconds date_offset{0};
};

/// Puts into a plan what a rule says of the answer: when, how well, and its headers.
inline void apply(const FaultRule& rule, std::chrono::system_clock::time_point now,
                  EndpointPlan& plan) {
  plan.sending = rule.sending;
  plan.delay = rule.delay;
  plan.drip_interval = rule.drip_interval;
  for (auto& [name, value] : plan.response.headers) {
    if (equal_header_names(name, "Date")) value = detail::format_http_date(now + rule.date_offset);
  }
  if (rule.retry_after) {
    plan.response.headers.emplace_back("x-amz-retry-after",
                                       std::to_string(rule.retry_after->count()));
  }
}

/// The rules in force. Each request meets the first that wants it; the others do not hear of it.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class FaultRules {
 public:
  /// The most rules that EndpointControl adds to.
  static constexpr std::size_t kMost = 1000;

  /// Chances are drawn from `seed`, so that one seed is one run.
  explicit FaultRules(std::uint64_t seed, const std::vector<FaultRule>& rules = {})
      : random_(seed) {
    for (const FaultRule& rule : rules) add(rule);
  }
  FaultRules(const FaultRules&) = delete;
  FaultRules& operator=(const FaultRules&) = delete;

  /// Adds a rule after all others. A status out of its range becomes the nearest in it.
  void add(FaultRule rule) {
    const bool is_service = rule.responder == Responder::Service;
    if (rule.status != 0) rule.status = std::clamp(rule.status, is_service ? 400 : 200, 599);
    const std::lock_guard<std::mutex> lock{mutex_};
    rules_.push_back({std::move(rule)});
  }

  /// Takes all rules away.
  void clear() {
    const std::lock_guard<std::mutex> lock{mutex_};
    rules_.clear();
  }

  /// How many rules there are, spent ones included.
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return rules_.size();
  }

  /// The rule that the next request of an operation meets; nothing when it goes well.
  [[nodiscard]] std::optional<FaultRule> next(std::string_view operation,
                                              std::string_view body = {}) {
    const std::lock_guard<std::mutex> lock{mutex_};
    for (CountedRule& counted : rules_) {
      if (wants(counted, operation, body)) return counted.rule;
    }
    return std::nullopt;
  }

 private:
  struct CountedRule {
    FaultRule rule;
    std::uint64_t seen{0};
    std::uint64_t met{0};
  };

  [[nodiscard]] bool wants(CountedRule& counted, std::string_view operation,
                           std::string_view body) {
    const FaultRule& rule = counted.rule;
    if (!rule.operation.empty() && rule.operation != operation) return false;
    if (body.find(rule.body_contains) == std::string_view::npos) return false;
    if (rule.times && counted.met >= *rule.times) return false;
    if (++counted.seen % std::max<std::uint64_t>(rule.every, 1) != 0) return false;
    if (rule.probability < 1 && chance() >= rule.probability) return false;
    ++counted.met;
    return true;
  }

  /// From 0 to just below 1. Not std::uniform_real_distribution, which each library does its way.
  [[nodiscard]] double chance() {
    constexpr double kScale = 1.0 / 9'007'199'254'740'992.0;  // 2 to the -53rd
    return static_cast<double>(random_() >> 11U) * kScale;
  }

  mutable std::mutex mutex_{};
  std::vector<CountedRule> rules_{};
  std::mt19937_64 random_;
};

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

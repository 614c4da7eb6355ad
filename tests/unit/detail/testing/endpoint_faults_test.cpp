// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/testing/endpoint_faults.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::FaultRule;
using pe::testing::FaultRules;

namespace {

FaultRule rule_with(int status) {
  FaultRule rule;
  rule.status = status;
  return rule;
}

/// The statuses of the rules that so many requests meet, 0 for none.
std::vector<int> met(FaultRules& rules, int requests, const std::string& operation = "PutEvents") {
  std::vector<int> statuses;
  for (int i = 0; i < requests; ++i) {
    const auto rule = rules.next(operation);
    statuses.push_back(rule ? rule->status : 0);
  }
  return statuses;
}

}  // namespace

TEST_CASE("Without rules nothing goes wrong") {
  FaultRules rules(1);
  CHECK(met(rules, 3) == std::vector<int>{0, 0, 0});
}

TEST_CASE("Counted rules follow each other in their order") {
  FaultRule twice = rule_with(500);
  twice.times = 2;
  FaultRule once = rule_with(503);
  once.times = 1;
  FaultRules rules(1, {twice, once});
  CHECK(met(rules, 5) == std::vector<int>{500, 500, 503, 0, 0});
  CHECK(rules.size() == 2);
}

TEST_CASE("A rule for a text wants the requests whose body has it, and counts those alone") {
  FaultRule rule = rule_with(400);
  rule.body_contains = "event-7";
  rule.every = 2;
  FaultRules rules(1, {rule});
  CHECK_FALSE(rules.next("PutEvents", R"({"eventId":"event-7"})"));
  CHECK_FALSE(rules.next("PutEvents", R"({"eventId":"event-8"})"));
  CHECK_FALSE(rules.next("PutEvents"));
  CHECK(rules.next("PutEvents", R"({"eventId":"event-7"})"));
}

TEST_CASE("A rule without a count stays until the rules are cleared") {
  FaultRules rules(1, {rule_with(500)});
  CHECK(met(rules, 3) == std::vector<int>{500, 500, 500});
  rules.clear();
  CHECK(rules.size() == 0);
  CHECK(met(rules, 2) == std::vector<int>{0, 0});
  rules.add(rule_with(502));
  CHECK(met(rules, 1) == std::vector<int>{502});
}

TEST_CASE("A rule may be for one operation only") {
  FaultRule users = rule_with(500);
  users.operation = "PutUsers";
  users.times = 1;
  FaultRules rules(1, {users});
  CHECK(met(rules, 2, "PutEvents") == std::vector<int>{0, 0});
  CHECK(met(rules, 2, "PutUsers") == std::vector<int>{500, 0});
}

TEST_CASE("A rule may be for every third request that comes to it") {
  FaultRule third = rule_with(500);
  third.every = 3;
  FaultRule second = rule_with(503);
  second.every = 2;
  // The second rule does not hear of what the first one took.
  FaultRules rules(1, {third, second});
  CHECK(met(rules, 9) == std::vector<int>{0, 503, 500, 0, 503, 500, 0, 503, 500});
}

TEST_CASE("A rule with a count is spent by what it met, not by what it saw") {
  FaultRule rule = rule_with(500);
  rule.every = 2;
  rule.times = 2;
  FaultRules rules(1, {rule});
  CHECK(met(rules, 7) == std::vector<int>{0, 500, 0, 500, 0, 0, 0});
  FaultRule zero = rule_with(500);
  zero.every = 0;
  FaultRules always(1, {zero});
  CHECK(met(always, 2) == std::vector<int>{500, 500});
}

TEST_CASE("A probability is met as often as it says, and one seed decides once and for all") {
  FaultRule rule = rule_with(500);
  rule.probability = 0.25;
  const auto run = [&rule](std::uint64_t seed) {
    FaultRules rules(seed, {rule});
    return met(rules, 4000);
  };
  const std::vector<int> statuses = run(7);
  const auto faults = std::count(statuses.begin(), statuses.end(), 500);
  CHECK(faults > 850);
  CHECK(faults < 1150);
  CHECK(run(7) == statuses);
  CHECK(run(8) != statuses);
}

TEST_CASE("A probability of nothing meets nothing, of one everything") {
  FaultRule rule = rule_with(500);
  rule.probability = 0;
  FaultRules never(1, {rule});
  CHECK(met(never, 3) == std::vector<int>{0, 0, 0});
  rule.probability = 1;
  FaultRules always(1, {rule});
  CHECK(met(always, 3) == std::vector<int>{500, 500, 500});
}

TEST_CASE("A status is an error's") {
  FaultRules rules(1, {rule_with(204)});
  CHECK(met(rules, 1) == std::vector<int>{400});
  rules.clear();
  rules.add(rule_with(1000));
  CHECK(met(rules, 1) == std::vector<int>{599});
  rules.clear();
  FaultRule page = rule_with(204);
  page.responder = pe::testing::Responder::Intermediary;
  rules.add(page);
  CHECK(met(rules, 1) == std::vector<int>{204});
}

TEST_CASE("A rule puts its parts into the plan") {
  FaultRule rule;
  rule.delay = 5ms;
  rule.sending = pe::testing::Sending::Dripped;
  rule.drip_interval = 3ms;
  rule.date_offset = -1h;
  rule.retry_after = 1500ms;
  pe::testing::EndpointPlan plan;
  plan.response = {200, {{"date", "today"}}, {}};
  apply(rule, std::chrono::system_clock::time_point{2h}, plan);
  CHECK(plan.delay == 5ms);
  CHECK(plan.sending == pe::testing::Sending::Dripped);
  CHECK(plan.drip_interval == 3ms);
  CHECK(*pe::find_header(plan.response.headers, "Date") == "Thu, 01 Jan 1970 01:00:00 GMT");
  CHECK(*pe::find_header(plan.response.headers, "x-amz-retry-after") == "1500");
}

TEST_CASE("A count holds over threads") {
  FaultRule rule = rule_with(500);
  rule.times = 100;
  FaultRules rules(1, {rule});
  std::atomic<int> faults{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&rules, &faults] {
      for (int call = 0; call < 100; ++call) faults += rules.next("PutEvents") ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(faults == 100);
}

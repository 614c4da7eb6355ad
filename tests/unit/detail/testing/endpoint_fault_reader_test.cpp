// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/testing/endpoint_fault_reader.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::fault_rule_from_text;
using pe::testing::fault_rules_from_json;
using pe::testing::FaultRule;
using pe::testing::Sending;

namespace {

void check_is_full(const FaultRule& rule) {
  CHECK(rule.operation == "PutEvents");
  CHECK(rule.body_contains == "event-7");
  CHECK(rule.every == 2);
  CHECK(rule.probability == 0.5);
  CHECK(rule.times == 3U);
  CHECK(rule.status == 503);
  CHECK(rule.code == "ServiceUnavailable");
  CHECK(rule.retry_after == 1500ms);
  CHECK(rule.delay == 20ms);
  CHECK(rule.sending == Sending::Dripped);
  CHECK(rule.drip_interval == 7ms);
  CHECK(rule.date_offset == -600s);
}

}  // namespace

TEST_CASE("A rule in its short form has all members") {
  const auto rule = fault_rule_from_text(
      "PutEvents:body_contains=event-7,every=2,probability=0.5,times=3,status=503,"
      "code=ServiceUnavailable,retryAfterMs=1500,delayMs=20,send=drip,dripMs=7,dateOffsetSeconds=-"
      "600");
  REQUIRE(rule.has_value());
  check_is_full(*rule);
}

TEST_CASE("A rule in JSON has the same members") {
  const auto rules = fault_rules_from_json(
      R"({"operation":"PutEvents","body_contains":"event-7","every":2,"probability":0.5,)"
      R"("times":3,"status":503,"code":"ServiceUnavailable","retryAfterMs":1500,)"
      R"("delayMs":20,"send":"drip","dripMs":7,"dateOffsetSeconds":-600})");
  REQUIRE(rules.has_value());
  REQUIRE(rules->size() == 1);
  check_is_full(rules->front());
}

TEST_CASE("What is left out is as in a new rule") {
  const auto rule = fault_rule_from_text("delayMs=1");
  REQUIRE(rule.has_value());
  CHECK(rule->operation.empty());
  CHECK(rule->every == 1);
  CHECK_FALSE(rule->times.has_value());
  CHECK(rule->status == 0);
  CHECK(rule->sending == Sending::Whole);
  CHECK(fault_rule_from_text("any:status=500")->operation.empty());
  CHECK(fault_rule_from_text("operation=PutItems,status=500")->operation == "PutItems");
}

TEST_CASE("Each way of sending has its name") {
  const std::vector<std::pair<std::string, Sending>> cases{{"whole", Sending::Whole},
                                                           {"reset_before", Sending::ResetBefore},
                                                           {"reset_after", Sending::ResetAfter},
                                                           {"cut_head", Sending::CutInHead},
                                                           {"cut_body", Sending::CutInBody},
                                                           {"drip", Sending::Dripped},
                                                           {"endless", Sending::Endless}};
  for (const auto& [name, sending] : cases) {
    CAPTURE(name);
    const auto rule = fault_rule_from_text("send=" + name);
    REQUIRE(rule.has_value());
    CHECK(rule->sending == sending);
  }
}

TEST_CASE("JSON may have several rules, in their order") {
  const auto rules = fault_rules_from_json(R"([{"status":500},{"send":"endless"}])");
  REQUIRE(rules.has_value());
  REQUIRE(rules->size() == 2);
  CHECK(rules->front().status == 500);
  CHECK(rules->back().sending == Sending::Endless);
  CHECK(fault_rules_from_json("[]")->empty());
}

TEST_CASE("An intermediary may respond with any status from 200 on") {
  const auto portal = fault_rule_from_text("from=intermediary,status=200");
  REQUIRE(portal.has_value());
  CHECK(portal->responder == pe::testing::Responder::Intermediary);
  CHECK(portal->status == 200);
  CHECK(fault_rule_from_text("from=intermediary")->status == 0);
  CHECK(fault_rule_from_text("from=service,status=400")->responder ==
        pe::testing::Responder::Service);
  CHECK(fault_rules_from_json(R"({"status":302,"from":"intermediary"})")->front().status == 302);
}

TEST_CASE("What is wrong in a short form is named") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", ""},
      {"PutEvents", "PutEvents"},
      {"PutEvents:", ""},
      {"status", "status"},
      {"status=", "status"},
      {"status=399", "status"},
      {"status=600", "status"},
      {"status=5e2", "status"},
      {"status=99999999999999999999", "status"},
      {"times=0", "times"},
      {"every=-1", "every"},
      {"delayMs=-1", "delayMs"},
      {"probability=2", "probability"},
      {"probability=x", "probability"},
      {"PutNothing:status=500", "operation"},
      {"status=500,code=two words", "code"},
      {"code=ServiceUnavailable", "code"},
      {"send=slowly", "send"},
      {"from=nowhere", "from"},
      {"status=199,from=intermediary", "status"},
      {"status=407,code=Denied,from=intermediary", "code"},
      {"colour=red", "colour"},
  };
  for (const auto& [text, where] : cases) {
    CAPTURE(text);
    const auto rule = fault_rule_from_text(text);
    REQUIRE_FALSE(rule.has_value());
    CHECK(rule.error().kind == pe::ErrorKind::InvalidArgument);
    CHECK(rule.error().where == where);
    CHECK(rule.error().message.size() > 10);
  }
}

TEST_CASE("What is wrong in JSON is named") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", ""},
      {"{", ""},
      {"7", ""},
      {"[7]", ""},
      {R"({"status":"x"})", "status"},
      {R"({"status":null})", "status"},
      {R"({"status":[]})", "status"},
      {R"([{"status":500},{"times":0}])", "times"},
      {R"({"code":"Failure"})", "code"}};
  for (const auto& [text, where] : cases) {
    CAPTURE(text);
    const auto rules = fault_rules_from_json(text);
    REQUIRE_FALSE(rules.has_value());
    CHECK(rules.error().where == where);
  }
}

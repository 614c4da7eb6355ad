// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/wire/validate.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_users.hpp"

namespace pe = personalize_events;
using pe::Validation;

namespace {

/// Stands in every value; no error may contain it.
const std::string kMarker = "MARKER";
const std::string kArn = "arn:aws:personalize:eu-west-1:1:MARKER";
const std::string kEmoji = "\xF0\x9F\x8E\xAC";

std::string repeated(const std::string& part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

/// Text of so many characters that the rules accept.
std::string filler(std::size_t length, const pe::detail::model::Rules& rules) {
  std::string text = rules.pattern == &pe::detail::model::kArn && length >= kArn.size() ? kArn : "";
  while (text.size() < length) text += kMarker;
  return text.substr(0, length);
}

/// What is wrong with a shape: "where: message"; nothing when it is valid.
template <class Shape>
std::string fault_of(const Shape& shape, Validation mode = Validation::Model) {
  const auto valid = pe::detail::wire::validate(shape, mode);
  if (valid) return {};
  const pe::Error& error = valid.error();
  CHECK(error.kind == pe::ErrorKind::InvalidArgument);
  CHECK_FALSE(error.retryable);
  CHECK_FALSE(error.may_have_been_delivered);
  CHECK(pe::to_string(error).find(kMarker) == std::string::npos);
  return error.where + ": " + error.message;
}

std::string characters(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " character" : " characters");
}
std::string elements(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " element" : " elements");
}

/// Properties whose JSON text has so many characters.
pe::Properties properties_of_length(std::size_t length) {
  return {{"k", filler(length - std::string_view(R"({"k":""})").size(), {})}};
}

/// Tries each bound of each member of a shape, given a valid one: at the limit, and one beyond.
template <class Shape>
class BoundsOf {
 public:
  explicit BoundsOf(Shape valid) : valid_(std::move(valid)) {}

  /// The number of members that were tried.
  int check() {
    CHECK(fault_of(valid_).empty());
    CHECK(fault_of(valid_, Validation::WellFormedOnly).empty());
    int members = 0;
    pe::detail::model::for_each_member<Shape>([&](const auto& member) {
      INFO(pe::detail::model::Description<Shape>::name << "." << member.wire_name);
      name_ = member.wire_name;
      check_member(member.pointer, member.rules);
      ++members;
      return true;
    });
    return members;
  }

 private:
  template <class Type>
  void check_member(std::optional<Type> Shape::*pointer, const pe::detail::model::Rules& rules) {
    with(pointer, std::optional<Type>{}, "");
    check_values<Type>(
        [&](Type value, const std::string& fault) {
          with(pointer, std::optional<Type>{value}, fault);
        },
        rules, "");
  }
  template <class Type>
  void check_member(std::vector<Type> Shape::*pointer, const pe::detail::model::Rules& rules) {
    Type one = element(valid_.*pointer);
    with(pointer, std::vector<Type>{},
         rules.is_required ? ": 0 elements, at least " + std::to_string(rules.count.least) : "");
    with(pointer, std::vector<Type>(rules.count.least, one), "");
    with(pointer, std::vector<Type>(rules.count.most, one), "");
    with(pointer, std::vector<Type>(rules.count.most + 1, one),
         ": " + elements(rules.count.most + 1) + ", at most " + std::to_string(rules.count.most));
    if constexpr (std::is_same_v<Type, std::string>) {
      const std::size_t last = rules.count.most - 1;
      check_values<Type>(
          [&](const std::string& value, const std::string& fault) {
            std::vector<Type> list(rules.count.most, one);
            list[last] = value;
            with(pointer, list, fault);
          },
          rules, "[" + std::to_string(last) + "]");
    }
  }
  template <class Type>
  void check_member(Type Shape::*pointer, const pe::detail::model::Rules& rules) {
    check_values<Type>([&](Type value, const std::string& fault) { with(pointer, value, fault); },
                       rules, "");
  }

  static std::string element(const std::vector<std::string>&) { return kMarker; }
  template <class Type>
  static Type element(const std::vector<Type>& of_valid) {
    REQUIRE(of_valid.size() == 1);
    return of_valid[0];
  }

  /// The values of a type that lie at and beyond its bounds, with the fault expected of each.
  template <class Type, class Try>
  void check_values(Try try_value, const pe::detail::model::Rules& rules,
                    const std::string& index) {
    if constexpr (std::is_same_v<Type, std::string>) {
      const auto [min, max] = rules.length;
      if (min > 0) {
        try_value(filler(min, rules), "");
        try_value(filler(min - 1, rules),
                  index + ": " + characters(min - 1) + ", at least " + std::to_string(min));
      } else {
        try_value("",
                  index + ": does not match the pattern " + std::string(rules.pattern->expression));
      }
      try_value(filler(max, rules), "");
      try_value(filler(max + 1, rules),
                index + ": " + characters(max + 1) + ", at most " + std::to_string(max));
      try_value(filler(max, rules) + "\xFF", index + ": not well-formed UTF-8");
      if (rules.pattern != nullptr) {
        try_value(kMarker + "\n",
                  index + ": does not match the pattern " + std::string(rules.pattern->expression));
      } else {
        try_value(repeated(kEmoji, max), "");  // scalar values, not bytes
        try_value(repeated(kEmoji, max + 1),
                  index + ": " + characters(max + 1) + ", at most " + std::to_string(max));
      }
    } else if constexpr (std::is_same_v<Type, pe::Properties>) {
      const std::size_t max = rules.length.most;
      try_value(pe::Properties{}, "");
      try_value(properties_of_length(max), "");
      try_value(properties_of_length(max + 1),
                ": " + characters(max + 1) + ", at most " + std::to_string(max));
      try_value(pe::Properties{{kMarker, kMarker + "\xFF"}}, "[0]: not well-formed UTF-8");
      try_value(pe::Properties{{kMarker, 1}, {kMarker, 2}},
                "[1]: the key is there already; give each key once");
      try_value(pe::Properties{{kMarker, std::nan("")}}, "[0]: not a finite number");
    } else if constexpr (std::is_same_v<Type, double>) {
      for (const double value : {0.0, -0.0, 1e308, std::numeric_limits<double>::denorm_min()})
        try_value(value, "");
      for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL})
        try_value(value, ": not a finite number");
    } else if constexpr (std::is_same_v<Type, std::chrono::system_clock::time_point>) {
      try_value(std::chrono::system_clock::time_point::min(), "");
      try_value(std::chrono::system_clock::time_point::max(), "");
    } else {
      static_assert(pe::detail::model::is_shape<Type>);  // has a separate case
    }
  }

  /// Checks the valid shape with one member replaced. Without bounds, only what is malformed fails.
  template <class Type>
  void with(Type Shape::*pointer, const Type& value, const std::string& fault) {
    Shape shape = valid_;
    shape.*pointer = value;
    const std::string expected = fault.empty() ? "" : std::string(name_) + fault;
    CHECK(fault_of(shape) == expected);
    const auto names = [&fault](const char* part) { return fault.find(part) != std::string::npos; };
    const bool is_bound = names(", at most ") || names(", at least ") || names("does not match");
    CHECK(fault_of(shape, Validation::WellFormedOnly) == (is_bound ? "" : expected));
  }

  Shape valid_;
  std::string_view name_{};
};

template <class Shape>
int bounds_checked(Shape valid) {
  return BoundsOf<Shape>(std::move(valid)).check();
}

pe::Event valid_event() { return pe::Event{kMarker}; }

/// A request whose fourth event is the given one.
pe::PutEventsRequest with_fourth(pe::Event event) {
  return {kMarker, kMarker, {valid_event(), valid_event(), valid_event(), std::move(event)}};
}

}  // namespace

TEST_CASE("each bound of each member holds at its limit and not one beyond") {
  CHECK(bounds_checked(valid_event()) == 9);
  CHECK(bounds_checked(pe::MetricAttribution{kMarker}) == 1);
  CHECK(bounds_checked(pe::PutEventsRequest{kMarker, kMarker, {valid_event()}}) == 4);
  CHECK(bounds_checked(pe::User{kMarker}) == 2);
  CHECK(bounds_checked(pe::PutUsersRequest{kArn, {pe::User{kMarker}}}) == 2);
  CHECK(bounds_checked(pe::Item{kMarker}) == 2);
  CHECK(bounds_checked(pe::PutItemsRequest{kArn, {pe::Item{kMarker}}}) == 2);
  CHECK(bounds_checked(pe::Action{kMarker}) == 2);
  CHECK(bounds_checked(pe::PutActionsRequest{kArn, {pe::Action{kMarker}}}) == 2);
  CHECK(bounds_checked(pe::ActionInteraction{kMarker, kMarker, kMarker}) == 9);
  CHECK(bounds_checked(pe::PutActionInteractionsRequest{
            kMarker, {pe::ActionInteraction{kMarker, kMarker, kMarker}}}) == 2);
}

TEST_CASE("a fault deep in a request is named by its path") {
  pe::Event event = valid_event();
  event.item_id = filler(301, {});
  CHECK(fault_of(with_fourth(event)) == "eventList[3].itemId: 301 characters, at most 256");
  CHECK(pe::to_string(pe::detail::wire::validate(with_fourth(event)).error()) ==
        "InvalidArgument: eventList[3].itemId: 301 characters, at most 256");

  event = valid_event();
  event.impression = {kMarker, kMarker, ""};
  CHECK(fault_of(with_fourth(event)) == "eventList[3].impression[2]: 0 characters, at least 1");

  event = valid_event();
  event.metric_attribution = pe::MetricAttribution{"   "};
  CHECK(fault_of(with_fourth(event)) ==
        "eventList[3].metricAttribution.eventAttributionSource: does not match the pattern "
        R"(^[\x20-\x7E]*[\x21-\x7E]+[\x20-\x7E]*$)");
  event.metric_attribution = pe::MetricAttribution{filler(1025, {})};
  CHECK(fault_of(with_fourth(event)) ==
        "eventList[3].metricAttribution.eventAttributionSource: 1025 characters, at most 1024");

  event = valid_event();
  event.properties = pe::Properties{{"a", 1}, {"USERID", kMarker}};
  CHECK(fault_of(with_fourth(event)) ==
        "eventList[3].properties[1]: the key userId is reserved by the service; use the "
        "member of that name, or another key");
  event.properties = properties_of_length(1025);
  CHECK(fault_of(with_fourth(event)) == "eventList[3].properties: 1025 characters, at most 1024");

  event = valid_event();
  event.event_value = std::nan("");
  CHECK(fault_of(with_fourth(event)) == "eventList[3].eventValue: not a finite number");
}

TEST_CASE("the first broken rule in the order of the model is told") {
  pe::PutEventsRequest request{"", "", {}};
  CHECK(fault_of(request) == "trackingId: 0 characters, at least 1");
  request.tracking_id = kMarker;
  CHECK(fault_of(request) == "sessionId: 0 characters, at least 1");
  request.session_id = kMarker;
  CHECK(fault_of(request) == "eventList: 0 elements, at least 1");
  request.event_list.assign(11, valid_event());
  request.event_list[0].item_id = "";
  CHECK(fault_of(request) == "eventList: 11 elements, at most 10");
  request.event_list.resize(10);
  CHECK(fault_of(request) == "eventList[0].itemId: 0 characters, at least 1");
  request.event_list[0].item_id.reset();
  CHECK(fault_of(request).empty());
}

TEST_CASE("lengths are counted in scalar values") {
  pe::Event event = valid_event();
  event.item_id = repeated(kEmoji, 256);
  CHECK(event.item_id->size() == 1024);
  CHECK(fault_of(event).empty());
  event.item_id = repeated(kEmoji, 257);
  CHECK(fault_of(event) == "itemId: 257 characters, at most 256");
  event.item_id = repeated("e\xCC\x81", 128);
  CHECK(fault_of(event).empty());
  event.item_id = repeated("e\xCC\x81", 128) + "x";
  CHECK(fault_of(event) == "itemId: 257 characters, at most 256");
}

TEST_CASE("the length of properties counts escapes and scalar values") {
  constexpr std::size_t kFrame = 8;  // {"k":""}
  pe::Event event = valid_event();
  const auto fault_with = [&event](const std::string& value) {
    event.properties = pe::Properties{{"k", value}};
    return fault_of(event);
  };
  const std::string too_long = "properties: 1025 characters, at most 1024";
  CHECK(fault_with(std::string(1024 - kFrame, 'x')).empty());
  CHECK(fault_with(std::string(1025 - kFrame, 'x')) == too_long);
  CHECK(fault_with(std::string((1024 - kFrame) / 2, '"')).empty());
  CHECK(fault_with(std::string((1024 - kFrame) / 2, '\n') + "x") == too_long);
  CHECK(fault_with(std::string(169, '\x01') + "xx").empty());  // 169 * 6 + 2 = 1016
  CHECK(fault_with(std::string(169, '\x01') + "xxx") == too_long);
  CHECK(fault_with(repeated(kEmoji, 1024 - kFrame)).empty());
  CHECK(fault_with(repeated(kEmoji, 1025 - kFrame)) == too_long);
  CHECK(fault_with(repeated("/", 1024 - kFrame)).empty());

  auto from_json = pe::properties_from_json("{\"k\" :  [\"" + std::string(1024 - 10, 'x') + "\"]}");
  REQUIRE(from_json);
  event.properties = *from_json;
  CHECK(fault_of(event).empty());
  event.properties->set("l", 1);
  CHECK(fault_of(event) == "properties: 1030 characters, at most 1024");
}

TEST_CASE("ids and times that are filled in may be absent") {
  const pe::Event event = valid_event();
  CHECK_FALSE(event.event_id);
  CHECK_FALSE(event.sent_at);
  CHECK(fault_of(event).empty());
  CHECK(fault_of(pe::ActionInteraction{kMarker, kMarker, kMarker}).empty());
}

TEST_CASE("WellFormedOnly lets raised limits through, and nothing malformed") {
  pe::PutEventsRequest request{filler(1000, {}), filler(1000, {}),
                               std::vector<pe::Event>(50, valid_event())};
  request.event_list[49].impression.assign(100, filler(1000, {}));
  request.event_list[49].properties = properties_of_length(100'000);
  CHECK_FALSE(fault_of(request).empty());
  CHECK(fault_of(request, Validation::WellFormedOnly).empty());

  request.event_list[49].impression[99] = "\xFF";
  CHECK(fault_of(request, Validation::WellFormedOnly) ==
        "eventList[49].impression[99]: not well-formed UTF-8");
  request.event_list[49].impression.clear();
  request.event_list[49].properties = pe::Properties{{"Timestamp", 1}};
  CHECK_FALSE(fault_of(request, Validation::WellFormedOnly).empty());
  request.event_list[49].properties = pe::Properties{{"a", 1}, {"a", 1}};
  CHECK_FALSE(fault_of(request, Validation::WellFormedOnly).empty());
  request.event_list[49].properties.reset();
  request.event_list[49].event_value = HUGE_VAL;
  CHECK(fault_of(request, Validation::WellFormedOnly) ==
        "eventList[49].eventValue: not a finite number");
}

// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/wire/write.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/detail/wire/read.hpp"
#include "personalize_events/detail/wire/validate.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_users.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;
using TimePoint = std::chrono::system_clock::time_point;

namespace {

/// What is filled in, known beforehand and counted.
struct Defaults {
  int ids{0}, times{0};
  std::string event_id() { return "id-" + std::to_string(++ids); }
  TimePoint now() {
    ++times;
    return TimePoint{milliseconds{1'700'000'000'500}};
  }
};

template <class Shape>
std::string written(const Shape& shape) {
  Defaults defaults;
  auto text = pe::detail::wire::write(shape, defaults);
  return text ? *std::move(text) : "error: " + pe::to_string(text.error());
}

std::string sent_at(TimePoint time) {
  pe::Event event{"w"};
  event.event_id = "i";
  event.sent_at = time;
  return written(event);
}

std::string event_value(double value) {
  pe::Event event{"w"};
  event.event_id = "i";
  event.event_value = value;
  event.sent_at = TimePoint{};
  return written(event);
}

/// Draws shapes: any text, any finite number, any moment, each member present or not.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_{seed} {}

  template <class Shape>
  Shape shape() {
    Shape shape{};
    pe::detail::model::for_each_member<Shape>([&](const auto& member) {
      fill(shape.*member.pointer);
      return true;
    });
    return shape;
  }

 private:
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  std::uint32_t scalar() {
    switch (below(8)) {
      case 0: return below(0x20);
      case 1: return std::string("\"\\/\x7F ")[below(5)] & 0x7F;
      case 2: return 0x80 + below(0x800 - 0x80);
      case 3: return 0x800 + below(0xD800 - 0x800);
      case 4: return 0xE000 + below(0x10000 - 0xE000);
      case 5: return 0x10000 + below(0x100000);
      default: return 0x20 + below(0x5F);
    }
  }

  std::string text() {
    std::string bytes;
    const auto continuation = [&bytes](std::uint32_t bits) {
      bytes.push_back(static_cast<char>(0x80U | (bits & 0x3FU)));
    };
    for (std::uint32_t count = below(12); count > 0; --count) {
      const std::uint32_t code = scalar();
      if (code < 0x80) {
        bytes.push_back(static_cast<char>(code));
        continue;
      }
      if (code < 0x800) {
        bytes.push_back(static_cast<char>(0xC0U | (code >> 6U)));
      } else {
        if (code < 0x10000) {
          bytes.push_back(static_cast<char>(0xE0U | (code >> 12U)));
        } else {
          bytes.push_back(static_cast<char>(0xF0U | (code >> 18U)));
          continuation(code >> 12U);
        }
        continuation(code >> 6U);
      }
      continuation(code);
    }
    return bytes;
  }

  double number() {
    double value = 0;
    do {
      const std::uint64_t bits = random_();
      std::memcpy(&value, &bits, sizeof value);
    } while (!pe::detail::is_finite(value));
    return below(2) == 0 ? value : static_cast<double>(below(1000)) / 8;
  }

  void fill(std::string& out) { out = text(); }
  void fill(double& out) { out = number(); }
  void fill(TimePoint& out) {
    const auto range = static_cast<std::int64_t>(18'000'000'000'000);
    out = TimePoint{milliseconds{
        static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(range)) - range / 2}};
  }
  void fill(pe::Properties& out) {
    for (std::uint32_t i = 0, count = below(20); i < count; ++i) {
      const std::string key = text() + "#" + std::to_string(i);  // never repeated, never reserved
      switch (below(7)) {
        case 0: out.set(key, below(2) == 0); break;
        case 1: out.set(key, static_cast<std::int64_t>(random_())); break;
        case 2: out.set(key, random_()); break;
        case 3: out.set(key, number()); break;
        case 4: out.set(key, static_cast<float>(below(10'000)) / 64); break;
        default: out.set(key, text()); break;
      }
    }
  }
  template <class Type>
  void fill(std::optional<Type>& out) {
    if (below(3) != 0) fill(out.emplace());
  }
  template <class Type>
  void fill(std::vector<Type>& out) {
    out.resize(below(4));
    for (Type& each : out) fill(each);
  }
  template <class Shape, std::enable_if_t<pe::detail::model::is_shape<Shape>, int> = 0>
  void fill(Shape& out) {
    out = shape<Shape>();
  }

  std::mt19937_64 random_;
};

std::string text_of(const pe::Properties& properties) {
  std::string text;
  pe::detail::json::Writer writer(text);
  pe::detail::wire::write_properties(writer, properties);
  CHECK(writer.good());
  return text;
}

/// Whether two values are the same, member by member; an id or time filled in is not looked at.
bool same(const std::string& left, const std::string& right) { return left == right; }
bool same(TimePoint left, TimePoint right) { return left == right; }
bool same(double left, double right) { return std::memcmp(&left, &right, sizeof left) == 0; }
bool same(const pe::Properties& left, const pe::Properties& right) {
  return text_of(left) == text_of(right);
}
template <class Shape, std::enable_if_t<pe::detail::model::is_shape<Shape>, int> = 0>
bool same(const Shape& left, const Shape& right);
template <class Type>
bool same(const std::vector<Type>& left, const std::vector<Type>& right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!same(left[i], right[i])) return false;
  }
  return true;
}
template <class Type>
bool same(const std::optional<Type>& left, const std::optional<Type>& right) {
  return left.has_value() == right.has_value() && (!left || same(*left, *right));
}
template <class Shape, std::enable_if_t<pe::detail::model::is_shape<Shape>, int>>
bool same(const Shape& left, const Shape& right) {
  return pe::detail::model::for_each_member<Shape>([&](const auto& member) {
    const auto& before = left.*member.pointer;
    const auto& after = right.*member.pointer;
    if constexpr (std::is_same_v<std::decay_t<decltype(before)>, std::optional<std::string>> ||
                  std::is_same_v<std::decay_t<decltype(before)>, std::optional<TimePoint>>) {
      if (!before && member.rules.fill != pe::detail::model::Fill::Nothing)
        return after.has_value();
    }
    return same(before, after);
  });
}

/// Checks that the lengths of all properties are those of what is written.
void check_lengths(const pe::Properties& properties) {
  REQUIRE(pe::detail::wire::json_length(properties) == pe::detail::count_utf8(text_of(properties)));
}

template <class Shape>
void check_round_trips(unsigned first_seed) {
  for (unsigned seed = first_seed; seed < first_seed + 300; ++seed) {
    CAPTURE(seed);
    const auto shape = Generator{seed}.shape<Shape>();
    const std::string text = written(shape);
    REQUIRE(pe::detail::json::parse(text));
    const auto read = pe::detail::wire::read<Shape>(text);
    REQUIRE(read);
    REQUIRE(same(shape, *read));
    REQUIRE(written(*read) == text);
  }
}

}  // namespace

TEST_CASE("absent members are omitted, and the rest stands in the order of the model") {
  pe::PutEventsRequest request{"t", "s", {pe::Event{"Watch"}}};
  CHECK(written(request) == R"({"trackingId":"t","sessionId":"s","eventList":[{"eventId":"id-1",)"
                            R"("eventType":"Watch","sentAt":1700000000.5}]})");
  CHECK(written(pe::User{"u"}) == R"({"userId":"u"})");
  CHECK(written(pe::PutItemsRequest{"arn", {pe::Item{"a"}, pe::Item{"b"}}}) ==
        R"({"datasetArn":"arn","items":[{"itemId":"a"},{"itemId":"b"}]})");
  CHECK(written(pe::PutActionsRequest{"arn", {pe::Action{"a"}}}) ==
        R"({"datasetArn":"arn","actions":[{"actionId":"a"}]})");
  CHECK(
      written(pe::PutActionInteractionsRequest{"t", {pe::ActionInteraction{"a", "s", "Viewed"}}}) ==
      R"({"trackingId":"t","actionInteractions":[{"actionId":"a","sessionId":"s",)"
      R"("timestamp":1700000000.5,)"
      R"("eventType":"Viewed","eventId":"id-1"}]})");
}

TEST_CASE("all members are written") {
  pe::Event event{"Watch"};
  event.sent_at = TimePoint{seconds{1'700'000'000}};
  event.event_id = "mine";
  event.event_value = 0.1;
  event.item_id = "movie-42";
  event.properties = pe::Properties{{"device", "tv"}, {"quote", "\""}};
  event.recommendation_id = "r";
  event.impression = {"a", "b"};
  event.metric_attribution = pe::MetricAttribution{"home"};
  pe::PutEventsRequest request{"t", "s", {event}};
  request.user_id = "u";
  CHECK(written(request) == R"({"trackingId":"t","userId":"u","sessionId":"s",)"
                            R"("eventList":[{"eventId":"mine","eventType":"Watch",)"
                            R"("eventValue":0.1,"itemId":"movie-42",)"
                            R"("properties":"{\"device\":\"tv\",\"quote\":\"\\\"\"}",)"
                            R"("sentAt":1700000000,)"
                            R"("recommendationId":"r","impression":["a","b"],)"
                            R"("metricAttribution":{"eventAttributionSource":"home"}}]})");
}

TEST_CASE("ids and times are filled in where absent, one by one, and kept where present") {
  pe::PutEventsRequest request{"t", "s", {pe::Event{"a"}, pe::Event{"b"}, pe::Event{"c"}}};
  request.event_list[1].event_id = "mine";
  request.event_list[2].sent_at = TimePoint{seconds{5}};
  Defaults defaults;
  const auto text = pe::detail::wire::write(request, defaults);
  REQUIRE(text);
  CHECK(defaults.ids == 2);
  CHECK(defaults.times == 2);
  const auto read = pe::detail::wire::read<pe::PutEventsRequest>(*text);
  REQUIRE(read);
  CHECK(read->event_list[0].event_id == "id-1");
  CHECK(read->event_list[1].event_id == "mine");
  CHECK(read->event_list[2].event_id == "id-2");
  CHECK(read->event_list[1].sent_at == TimePoint{milliseconds{1'700'000'000'500}});
  CHECK(read->event_list[2].sent_at == TimePoint{seconds{5}});
  CHECK_FALSE(request.event_list[0].event_id);  // the request itself is left alone
}

TEST_CASE("without defaults of its own a request is filled from the system") {
  const auto before = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  const auto text = pe::detail::wire::write(pe::Event{"a"});
  const auto after = std::chrono::system_clock::now();
  REQUIRE(text);
  const auto event = pe::detail::wire::read<pe::Event>(*text);
  REQUIRE(event);
  CHECK(event->event_id->size() == 36);
  CHECK(*event->sent_at >= before);
  CHECK(*event->sent_at <= after);
}

TEST_CASE("times are seconds, floored to the millisecond, with a fraction only when there is one") {
  CHECK(sent_at(TimePoint{seconds{1'700'000'000}}) ==
        R"({"eventId":"i","eventType":"w","sentAt":1700000000})");
  CHECK(sent_at(TimePoint{milliseconds{1'700'000'000'120}}) ==
        R"({"eventId":"i","eventType":"w","sentAt":1700000000.12})");
  CHECK(sent_at(TimePoint{std::chrono::microseconds{1'700'000'000'123'999}}) ==
        R"({"eventId":"i","eventType":"w","sentAt":1700000000.123})");
  CHECK(sent_at(TimePoint{std::chrono::microseconds{-1}}) ==
        R"({"eventId":"i","eventType":"w","sentAt":-0.001})");
}

TEST_CASE("numbers are shortest") {
  const std::pair<double, const char*> numbers[] = {{0.1, "0.1"},
                                                    {1e21, "1e+21"},
                                                    {5, "5"},
                                                    {std::strtod("-0", nullptr), "-0"},
                                                    {1.0 / 3, "0.3333333333333333"},
                                                    {1700000000.123, "1700000000.123"}};
  for (const auto& [value, digits] : numbers) {
    CHECK(event_value(value) == R"({"eventId":"i","eventType":"w","eventValue":)" +
                                    std::string(digits) + R"(,"sentAt":0})");
  }
}

TEST_CASE("empty lists are omitted unless required") {
  CHECK(written(pe::PutEventsRequest{"t", "s"}) ==
        R"({"trackingId":"t","sessionId":"s","eventList":[]})");
  CHECK(written(pe::PutUsersRequest{"arn"}) == R"({"datasetArn":"arn","users":[]})");
}

TEST_CASE("what JSON cannot say is an error, wherever it stands, and never a broken text") {
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    CHECK(event_value(value) == "error: InvalidArgument: Event: a value cannot be written as JSON");
    pe::Event event{"MARKER"};
    event.event_id = "i";
    event.properties = pe::Properties{{"MARKER", value}, {"b", 1}, {"c", "d"}};
    CHECK(written(pe::PutEventsRequest{"t", "s", {event, pe::Event{"x"}}}) ==
          "error: InvalidArgument: PutEventsRequest: a value cannot be written as JSON");
  }
}

TEST_CASE("shapes of any content are written and read back the same") {
  check_round_trips<pe::PutEventsRequest>(1);
  check_round_trips<pe::PutActionInteractionsRequest>(1001);
  check_round_trips<pe::PutUsersRequest>(2001);
  check_round_trips<pe::PutItemsRequest>(3001);
  check_round_trips<pe::PutActionsRequest>(4001);
}

TEST_CASE(
    "the length of any properties is that of what is written, before and after a round trip") {
  for (unsigned seed = 5000; seed < 6000; ++seed) {
    CAPTURE(seed);
    const auto user = Generator{seed}.shape<pe::User>();
    if (!user.properties) continue;
    check_lengths(*user.properties);
    const auto again = pe::properties_from_json(text_of(*user.properties));
    REQUIRE(again);
    check_lengths(*again);
    REQUIRE(text_of(*again) == text_of(*user.properties));
  }
}

TEST_CASE("a request that passed validation can be written") {
  for (unsigned seed = 6000; seed < 6300; ++seed) {
    const auto request = Generator{seed}.shape<pe::PutEventsRequest>();
    if (!pe::detail::wire::validate(request, pe::Validation::WellFormedOnly))
      FAIL("not well formed: seed " << seed);
    if (!pe::detail::wire::write(request)) FAIL("not written: seed " << seed);
  }
}

TEST_CASE("without defaults a shape is written as it stands") {
  const pe::PutEventsRequest bare{"t", "s", {pe::Event{"Watch"}}};
  CHECK(pe::detail::wire::write(bare, pe::detail::wire::NoDefaults{}).value_or("") ==
        R"({"trackingId":"t","sessionId":"s","eventList":[{"eventType":"Watch"}]})");
}

// SPDX-License-Identifier: Apache-2.0
//
// Smithy's vectors for timestamp formats. Not run, and why:
//
//   format_date_time      the library writes no RFC 3339 moment, it only reads them
//   parse_epoch_seconds   read by wire::read and not by detail/time.hpp; the moments that the clock
//                         holds are run through wire::read here
//   years before 1678 and after 2261, in each section: std::chrono::system_clock counts nanoseconds
//                         in libstdc++ and cannot hold them. Formatting cannot be asked of them;
//                         parsing keeps them at the end of the clock, which is checked
//   fractions             formats floor to the millisecond (epoch-seconds) or second (http-date),
//   and
//                         parsers of dates pass fractions over, so the expected value is floored

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>

#include "catch.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/wire/read.hpp"
#include "personalize_events/model/put_events.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using pe::detail::TimePoint;

namespace {

constexpr const char* kSuite = "protocol/date_time_format_test_suite.json";

struct Vector {
  std::int64_t seconds{}, nanoseconds{};
  bool fits{};      // the clock can hold it
  bool is_error{};  // formatting is expected to fail
  std::string text{};

  TimePoint time() const {
    return TimePoint{std::chrono::duration_cast<TimePoint::duration>(
        std::chrono::seconds{seconds} + std::chrono::nanoseconds{nanoseconds})};
  }
};

/// Calls `look(vector)` for each vector of a section; answers how many there were.
template <class Look>
std::size_t for_each_vector(const char* section, Look look) {
  const pe::detail::json::Value suite = test::read_vectors(kSuite);
  constexpr auto kMost =
      std::chrono::duration_cast<std::chrono::seconds>(TimePoint::duration::max()).count();
  for (const pe::detail::json::Value& value : test::member(suite, section).items) {
    const std::string* iso = value.find_string("iso8601");
    const std::string* text = value.find_string("smithy_format_value");
    REQUIRE(iso != nullptr);
    INFO(section << " " << *iso);
    Vector vector;
    vector.seconds = std::stoll(*value.find_string("canonical_seconds"));
    vector.nanoseconds = std::stoll(value.find("canonical_nanos")->text);
    vector.fits = vector.seconds > -kMost && vector.seconds < kMost;
    vector.is_error = value.find("error")->boolean;
    vector.text = text != nullptr ? *text : std::string{};
    look(vector);
  }
  return test::member(suite, section).items.size();
}

/// The vector's own text, whose fraction is written from the second's start, with the digits after
/// the third cut and what then is no fraction left out.
std::string floored(const Vector& vector) {
  std::string text = vector.text;
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos) return text;
  text = text.substr(0, dot + 4);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

/// Checks a parser of dates against a section; answers how many vectors the clock holds.
template <class Parse>
std::size_t check_dates(const char* section, Parse parse) {
  std::size_t held = 0;
  const std::size_t all = for_each_vector(section, [&](const Vector& vector) {
    const auto time = parse(vector.text);
    REQUIRE(time);
    CHECK(*time == pe::detail::time_from_seconds(vector.seconds));
    held += vector.fits;
    if (vector.fits) CHECK(pe::detail::epoch_seconds(*time) == vector.seconds);
  });
  test::report_conformance_cases(all, std::string(kSuite) + " " + section +
                                          ", of which the clock holds " + std::to_string(held));
  return all;
}

}  // namespace

TEST_CASE("moments are written as epoch seconds") {
  std::size_t run = 0, exact = 0;
  const std::size_t all = for_each_vector("format_epoch_seconds", [&](const Vector& vector) {
    if (!vector.fits) return;
    ++run;
    exact += vector.nanoseconds % 1'000'000 == 0;
    const std::string written = pe::detail::format_epoch_seconds(vector.time());
    // Before the epoch the vectors set the nanoseconds behind the floored second; the library
    // writes the number itself. They agree where nothing is left below the second.
    if (vector.seconds >= 0 || vector.nanoseconds < 1'000'000) CHECK(written == floored(vector));
    if (vector.nanoseconds % 1'000'000 != 0) return;
    const long double value = static_cast<long double>(vector.seconds) +
                              static_cast<long double>(vector.nanoseconds) / 1e9L;
    CHECK(std::stold(written) == value);
  });
  CHECK(all == 122);
  CHECK(exact > 0);
  test::report_conformance_cases(run, std::string(kSuite) + " format_epoch_seconds, " +
                                          std::to_string(exact) +
                                          " of them without anything to floor");
}

TEST_CASE("epoch seconds are read to the millisecond") {
  std::size_t run = 0;
  for_each_vector("parse_epoch_seconds", [&](const Vector& vector) {
    if (!vector.fits) return;
    ++run;
    const auto event =
        pe::detail::wire::read<pe::Event>(R"({"eventType":"w","sentAt":)" + vector.text + "}");
    REQUIRE(event);
    const double written = std::stod(vector.text);
    const double read = std::chrono::duration<double>(event->sent_at->time_since_epoch()).count();
    CHECK(std::abs(read - written) <= 0.000501);
  });
  test::report_conformance_cases(run, std::string(kSuite) + " parse_epoch_seconds");
}

TEST_CASE("moments are written as HTTP dates") {
  std::size_t run = 0;
  const std::size_t all = for_each_vector("format_http_date", [&](const Vector& vector) {
    if (!vector.fits) return;
    REQUIRE_FALSE(vector.is_error);  // those are years before 1
    ++run;
    CHECK(pe::detail::format_http_date(vector.time()) == vector.text);
  });
  CHECK(all == 122);
  test::report_conformance_cases(run, std::string(kSuite) + " format_http_date");
}

TEST_CASE("HTTP dates are read") {
  CHECK(check_dates("parse_http_date", pe::detail::parse_http_date) == 86);
}

TEST_CASE("RFC 3339 moments are read") {
  CHECK(check_dates("parse_date_time", pe::detail::parse_rfc3339) == 86);
}

// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/time.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
using namespace pe::detail;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

namespace {

template <class Duration>
TimePoint at(Duration since_epoch) {
  return TimePoint{std::chrono::duration_cast<TimePoint::duration>(since_epoch)};
}

bool is_leap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_in(int month, std::int64_t year) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

}  // namespace

TEST_CASE("Milliseconds beyond what the clock can hold become its first and last moment") {
  using pe::detail::time_from_milliseconds;
  CHECK(time_from_milliseconds(1'500) == pe::detail::TimePoint{std::chrono::milliseconds{1'500}});
  for (const std::int64_t late : {253'402'300'799'000, std::numeric_limits<std::int64_t>::max()}) {
    CHECK(time_from_milliseconds(late) > pe::detail::time_from_seconds(9'000'000'000));
    CHECK(time_from_milliseconds(-late) < pe::detail::time_from_seconds(-9'000'000'000));
  }
}

TEST_CASE("every day of 2 000 years is the day that a calendar kept by hand says") {
  std::int64_t year = 1000, day_number = days_from_civil(1970, 1, 1);
  for (std::int64_t before = 1000; before < 1970; ++before)
    day_number -= is_leap(before) ? 366 : 365;
  std::size_t wrong = 0, days = 0;
  for (; year < 3000; ++year) {
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= days_in(month, year); ++day, ++day_number, ++days) {
        const CivilTime civil = civil_from_seconds(day_number * 86400 + 86399);
        wrong += days_from_civil(year, month, day) != day_number;
        wrong += civil.year != year || civil.month != month || civil.day != day;
        wrong += civil.hour != 23 || civil.minute != 59 || civil.second != 59;
        wrong += seconds_from_civil(civil) != day_number * 86400 + 86399;
      }
    }
  }
  CHECK(days_from_civil(1970, 1, 1) == 0);
  CHECK(days == 730'485);
  CHECK(wrong == 0);
}

TEST_CASE("epoch seconds are floored to the millisecond, with a fraction only when there is one") {
  CHECK(format_epoch_seconds(at(seconds{0})) == "0");
  CHECK(format_epoch_seconds(at(seconds{1'700'000'000})) == "1700000000");
  CHECK(format_epoch_seconds(at(milliseconds{1'700'000'000'123})) == "1700000000.123");
  CHECK(format_epoch_seconds(at(milliseconds{1'700'000'000'120})) == "1700000000.12");
  CHECK(format_epoch_seconds(at(milliseconds{1'700'000'000'100})) == "1700000000.1");
  CHECK(format_epoch_seconds(at(milliseconds{1'700'000'000'001})) == "1700000000.001");
  CHECK(format_epoch_seconds(at(nanoseconds{999'999})) == "0");
  CHECK(format_epoch_seconds(at(nanoseconds{1'999'999})) == "0.001");
  CHECK(format_epoch_seconds(at(TimePoint::duration{-1})) == "-0.001");
  CHECK(format_epoch_seconds(at(milliseconds{-1})) == "-0.001");
  CHECK(format_epoch_seconds(at(milliseconds{-999})) == "-0.999");
  CHECK(format_epoch_seconds(at(milliseconds{-1000})) == "-1");
  CHECK(format_epoch_seconds(at(milliseconds{-1500})) == "-1.5");
  CHECK_FALSE(format_epoch_seconds(TimePoint::max()).empty());
  CHECK(format_epoch_seconds(TimePoint::min()).front() == '-');
}

TEST_CASE("a moment is written as SigV4, HTTP and RFC 3339 write it") {
  const TimePoint time = at(milliseconds{1'440'938'160'999});
  CHECK(format_amz_date(time) == "20150830T123600Z");
  CHECK(format_http_date(time) == "Sun, 30 Aug 2015 12:36:00 GMT");
  CHECK(format_http_date(at(seconds{784111777})) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(format_http_date(at(seconds{-1})) == "Wed, 31 Dec 1969 23:59:59 GMT");
  CHECK(format_http_date(at(TimePoint::duration{-1})) == "Wed, 31 Dec 1969 23:59:59 GMT");
  CHECK(format_amz_date(at(seconds{-86400 * 365})) == "19690101T000000Z");
  CHECK(format_rfc3339(time) == "2015-08-30T12:36:00Z");
  CHECK(format_rfc3339(at(TimePoint::duration{-1})) == "1969-12-31T23:59:59Z");
  CHECK(epoch_seconds(at(TimePoint::duration{-1})) == -1);
}

TEST_CASE("what was written is read back, for moments over the whole range of the clock") {
  std::size_t wrong = 0;
  for (std::int64_t second = -9'000'000'000; second < 9'000'000'000; second += 123'456'789) {
    const TimePoint time = at(seconds{second});
    wrong += parse_amz_date(format_amz_date(time)) != time;
    wrong += parse_http_date(format_http_date(time)) != time;
    wrong += parse_rfc3339(format_rfc3339(time)) != time;
  }
  CHECK(wrong == 0);
}

TEST_CASE("an X-Amz-Date is read only in its own form") {
  CHECK(parse_amz_date("20150830T123600Z") == at(seconds{1'440'938'160}));
  CHECK(parse_amz_date("20160229T000000Z").has_value());
  for (const char* text :
       {"", "20150830T123600", "20150830T123600z", "2015-08-30T12:36:00Z", "20150830T123600Z ",
        " 20150830T123600Z", "20151330T123600Z", "20150832T123600Z", "20150800T123600Z",
        "20150030T123600Z", "20150830T243600Z", "20150830T126000Z", "20150830T123661Z",
        "20150229T000000Z", "2015083aT123600Z", "20150830T12360\xC3\xA4Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_amz_date(text));
  }
}

TEST_CASE("an HTTP date is read only in its own form") {
  const TimePoint expected = at(seconds{784111777});
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == expected);
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37.5 GMT") == expected);
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37.123456789 GMT") == expected);
  CHECK(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT") ==
        at(seconds{1'483'228'800}));  // a leap second
  for (const char* text : {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
                           "Sun, 06 Nov 1994 08:49:37 GMT ", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994", "sun, 06 nov 1994 08:49:37 gmt",
                           "Son, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
                           "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 1994 08:49:37. GMT", "Sun, 06 Nov 1994 08:49:37.5",
                           "Sun, 06 Nov 1994 08:49:3\xFF GMT", "1994-11-06T08:49:37Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_http_date(text));
  }
}

TEST_CASE("an RFC 3339 moment is read with its fraction and offset") {
  const TimePoint expected = at(seconds{1'440'938'160});
  CHECK(parse_rfc3339("2015-08-30T12:36:00Z") == expected);
  CHECK(parse_rfc3339("2015-08-30t12:36:00z") == expected);
  CHECK(parse_rfc3339("2015-08-30 12:36:00Z") == expected);
  CHECK(parse_rfc3339("2015-08-30T12:36:00.000999Z") == expected);
  CHECK(parse_rfc3339("2015-08-30T12:36:00+00:00") == expected);
  CHECK(parse_rfc3339("2015-08-30T14:36:00+02:00") == expected);
  CHECK(parse_rfc3339("2015-08-30T05:06:00.5-07:30") == expected);
  CHECK(parse_rfc3339("2015-08-31T00:06:00+11:30") == expected);
  for (const char* text :
       {"", "2015-08-30", "2015-08-30T12:36:00", "2015-08-30T12:36Z", "2015-08-30T12:36:00+0200",
        "2015-08-30T12:36:00+24:00", "2015-08-30T12:36:00+02:60", "2015-08-30T12:36:00.Z",
        "2015-02-29T12:36:00Z", "2015-08-30T25:36:00Z", "2015-08-30T12:36:00ZZ",
        "15-08-30T12:36:00Z", "2015-08-30T12:36:00 +02:00", "2015/08/30T12:36:00Z",
        "20150830T123600Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("dates that the clock cannot hold are kept at its ends") {
  const auto late = parse_rfc3339("9999-12-31T23:59:59Z");
  const auto early = parse_rfc3339("0001-01-01T00:00:00Z");
  REQUIRE(late);
  REQUIRE(early);
  CHECK(*late > at(seconds{9'000'000'000}));
  CHECK(*early < at(seconds{-9'000'000'000}));
  CHECK(time_from_seconds(INT64_MAX) == time_from_seconds(INT64_MAX - 1));
  CHECK(time_from_seconds(INT64_MIN) < time_from_seconds(0));
}

TEST_CASE("times are computed at compile time too") {
  static_assert(parse_amz_date("19700101T000001Z") == TimePoint{seconds{1}});
  static_assert(parse_http_date("Thu, 01 Jan 1970 00:00:01 GMT") == TimePoint{seconds{1}});
  static_assert(parse_rfc3339("1970-01-01T00:00:01Z") == TimePoint{seconds{1}});
  static_assert(!parse_rfc3339("1970-01-01T00:00:01"));
  SUCCEED();
}

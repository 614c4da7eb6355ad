// SPDX-License-Identifier: Apache-2.0
//
// The four ways in which AWS writes a moment: epoch seconds (in bodies), the basic ISO 8601 form of
// SigV4 (X-Amz-Date), the HTTP date (the Date header) and RFC 3339 (credential expirations). Pure
// functions, no locale, no time zone data.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_TIME_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_TIME_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

using TimePoint = std::chrono::system_clock::time_point;

/// A moment in UTC, in the proleptic Gregorian calendar.
struct CivilTime {
  std::int64_t year{1970};
  int month{1}, day{1}, hour{0}, minute{0}, second{0};
};

/// Days since 1970-01-01. Counting years from March puts the leap day last.
[[nodiscard]] constexpr std::int64_t days_from_civil(std::int64_t year, int month,
                                                     int day) noexcept {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

[[nodiscard]] constexpr CivilTime civil_from_seconds(std::int64_t seconds) noexcept {
  std::int64_t days = seconds / 86400;
  std::int64_t rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  CivilTime civil;
  civil.day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  civil.month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
  civil.hour = static_cast<int>(rest / 3600);
  civil.minute = static_cast<int>(rest / 60 % 60);
  civil.second = static_cast<int>(rest % 60);
  return civil;
}

[[nodiscard]] constexpr std::int64_t seconds_from_civil(const CivilTime& civil) noexcept {
  return days_from_civil(civil.year, civil.month, civil.day) * 86400 +
         std::int64_t{civil.hour} * 3600 + std::int64_t{civil.minute} * 60 + civil.second;
}

/// Whole seconds since the epoch, rounded down.
[[nodiscard]] constexpr std::int64_t epoch_seconds(TimePoint time) noexcept {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// The moment of whole seconds since the epoch, kept within what the clock can hold.
[[nodiscard]] constexpr TimePoint time_from_seconds(std::int64_t seconds) noexcept {
  constexpr auto most =
      std::chrono::duration_cast<std::chrono::seconds>((TimePoint::duration::max)()).count();
  constexpr auto least =
      std::chrono::duration_cast<std::chrono::seconds>((TimePoint::duration::min)()).count();
  const std::int64_t kept = seconds > most ? most : seconds < least ? least : seconds;
  return TimePoint{std::chrono::duration_cast<TimePoint::duration>(std::chrono::seconds{kept})};
}

/// The moment of whole milliseconds since the epoch, kept within what the clock can hold.
[[nodiscard]] constexpr TimePoint time_from_milliseconds(std::int64_t milliseconds) noexcept {
  using Milliseconds = std::chrono::milliseconds;
  constexpr auto most =
      std::chrono::duration_cast<Milliseconds>((TimePoint::duration::max)()).count();
  constexpr auto least =
      std::chrono::duration_cast<Milliseconds>((TimePoint::duration::min)()).count();
  const std::int64_t kept = milliseconds > most    ? most
                            : milliseconds < least ? least
                                                   : milliseconds;
  return TimePoint{std::chrono::duration_cast<TimePoint::duration>(Milliseconds{kept})};
}

/// Appends a number of `digits` digits, with leading zeros.
inline void append_padded(std::string& out, std::int64_t number, int digits) {
  std::int64_t scale = 1;
  for (int i = 1; i < digits; ++i) scale *= 10;
  for (; scale > 0; scale /= 10) out.push_back(static_cast<char>('0' + number / scale % 10));
}

/// A moment as epoch seconds: floored to the millisecond, with a fraction only when there is one
/// and its trailing zeros cut ("1700000000.12"). Smithy restJson1, timestamp format epoch-seconds.
[[nodiscard]] inline std::string format_epoch_seconds(TimePoint time) {
  const std::int64_t milliseconds =
      std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  // The sign stands before the whole number, so a moment before the epoch is written as its
  // distance.
  const bool negative = milliseconds < 0;
  const std::uint64_t distance = negative
                                     ? std::uint64_t{0} - static_cast<std::uint64_t>(milliseconds)
                                     : static_cast<std::uint64_t>(milliseconds);
  std::string text = negative ? "-" : "";
  text.append(std::to_string(distance / 1000));
  if (distance % 1000 == 0) return text;
  text.push_back('.');
  append_padded(text, static_cast<std::int64_t>(distance % 1000), 3);
  while (text.back() == '0') text.pop_back();
  return text;
}

/// A moment as SigV4 writes it in X-Amz-Date: "20150830T123600Z".
[[nodiscard]] inline std::string format_amz_date(TimePoint time) {
  const CivilTime civil = civil_from_seconds(epoch_seconds(time));
  std::string text;
  text.reserve(16);
  append_padded(text, civil.year, 4);
  append_padded(text, civil.month, 2);
  append_padded(text, civil.day, 2);
  text.push_back('T');
  append_padded(text, civil.hour, 2);
  append_padded(text, civil.minute, 2);
  append_padded(text, civil.second, 2);
  text.push_back('Z');
  return text;
}

/// A moment as an HTTP date: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7).
[[nodiscard]] inline std::string format_http_date(TimePoint time) {
  const std::int64_t seconds = epoch_seconds(time);
  const CivilTime civil = civil_from_seconds(seconds);
  const std::int64_t days = days_from_civil(civil.year, civil.month, civil.day);
  const auto weekday = static_cast<std::size_t>(((days + 4) % 7 + 7) % 7);
  constexpr std::string_view weekdays = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  std::string text{weekdays.substr(weekday * 3, 3)};
  text.append(", ");
  append_padded(text, civil.day, 2);
  text.push_back(' ');
  text.append(months.substr(static_cast<std::size_t>(civil.month - 1) * 3, 3));
  text.push_back(' ');
  append_padded(text, civil.year, 4);
  text.push_back(' ');
  append_padded(text, civil.hour, 2);
  text.push_back(':');
  append_padded(text, civil.minute, 2);
  text.push_back(':');
  append_padded(text, civil.second, 2);
  text.append(" GMT");
  return text;
}

/// A moment as RFC 3339 writes it, in UTC and to the second: "2015-08-30T12:36:00Z".
[[nodiscard]] inline std::string format_rfc3339(TimePoint time) {
  const CivilTime civil = civil_from_seconds(epoch_seconds(time));
  std::string text;
  text.reserve(20);
  append_padded(text, civil.year, 4);
  text.push_back('-');
  append_padded(text, civil.month, 2);
  text.push_back('-');
  append_padded(text, civil.day, 2);
  text.push_back('T');
  append_padded(text, civil.hour, 2);
  text.push_back(':');
  append_padded(text, civil.minute, 2);
  text.push_back(':');
  append_padded(text, civil.second, 2);
  text.push_back('Z');
  return text;
}

/// Reads fixed-width fields off the front of a text; one failure makes all later reads fail.
class FieldReader {
 public:
  explicit constexpr FieldReader(std::string_view text) noexcept : rest_(text) {}

  constexpr int digits(std::size_t count) noexcept {
    int number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_.empty() || !is_digit(rest_.front())) return fail();
      number = number * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return number;
  }
  constexpr void literal(std::string_view expected) noexcept {
    if (rest_.substr(0, expected.size()) != expected) {
      fail();
    } else {
      rest_.remove_prefix(expected.size());
    }
  }
  constexpr bool take(char expected) noexcept {
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// The index of the three-letter name at the front within `names`.
  constexpr int name_of_three(std::string_view names) noexcept {
    for (std::size_t i = 0; rest_.size() >= 3 && i + 3 <= names.size(); i += 3) {
      if (rest_.substr(0, 3) != names.substr(i, 3)) continue;
      rest_.remove_prefix(3);
      return static_cast<int>(i / 3);
    }
    return fail();
  }
  [[nodiscard]] constexpr bool good() const noexcept { return good_; }
  [[nodiscard]] constexpr bool at_end() const noexcept { return good_ && rest_.empty(); }

 private:
  constexpr int fail() noexcept {
    good_ = false;
    return 0;
  }

  std::string_view rest_;
  bool good_{true};
};

[[nodiscard]] constexpr bool is_valid(const CivilTime& civil) noexcept {
  if (civil.month < 1 || civil.month > 12 || civil.hour > 23 || civil.minute > 59 ||
      civil.second > 60)
    return false;
  const std::int64_t next = civil.month == 12 ? days_from_civil(civil.year + 1, 1, 1)
                                              : days_from_civil(civil.year, civil.month + 1, 1);
  return civil.day >= 1 && civil.day <= next - days_from_civil(civil.year, civil.month, 1);
}

/// Reads "12:36:00", with or without a fraction, which is passed over.
constexpr void read_clock(FieldReader& read, CivilTime& civil) noexcept {
  civil.hour = read.digits(2);
  read.literal(":");
  civil.minute = read.digits(2);
  read.literal(":");
  civil.second = read.digits(2);
  if (!read.take('.')) return;
  read.digits(1);
  FieldReader more = read;
  for (more.digits(1); more.good(); more.digits(1)) read = more;
}

/// Reads an X-Amz-Date, "20150830T123600Z".
[[nodiscard]] constexpr std::optional<TimePoint> parse_amz_date(std::string_view text) noexcept {
  FieldReader read{text};
  CivilTime civil;
  civil.year = read.digits(4);
  civil.month = read.digits(2);
  civil.day = read.digits(2);
  read.literal("T");
  civil.hour = read.digits(2);
  civil.minute = read.digits(2);
  civil.second = read.digits(2);
  read.literal("Z");
  if (!read.at_end() || !is_valid(civil)) return std::nullopt;
  return time_from_seconds(seconds_from_civil(civil));
}

/// Reads an HTTP date, "Sun, 06 Nov 1994 08:49:37 GMT", to the second; a fraction is passed over.
[[nodiscard]] constexpr std::optional<TimePoint> parse_http_date(std::string_view text) noexcept {
  FieldReader read{text};
  CivilTime civil;
  read.name_of_three("SunMonTueWedThuFriSat");
  read.literal(", ");
  civil.day = read.digits(2);
  read.literal(" ");
  civil.month = read.name_of_three("JanFebMarAprMayJunJulAugSepOctNovDec") + 1;
  read.literal(" ");
  civil.year = read.digits(4);
  read.literal(" ");
  read_clock(read, civil);
  read.literal(" GMT");
  if (!read.at_end() || !is_valid(civil)) return std::nullopt;
  return time_from_seconds(seconds_from_civil(civil));
}

/// Reads an RFC 3339 moment, "2015-08-30T12:36:00Z", with a fraction (passed over) and an offset.
[[nodiscard]] constexpr std::optional<TimePoint> parse_rfc3339(std::string_view text) noexcept {
  FieldReader read{text};
  CivilTime civil;
  civil.year = read.digits(4);
  read.literal("-");
  civil.month = read.digits(2);
  read.literal("-");
  civil.day = read.digits(2);
  if (!read.take('T') && !read.take('t')) read.literal(" ");
  read_clock(read, civil);
  std::int64_t offset = 0;
  if (!read.take('Z') && !read.take('z')) {
    const bool west = read.take('-');
    if (!west) read.literal("+");
    const int hours = read.digits(2);
    read.literal(":");
    const int minutes = read.digits(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset = (west ? -1 : 1) * (std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60);
  }
  if (!read.at_end() || !is_valid(civil)) return std::nullopt;
  return time_from_seconds(seconds_from_civil(civil) - offset);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

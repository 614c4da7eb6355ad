// SPDX-License-Identifier: Apache-2.0
//
// ResponseCollector: makes an HttpResponse of the header lines and body bytes that libcurl hands
// out, within bounds, and knows whether it is whole. Both curl transports collect with it.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_RESPONSE_COLLECTOR_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_RESPONSE_COLLECTOR_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/transport.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Most bytes of a response's body. The service's answers are below 1 KiB.
inline constexpr std::size_t kMaxResponseBody = 65'536;
/// Most bytes of all header lines of an exchange, interim responses and trailers included.
inline constexpr std::size_t kMaxResponseHead = 65'536;
/// Most header lines of an exchange, counted likewise.
inline constexpr std::size_t kMaxResponseFields = 256;

/// Collects one response. Interim responses (1xx) and trailers are dropped, a folded header line
/// (RFC 9112, section 5.2) is joined to the one before it by a blank.
///
/// @par Thread Safety
/// None: one exchange, one thread at a time.
class ResponseCollector {
 public:
  /// Takes one header line, its line end included. False: too much, the exchange is to be ended.
  [[nodiscard]] bool take_head_line(std::string_view line) {
    head_bytes_ += line.size();
    ++head_lines_;
    // The status line and the empty one at the end are no fields.
    if (head_bytes_ > kMaxResponseHead || head_lines_ > kMaxResponseFields + 2) {
      too_large_ = true;
      return false;
    }
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    switch (part_) {
      case Part::StatusLine: take_status_line(line); break;
      case Part::Fields: take_field(line); break;
      case Part::Body: break;
    }
    return true;
  }

  /// Takes a piece of the body. False: too much, the exchange is to be ended.
  [[nodiscard]] bool take_body(std::string_view bytes) {
    if (bytes.size() > kMaxResponseBody - response_.body.size()) {
      too_large_ = true;
      return false;
    }
    response_.body.append(bytes);
    return true;
  }

  /// The status of the response, as soon as its status line has come; 0 before.
  [[nodiscard]] int status() const noexcept { return response_.status; }
  /// Whether the header block has come to its end. The end of the body only libcurl knows.
  [[nodiscard]] bool has_whole_head() const noexcept { return part_ == Part::Body; }
  /// Whether a bound was passed.
  [[nodiscard]] bool too_large() const noexcept { return too_large_; }
  /// Hands out what was collected.
  [[nodiscard]] HttpResponse take_response() { return std::move(response_); }

 private:
  enum class Part : std::uint8_t { StatusLine, Fields, Body };

  void take_status_line(std::string_view line) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || line.size() < blank + 4) return;
    int status = 0;
    for (const char digit : line.substr(blank + 1, 3)) {
      if (digit < '0' || digit > '9') return;
      status = status * 10 + (digit - '0');
    }
    is_interim_ = status >= 100 && status < 200 && status != 101;
    if (!is_interim_) response_.status = status;
    part_ = Part::Fields;
  }

  void take_field(std::string_view line) {
    if (line.empty()) {
      part_ = is_interim_ ? Part::StatusLine : Part::Body;
      return;
    }
    if (is_interim_) return;
    if (is_blank(line.front())) {
      if (!response_.headers.empty()) {
        response_.headers.back().second.append(" ").append(trim(line));
      }
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    response_.headers.emplace_back(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }

  HttpResponse response_{};
  std::size_t head_bytes_{0};
  std::size_t head_lines_{0};
  Part part_{Part::StatusLine};
  bool is_interim_{false};
  bool too_large_{false};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

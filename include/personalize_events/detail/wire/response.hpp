// SPDX-License-Identifier: Apache-2.0
//
// The verdict on a response: whether it comes from the service, and success or a typed Error. Pure;
// the clients call it after each attempt. The error format is that of restJson1 ("Operation error
// serialization"): the code is in the header X-Amzn-Errortype, in the body's `code`, or in its
// `__type`.
#ifndef PERSONALIZE_EVENTS_DETAIL_WIRE_RESPONSE_HPP
#define PERSONALIZE_EVENTS_DETAIL_WIRE_RESPONSE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/base/utf8.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/retry/classify.hpp"
#include "personalize_events/detail/wire/redact.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::wire {

/// The error code without what may stand around it: the text before the first colon, and of that
/// the text after the first hash. "aws.example#FooError:http://..." is "FooError".
[[nodiscard]] constexpr std::string_view sanitize_error_code(std::string_view code) {
  code = code.substr(0, code.find(':'));
  const std::size_t hash = code.find('#');
  return hash == std::string_view::npos ? code : code.substr(hash + 1);
}

/// Whether a UTF-8 sequence is a control character or ends a line: C0, DEL, C1 (U+0080 to U+009F),
/// U+2028 and U+2029.
[[nodiscard]] constexpr bool is_control_sequence(std::string_view sequence) {
  const auto byte = [sequence](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
  if (sequence.size() == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
  return sequence == "\xE2\x80\xA8" || sequence == "\xE2\x80\xA9";
}

/// A foreign text as one printable line of bounded length; empty when it is not UTF-8.
[[nodiscard]] inline std::string printable_line(std::string_view text) {
  constexpr std::size_t kMaxBytes = 1024;
  if (!detail::is_utf8(text)) return {};
  std::string line;
  while (!text.empty()) {
    const std::string_view sequence = text.substr(0, detail::utf8_sequence_length(text));
    if (line.size() + sequence.size() > kMaxBytes) return line + "...";
    line.append(is_control_sequence(sequence) ? std::string_view{" "} : sequence);
    text.remove_prefix(sequence.size());
  }
  return line;
}

/// The first of several members of a JSON object that is a string.
template <class... Keys>
[[nodiscard]] std::string first_string(const json::Value& body, Keys... keys) {
  for (const std::string_view key : {std::string_view(keys)...}) {
    if (const std::string* text = body.find_string(key)) return *text;
  }
  return {};
}

/// The service's ID of the request; empty without one. AWS's front ends spell the header in four
/// ways.
[[nodiscard]] inline std::string request_id_of(const HttpResponse& response) {
  for (const std::string_view name :
       {"x-amzn-RequestId", "x-amzn-request-id", "x-amz-request-id", "x-amz-requestid"}) {
    const std::string* id = find_header(response.headers, name);
    if (id != nullptr && !id->empty()) return printable_line(*id);
  }
  return {};
}

/// The header `x-amz-retry-after`, in milliseconds; nothing when it is absent, no number or
/// negative.
[[nodiscard]] inline std::optional<std::chrono::milliseconds> retry_after_of(
    const HttpResponse& response) {
  const std::string* text = find_header(response.headers, "x-amz-retry-after");
  if (text == nullptr) return std::nullopt;
  const std::optional<std::int64_t> number = detail::parse_integer(*text);
  constexpr std::int64_t kDay =
      86'400'000;  // any hint is cut to seconds; this keeps sums from overflowing
  if (!number || *number < 0) return std::nullopt;
  return std::chrono::milliseconds{*number < kDay ? *number : kDay};
}

/// The header `Date`; nothing when it is absent, no HTTP date, or outside of 2000 to 2199, where
/// no service's clock can stand.
[[nodiscard]] inline std::optional<std::chrono::system_clock::time_point> date_of(
    const HttpResponse& response) {
  const std::string* text = find_header(response.headers, "Date");
  if (text == nullptr) return std::nullopt;
  const auto date = detail::parse_http_date(*text);
  constexpr auto earliest = detail::time_from_seconds(946'684'800);
  constexpr auto end = detail::time_from_seconds(7'258'118'400);
  if (!date || *date < earliest || *date >= end) return std::nullopt;
  return date;
}

/// An error code without what it repeats of the request. One in the form of AWS's codes, such as
/// "ThrottlingException", stays: retries depend on it.
[[nodiscard]] inline std::string harmless_code(std::string_view code, const SentText& sent) {
  constexpr std::size_t longest = 64;
  const auto is_usual = [](char c) { return detail::is_letter(c) || c == '.'; };
  const bool has_usual_form = code.size() > 1 && code.size() <= longest && code[0] >= 'A' &&
                              code[0] <= 'Z' && code[1] >= 'a' && code[1] <= 'z' &&
                              detail::all_of(code, is_usual);
  return has_usual_form ? std::string{code} : printable_line(redact(code, sent));
}

/// A request ID, which has hexadecimal digits and hyphens, or without what it repeats of the
/// request.
[[nodiscard]] inline std::string harmless_id(std::string id, const SentText& sent) {
  constexpr std::size_t longest = 64;
  const auto is_usual = [](char c) { return detail::is_hex_digit(c) || c == '-'; };
  if (id.size() <= longest && detail::all_of(id, is_usual)) return id;
  return redact(id, sent);
}

/// The connection that a response came over.
enum class Connection : std::uint8_t {
  Plain,    ///< Plain HTTP to another host: any proxy or captive portal on the way can respond.
  Trusted,  ///< TLS, or plain HTTP to this host.
};

/// The Error of a complete response that does not come from the service.
[[nodiscard]] inline Error intermediary_error(int status, Connection connection) {
  Error error;
  error.kind = ErrorKind::Response;
  error.code = retry::kIntermediary;
  error.message =
      "the response is not the service's, but that of a proxy, gateway or captive portal; check "
      "endpoint_url and the proxy settings (HttpOptions::proxy, HTTPS_PROXY)";
  if (status == 407) error.message.append("; the proxy asks for credentials");
  if (status < 300 && connection == Connection::Plain) {
    error.message.append("; over plain http a response needs the header x-amzn-RequestId");
  }
  error.retryable = true;
  error.throttled = status == 429;
  // The service may have processed the request although its response was replaced.
  error.may_have_been_delivered = true;
  return error;
}

/// The Error of a refusal that has a mark of the service; none if the response has none.
[[nodiscard]] inline std::optional<Error> service_error(const HttpResponse& response,
                                                        const std::string& request_id,
                                                        const SentText& sent) {
  Error error;
  error.kind = ErrorKind::Service;
  error.http_status = response.status;
  const std::string* header_code = find_header(response.headers, "x-amzn-ErrorType");
  std::string code = header_code != nullptr ? *header_code : std::string{};
  if (const auto body = json::parse(response.body); body) {
    if (code.empty()) code = first_string(*body, "code", "Code", "__type");
    error.message =
        printable_line(redact(first_string(*body, "message", "Message", "errorMessage"), sent));
  }
  if (code.empty() && request_id.empty()) return std::nullopt;
  error.code = harmless_code(sanitize_error_code(code), sent);
  error.may_have_been_delivered = response.status >= 500;
  const retry::FailureClass failure = retry::classify(error);
  error.throttled = failure == retry::FailureClass::Throttling || response.status == 429;
  // Wider than what the client itself retries: a busy resource or an unknown 5xx may pass too.
  error.retryable = failure == retry::FailureClass::Transient || error.throttled ||
                    response.status == 408 || response.status == 409 || response.status >= 500;
  return error;
}

/// Whether a 2xx response comes from the service: it has a request ID or, over a trusted
/// connection, an empty body or a JSON object.
[[nodiscard]] inline bool is_success_of_service(const HttpResponse& response,
                                                const std::string& request_id,
                                                Connection connection) {
  if (!request_id.empty()) return true;
  if (connection == Connection::Plain) return false;
  if (response.body.empty()) return true;
  const auto body = json::parse(response.body);
  return body && body->is(json::Value::Type::Object);
}

/// The verdict: no Error for a success of the service, else the Error.
///
/// @par Error Handling
/// Service: a status from 400 on with a mark of the service, that is a non-empty header
/// `x-amzn-ErrorType`, a JSON error code or a request ID. `retryable`, `throttled` and, from 500
/// on, `may_have_been_delivered` are set. Response with the code "Intermediary": a status from 400
/// on without a mark, or a 2xx that is_success_of_service does not accept; something before the
/// service responded, so `retryable` and `may_have_been_delivered` are true, and `throttled` for
/// 429. Response without a code: any other status; redirects are not followed. No member repeats
/// what is in `sent`; see redact.
[[nodiscard]] inline std::optional<Error> error_of(const HttpResponse& response,
                                                   Connection connection,
                                                   const SentText& sent = {}) {
  const std::string request_id = request_id_of(response);
  std::optional<Error> error;
  if (response.status >= 200 && response.status < 300) {
    if (is_success_of_service(response, request_id, connection)) return std::nullopt;
  } else if (response.status < 400) {
    error = detail::make_error(ErrorKind::Response, {},
                               "unexpected status " + std::to_string(response.status) +
                                   "; redirects are not followed, so check the endpoint URL and "
                                   "any proxy");
  } else {
    error = service_error(response, request_id, sent);
  }
  if (!error) error = intermediary_error(response.status, connection);
  error->connected = true;
  error->http_status = response.status;
  error->request_id = harmless_id(request_id, sent);
  return error;
}

}  // namespace detail::wire

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

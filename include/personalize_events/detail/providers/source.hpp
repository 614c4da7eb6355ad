// SPDX-License-Identifier: Apache-2.0
//
// What the providers that ask a service have in common: the exchange, with a bounded number of
// tries, and credentials out of a JSON answer. Every provider beside this header uses it.
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_SOURCE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_SOURCE_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/config/endpoint.hpp"
#include "personalize_events/detail/http/deadline.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/providers/provider_context.hpp"
#include "personalize_events/detail/retry/backoff.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// What a provider uses of the outside, and until when.
struct SourceContext : ProviderContext {
  /// With the system's platform where none was given.
  explicit SourceContext(ProviderContext context) : ProviderContext(std::move(context)) {
    if (platform == nullptr) platform = system_platform();
  }

  std::chrono::steady_clock::time_point deadline{(std::chrono::steady_clock::time_point::max)()};
  std::chrono::milliseconds clock_offset{0};

  /// The same for one request of credentials.
  [[nodiscard]] SourceContext until(const CredentialsRequest& request) const {
    SourceContext limited = *this;
    limited.deadline = platform->steady_now() + std::clamp(request.timeout, {}, kLongestTimeout);
    limited.clock_offset = request.clock_offset;
    return limited;
  }

  /// What is left, at most a day; for another provider.
  [[nodiscard]] CredentialsRequest remaining() const {
    return {(std::min)(time_left(deadline, platform->steady_now()), kLongestTimeout), clock_offset};
  }

  /// The time by the service's clock, as far as it is known.
  [[nodiscard]] TimePoint now() const { return platform->now() + clock_offset; }
};

/// What a request must not show to others on the way.
enum class Carries : std::uint8_t {
  Secrets,     ///< tokens or client secrets: https, or http to this machine
  Signature,   ///< nothing that serves another: http is allowed
  AgentToken,  ///< what is for an agent of the machine; its provider checks the address
};

/// How a provider sends a request. Each attempt has the request's timeout, and all of them together
/// end at the deadline of the context.
struct RequestRules {
  int most_tries{3};
  /// Off for an address that answers at once where it exists at all: no connection and no answer in
  /// time are then final.
  bool asks_again_after_silence{true};
  /// Tells of an answer that its status does not say may pass whether what is in it does; may be
  /// null.
  bool (*is_passing)(const HttpResponse&){nullptr};
  Carries carries{Carries::Secrets};
  /// The setting that an Error names when the endpoint must not be plain http.
  const char* endpoint_setting{"endpoint_url"};
};

/// Whether others on the way cannot read a request to this URL.
[[nodiscard]] inline bool is_private_url(std::string_view url) {
  const std::size_t mark = url.find("://");
  if (mark == std::string_view::npos) return false;
  const std::string_view rest = url.substr(mark + 3);
  return url.substr(0, mark) == "https" ||
         is_loopback_host(rest.substr(0, rest.find_first_of("/?")));
}

/// Whether the same question may get an answer a little later.
[[nodiscard]] inline bool may_answer_later(const Result<HttpResponse>& answer,
                                           const RequestRules& rules) {
  if (answer) {
    return answer->status >= 500 || answer->status == 429 ||
           (rules.is_passing != nullptr && rules.is_passing(*answer));
  }
  const Error& error = answer.error();
  const bool was_silence = !error.connected || error.kind == ErrorKind::Timeout;
  return error.retryable && (!was_silence || rules.asks_again_after_silence);
}

/// Waits a random while after this many tries. Returns false, at once, if the deadline comes first.
[[nodiscard]] inline bool pause_before_next_try(const SourceContext& context, int tries) {
  unsigned char random = 0;
  context.platform->random_bytes(&random, 1);
  const auto pause = detail::retry::backoff_delay(detail::retry::FailureClass::Transient, tries - 1,
                                                  random / 255.0, std::nullopt);
  if (pause >= context.remaining().timeout) return false;
  context.platform->sleep_for(pause);
  return true;
}

/// Sends a request, again after a failure that may pass, until the deadline. Returns the last
/// response, whatever its status, or the transport's last Error as it is.
[[nodiscard]] inline Result<HttpResponse> send_patiently(const SourceContext& context,
                                                         const HttpRequest& request,
                                                         const RequestRules& rules) {
  HttpRequest limited{request};
  const detail::WipedAtEnd wipe{limited};
  for (int tries = 1;; ++tries) {
    limited.timeout = (std::min)(request.timeout, context.remaining().timeout);
    if (limited.timeout <= std::chrono::milliseconds{0}) {
      Error error = make_error(ErrorKind::Timeout, "call_timeout", "no time was left to ask it");
      error.retryable = true;
      return error;
    }
    Result<HttpResponse> answer = context.transport->send(limited);
    if (tries >= rules.most_tries || !may_answer_later(answer, rules)) return answer;
    if (!pause_before_next_try(context, tries)) return answer;
  }
}

/// The Error of a request with secrets to an endpoint of plain http, which `setting` names.
[[nodiscard]] inline Error plain_http_error(const std::string& source, const char* setting) {
  return misconfigured_source(setting,
                              "secrets for " + source +
                                  " do not travel over plain http; write https:// where an option, "
                                  "AWS_ENDPOINT_URL or the profile names its endpoint");
}

/// What a report says of an endpoint whose plain http is allowed; empty for https and this machine.
[[nodiscard]] inline const char* plain_http_note(const std::string& endpoint_url) {
  return endpoint_url.empty() || is_private_url(endpoint_url)
             ? ""
             : " (over plain http: others on the way can read the keys)";
}

/// The Error of a source that was to ask a service and has nothing to ask with.
[[nodiscard]] inline Error source_without_transport(const std::string& source) {
  return misconfigured_source(source, "no transport to ask it with; give one to the provider");
}

/// Asks a source as send_patiently does.
///
/// @par Error Handling
/// Credentials, when no response came: `where` is `source`, `connected` tells whether anything is
/// at that address. The message never holds a part of the request.
[[nodiscard]] inline Result<HttpResponse> ask_source(const SourceContext& context,
                                                     const HttpRequest& request,
                                                     const std::string& source,
                                                     const RequestRules& rules = {}) {
  if (context.transport == nullptr) return source_without_transport(source);
  if (rules.carries == Carries::Secrets && !is_private_url(request.url)) {
    return plain_http_error(source, rules.endpoint_setting);
  }
  Result<HttpResponse> answer = send_patiently(context, request, rules);
  if (answer) return answer;
  Error error = failed_source(source, "did not answer: " + answer.error().message);
  error.retryable = answer.error().retryable;
  error.connected = answer.error().connected;
  return error;
}

/// The Error of a source that answered with a refusal. `hint` says what to do about it.
[[nodiscard]] inline Error refused_by_source(const std::string& source,
                                             const HttpResponse& response,
                                             const std::string& hint) {
  Error error =
      failed_source(source, "refused with HTTP " + std::to_string(response.status) + "; " + hint);
  error.http_status = response.status;
  error.retryable = response.status >= 500 || response.status == 429;
  return error;
}

/// What the members are called in the answer of a source.
struct CredentialNames {
  const char* access_key_id{"AccessKeyId"};
  const char* secret_access_key{"SecretAccessKey"};
  const char* session_token{"Token"};
  const char* expiration{"Expiration"};
  const char* account_id{"AccountId"};
  /// Of an expiration that is a number; one that is a string is an RFC 3339 time.
  std::chrono::milliseconds expiration_unit{std::chrono::seconds{1}};
  bool needs_session_token{true};
  bool needs_expiration{true};
};

/// The first member with this name in any letter case; null when there is none or it is null.
[[nodiscard]] inline const detail::json::Value* find_in_any_case(const detail::json::Value& object,
                                                                 std::string_view name) {
  for (const auto& [key, value] : object.members) {
    if (equal_ignoring_case(key, name) && !value.is(detail::json::Value::Type::Null)) return &value;
  }
  return nullptr;
}

/// A time of a response: a number in `unit` since 1970, or an RFC 3339 text; the latest that the
/// clock can hold for one that is later. Empty when it is no time.
[[nodiscard]] inline std::optional<std::chrono::system_clock::time_point> time_of(
    const detail::json::Value& value, std::chrono::milliseconds unit) {
  if (value.is(detail::json::Value::Type::String)) return parse_rfc3339(value.text);
  if (!value.is(detail::json::Value::Type::Number)) return std::nullopt;
  const std::optional<double> number = parse_double(value.text);
  constexpr double latest = 253'402'300'799'000.0;  // the year 9999, in milliseconds
  if (!number) return std::nullopt;
  const double milliseconds = *number * static_cast<double>(unit.count());
  if (!(milliseconds >= 0 && milliseconds <= latest)) return std::nullopt;
  return time_from_milliseconds(static_cast<std::int64_t>(milliseconds));
}

/// Credentials out of an object of a source's answer. Errors: Credentials, `where` is `source`; the
/// message names the member.
[[nodiscard]] inline Result<Credentials> credentials_of(const detail::json::Value& object,
                                                        const CredentialNames& names,
                                                        const std::string& source) {
  const auto broken = [&source](const char* member, const char* what) {
    return failed_source(
        source, std::string{"its answer is unusable: "}.append(member).append(" is ").append(what));
  };
  if (!object.is(detail::json::Value::Type::Object)) {
    return failed_source(source, "its answer is unusable: not a JSON object");
  }
  Credentials credentials;
  struct Member {
    const char* name;
    std::string* text;
    bool is_needed;
  };
  const Member members[] = {
      {names.access_key_id, &credentials.access_key_id, true},
      {names.secret_access_key, &credentials.secret_access_key, true},
      {names.session_token, &credentials.session_token, names.needs_session_token},
      {names.account_id, &credentials.account_id, false},
  };
  for (const Member& member : members) {
    const detail::json::Value* value = find_in_any_case(object, member.name);
    if (value == nullptr) {
      if (member.is_needed) return broken(member.name, "missing");
      continue;
    }
    if (!value->is(detail::json::Value::Type::String)) return broken(member.name, "not a string");
    *member.text = value->text;
    if (member.is_needed && member.text->empty()) return broken(member.name, "empty");
    if (!all_of(*member.text, is_visible)) return broken(member.name, "not plain ASCII");
  }
  const detail::json::Value* expiration = find_in_any_case(object, names.expiration);
  if (expiration == nullptr) {
    if (names.needs_expiration) return broken(names.expiration, "missing");
    return credentials;
  }
  credentials.expiration = time_of(*expiration, names.expiration_unit);
  if (!credentials.expiration) return broken(names.expiration, "not a time");
  return credentials;
}

/// The Error that stands inside an answer of HTTP 200: a member `code` in any letter case that is
/// not "Success". A code that is one word is told; the message beside it may hold anything.
[[nodiscard]] inline std::optional<Error> error_inside(const detail::json::Value& answer,
                                                       const std::string& source) {
  const detail::json::Value* code = find_in_any_case(answer, "code");
  if (code == nullptr) return std::nullopt;
  const bool is_text = code->is(detail::json::Value::Type::String);
  if (is_text && code->text == "Success") return std::nullopt;
  const bool is_word =
      is_text && !code->text.empty() && code->text.size() <= 64 && all_of(code->text, is_letter);
  return failed_source(source, "answered with the error " +
                                   (is_word ? code->text : std::string{"that its code names"}) +
                                   "; check the role that it is to give");
}

/// The JSON of a source's answer or file. The caller wipes it. Errors: Credentials, `where` is
/// `source`.
[[nodiscard]] inline Result<detail::json::Value> json_of(std::string_view text,
                                                         const std::string& source) {
  Result<detail::json::Value> value = detail::json::parse(text);
  if (value) return value;
  return failed_source(source, "its answer is unusable: " + value.error().message);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

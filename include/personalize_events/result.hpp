// SPDX-License-Identifier: Apache-2.0
//
// Error, ErrorKind and Result<T>: what every fallible function of the library answers. There is
// one Result in every language mode, with exceptions on or off, so that translation units compiled
// differently agree on every type. Applications test it, read `error()`, or use throwing.hpp.
#ifndef PERSONALIZE_EVENTS_RESULT_HPP
#define PERSONALIZE_EVENTS_RESULT_HPP

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// What sort of failure an Error tells of. The values never change; new ones are appended.
enum class ErrorKind : std::uint8_t {
  /// Never sent: a member breaks a rule of the service model.
  InvalidArgument = 1,
  /// Never sent: no region, a malformed profile file, a bad endpoint, no transport.
  Configuration = 2,
  /// Never sent: no provider could supply credentials, or they have characters that no header may
  /// have.
  Credentials = 3,
  /// Never sent: libcrypto failed.
  Signing = 4,
  /// No response: DNS, connect, TLS, reset. May have been delivered once connected. Never sent if
  /// `code` is "NoDescriptors" or "NoMemory".
  Transport = 5,
  /// No answer in time. May have been delivered once connected.
  Timeout = 6,
  /// A response that is not the service's, or cannot be read. `code` is "Intermediary" for a
  /// complete
  /// response of a proxy, gateway or captive portal: a status from 400 on without an error code or
  /// request ID of the service, or a 2xx that is neither empty nor a JSON object. May have been
  /// delivered.
  Response = 7,
  /// The service refused, as its error code or request ID shows; `code`, `http_status` and
  /// `request_id` give details.
  Service = 8,
  /// Closed or shut down before it was sent.
  Cancelled = 9,
  /// The spool could not be read or written.
  Storage = 10,
  /// No room for the event.
  QueueFull = 11,
};

/// The name of an ErrorKind, for logs: "InvalidArgument". Never null.
[[nodiscard]] constexpr const char* to_string(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::InvalidArgument: return "InvalidArgument";
    case ErrorKind::Configuration: return "Configuration";
    case ErrorKind::Credentials: return "Credentials";
    case ErrorKind::Signing: return "Signing";
    case ErrorKind::Transport: return "Transport";
    case ErrorKind::Timeout: return "Timeout";
    case ErrorKind::Response: return "Response";
    case ErrorKind::Service: return "Service";
    case ErrorKind::Cancelled: return "Cancelled";
    case ErrorKind::Storage: return "Storage";
    case ErrorKind::QueueFull: return "QueueFull";
  }
  return "Unknown";
}

/// What went wrong, and what to do about it. It never holds event content, keys or tokens, so it
/// may be logged as it is.
struct Error {
  /// The sort of failure.
  ErrorKind kind{};
  /// Trying again later can help.
  bool retryable{false};
  /// The service may have taken the request: retry only with the same event ids.
  bool may_have_been_delivered{false};
  /// The service asked for fewer requests.
  bool throttled{false};
  /// A connection stood, so bytes may have left.
  bool connected{false};
  /// The status of the last response; 0 without one.
  int http_status{0};
  /// Requests sent, the first included; 0 if nothing was sent.
  int attempts{0};
  /// The service's own code, for example "InvalidInputException". Of another failure a word where
  /// code depends on it: "NotFound" of a file, "MisconfiguredSource" or "FailedSource" of
  /// credentials, "Intermediary" of a response that is not the service's, "NoDescriptors" or
  /// "NoMemory" of a request for which this process lacked a resource, "ClockSkew" of a server's
  /// certificate that is not valid by this machine's clock.
  std::string code{};
  /// "eventList[3].itemId", "AWS_REGION", a file and line, a host.
  std::string where{};
  /// One sentence, never event content.
  std::string message{};
  /// The service's `x-amzn-RequestId`, for AWS Support.
  std::string request_id{};
};

/// One line for a log or a terminal: "InvalidArgument: eventList[0].itemId: 301 characters, at most
/// 256".
[[nodiscard]] inline std::string to_string(const Error& error) {
  std::string line{to_string(error.kind)};
  for (const std::string* part : {&error.code, &error.where, &error.message}) {
    if (part->empty()) continue;
    line.append(": ").append(*part);
  }
  if (error.http_status != 0)
    line.append(" (HTTP ").append(std::to_string(error.http_status)).append(")");
  return line;
}

template <class T>
class Result;

namespace detail {

/// The library's only abort: reading the value of an error, or the error of a value, is a defect
/// in the calling program, and going on would be undefined behaviour.
[[noreturn]] inline void precondition_violated() noexcept { std::abort(); }

/// An Error of a kind, at a place, with a sentence.
[[nodiscard]] inline Error make_error(ErrorKind kind, std::string where, std::string message) {
  Error error;
  error.kind = kind;
  error.where = std::move(where);
  error.message = std::move(message);
  return error;
}

template <class Type>
inline constexpr bool is_result = false;
template <class Value>
inline constexpr bool is_result<Result<Value>> = true;

}  // namespace detail

/// A value, or the Error that stands in its place.
///
/// @par Thread Safety
/// As its value: distinct objects may be used from distinct threads.
///
/// @par Error Handling
/// `*`, `->` on an error, and `error()` on a value, end the program at once in every build mode.
/// Test with `has_value()` or `operator bool` first.
template <class T>
class Result {
  static_assert(!std::is_same_v<std::decay_t<T>, Error>, "an Error is not a value");
  static_assert(std::is_object_v<T>, "hold a pointer or a std::reference_wrapper instead");

  template <class U>
  static constexpr bool kConvertsFrom =
      std::is_constructible_v<T, U&&> &&
      (!detail::is_result<std::decay_t<U>> ||
       std::is_same_v<std::decay_t<U>, T>)&&!std::is_same_v<std::decay_t<U>, Error>;

  template <class State>
  static auto& held(State& state) {
    if (!state.has_value()) detail::precondition_violated();
    return *state;
  }

 public:
  /// What a success holds.
  using value_type = T;
  /// What a failure holds.
  using error_type = Error;

  /// Holds a value, made from anything that makes a T.
  template <class U = T,
            std::enable_if_t<kConvertsFrom<U> && std::is_convertible_v<U&&, T>, int> = 0>
  // NOLINTNEXTLINE(google-explicit-constructor): a function returns a value, or an Error
  Result(U&& value) : value_(std::forward<U>(value)) {}
  /// Holds a value, made from what only makes a T explicitly.
  template <class U = T,
            std::enable_if_t<kConvertsFrom<U> && !std::is_convertible_v<U&&, T>, int> = 0>
  explicit Result(U&& value) : value_(std::forward<U>(value)) {}
  /// Holds an error.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : error_(std::move(error)) {}

  /// Whether there is a value.
  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  /// Whether there is a value.
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; ends the program if there is none.
  [[nodiscard]] T& operator*() & { return held(value_); }
  /// The value; ends the program if there is none.
  [[nodiscard]] const T& operator*() const& { return held(value_); }
  /// The value, to be moved from; ends the program if there is none.
  [[nodiscard]] T&& operator*() && { return std::move(held(value_)); }
  /// A member of the value; ends the program if there is none.
  [[nodiscard]] T* operator->() { return &held(value_); }
  /// A member of the value; ends the program if there is none.
  [[nodiscard]] const T* operator->() const { return &held(value_); }

  /// The error; ends the program if there is none.
  [[nodiscard]] Error& error() & { return held(error_); }
  /// The error; ends the program if there is none.
  [[nodiscard]] const Error& error() const& { return held(error_); }
  /// The error, to be moved from; ends the program if there is none.
  [[nodiscard]] Error&& error() && { return std::move(held(error_)); }

  /// The value, or `fallback` in place of an error.
  template <class U>
  [[nodiscard]] T value_or(U&& fallback) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(fallback));
  }
  /// The value, moved out, or `fallback` in place of an error.
  template <class U>
  [[nodiscard]] T value_or(U&& fallback) && {
    return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(fallback));
  }

  /// `next(value)`, itself a Result, or this error.
  template <class Next>
  auto and_then(Next&& next) const& -> std::decay_t<std::invoke_result_t<Next, const T&>> {
    if (!has_value()) return error();
    return std::forward<Next>(next)(**this);
  }
  /// `next(value)`, the value moved, or this error.
  template <class Next>
  auto and_then(Next&& next) && -> std::decay_t<std::invoke_result_t<Next, T&&>> {
    if (!has_value()) return std::move(*this).error();
    return std::forward<Next>(next)(*std::move(*this));
  }

  /// This value, or `next(error)`, itself a Result of the same type.
  template <class Next>
  Result or_else(Next&& next) const& {
    if (has_value()) return *this;
    return std::forward<Next>(next)(error());
  }
  /// This value, moved out, or `next(error)`.
  template <class Next>
  Result or_else(Next&& next) && {
    if (has_value()) return std::move(*this);
    return std::forward<Next>(next)(std::move(*this).error());
  }

  /// A Result of what `change(value)` gives, or this error.
  template <class Change>
  auto transform(
      Change&& change) const& -> Result<std::decay_t<std::invoke_result_t<Change, const T&>>> {
    if (!has_value()) return error();
    return applied(std::forward<Change>(change), **this);
  }
  /// A Result of what `change(value)` gives, the value moved, or this error.
  template <class Change>
  auto transform(Change&& change) && -> Result<std::decay_t<std::invoke_result_t<Change, T&&>>> {
    if (!has_value()) return std::move(*this).error();
    return applied(std::forward<Change>(change), *std::move(*this));
  }

  /// This value, or the error that `change(error)` gives.
  template <class Change>
  [[nodiscard]] Result transform_error(Change&& change) const& {
    if (has_value()) return *this;
    return Result{Error{std::forward<Change>(change)(error())}};
  }
  /// This value, moved out, or the error that `change(error)` gives.
  template <class Change>
  [[nodiscard]] Result transform_error(Change&& change) && {
    if (has_value()) return std::move(*this);
    return Result{Error{std::forward<Change>(change)(std::move(*this).error())}};
  }

 private:
  template <class Change, class Value>
  static auto applied(Change&& change, Value&& value)
      -> Result<std::decay_t<std::invoke_result_t<Change, Value&&>>> {
    if constexpr (std::is_void_v<std::invoke_result_t<Change, Value&&>>) {
      std::forward<Change>(change)(std::forward<Value>(value));
      return {};
    } else {
      return std::forward<Change>(change)(std::forward<Value>(value));
    }
  }

  // Not a std::variant: libstdc++'s is another type in C++20 than in C++17. One of the two is held.
  std::optional<T> value_{};
  std::optional<Error> error_{};
};

/// Success, or the Error in its place. Default construction is success.
template <>
class Result<void> {
  template <class State>
  static auto& held(State& state) {
    if (!state.has_value()) detail::precondition_violated();
    return *state;
  }

 public:
  /// A success holds nothing.
  using value_type = void;
  /// What a failure holds.
  using error_type = Error;

  /// Success.
  Result() = default;
  /// Failure.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : error_(std::move(error)) {}

  /// Whether it is a success.
  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  /// Whether it is a success.
  explicit operator bool() const noexcept { return has_value(); }

  /// Nothing on success; ends the program on an error.
  void operator*() const {
    if (!has_value()) detail::precondition_violated();
  }

  /// The error; ends the program if there is none.
  [[nodiscard]] Error& error() & { return held(error_); }
  /// The error; ends the program if there is none.
  [[nodiscard]] const Error& error() const& { return held(error_); }
  /// The error, to be moved from; ends the program if there is none.
  [[nodiscard]] Error&& error() && { return std::move(held(error_)); }

  /// `next()`, itself a Result, or this error.
  template <class Next>
  auto and_then(Next&& next) const -> std::decay_t<std::invoke_result_t<Next>> {
    if (!has_value()) return error();
    return std::forward<Next>(next)();
  }

  /// Success, or `next(error)`, itself a Result<void>.
  template <class Next>
  Result or_else(Next&& next) const {
    if (has_value()) return {};
    return std::forward<Next>(next)(error());
  }

  /// A Result of what `change()` gives, or this error.
  template <class Change>
  auto transform(Change&& change) const -> Result<std::decay_t<std::invoke_result_t<Change>>> {
    if (!has_value()) return error();
    if constexpr (std::is_void_v<std::invoke_result_t<Change>>) {
      std::forward<Change>(change)();
      return {};
    } else {
      return std::forward<Change>(change)();
    }
  }

  /// Success, or the error that `change(error)` gives.
  template <class Change>
  [[nodiscard]] Result transform_error(Change&& change) const {
    if (has_value()) return {};
    return Result{Error{std::forward<Change>(change)(error())}};
  }

 private:
  std::optional<Error> error_{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Transport and AsyncTransport, the interfaces that carry HTTP requests, with the requests and
// responses. The libcurl transports, WorkerTransport and testing::FakeTransport implement them.
#ifndef PERSONALIZE_EVENTS_TRANSPORT_HPP
#define PERSONALIZE_EVENTS_TRANSPORT_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Header fields in the order in which they are sent or were received.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// A request as it goes on the wire. `headers` holds all fields but Content-Length, which the
/// transport adds; a transport changes none of them, because they are signed.
struct HttpRequest {
  std::string method;                       ///< "POST"
  std::string url{};                        ///< Absolute, already percent-encoded.
  Headers headers{};                        ///< In the order in which they are sent.
  std::string body{};                       ///< Sent as it is.
  std::chrono::milliseconds timeout{5000};  ///< For the whole exchange, connecting included.
  std::chrono::milliseconds connect_timeout{3100};  ///< DNS, TCP and TLS together.
  bool direct{false};                               ///< Never through a proxy (instance metadata).
};

/// A complete response. A transport never returns a part of one.
struct HttpResponse {
  int status{0};       ///< 200
  Headers headers{};   ///< In the order of arrival.
  std::string body{};  ///< At most 64 KiB from the library's own transports.
};

/// Whether two header names are equal; ASCII case is ignored (RFC 9110, section 5.1).
[[nodiscard]] constexpr bool equal_header_names(std::string_view left,
                                                std::string_view right) noexcept {
  return detail::equal_ignoring_case(left, right);
}

/// Whether this is a token (RFC 9110, section 5.6.2): a method, or the name of a header.
[[nodiscard]] inline bool is_http_token(std::string_view text) {
  const auto allowed = [](char c) {
    return detail::is_letter(c) || detail::is_digit(c) ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  };
  return !text.empty() && detail::all_of(text, allowed);
}

/// The value of the first header with this name, in any letter case; null when there is none.
[[nodiscard]] inline const std::string* find_header(const Headers& headers,
                                                    std::string_view name) noexcept {
  for (const auto& [key, value] : headers) {
    if (equal_header_names(key, name)) return &value;
  }
  return nullptr;
}

/// Sends one request and waits for its answer.
///
/// @par Thread Safety
/// `send` is called from any number of threads at the same time.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Carries `request` as it is, within `request.timeout`, and answers whatever status came back.
  /// Neither redirects nor retries.
  ///
  /// @par Error Handling
  /// Transport, Timeout or Response. `connected` and `may_have_been_delivered` say whether bytes
  /// may have reached the other end; `retryable` whether another attempt can help. Configuration or
  /// InvalidArgument: a request or setting that cannot be sent. The code "NoDescriptors" or
  /// "NoMemory" names a resource that this process lacks, "LostKeptConnection" says that a reused
  /// connection ended before a byte of the response came: the first such failure of a call is
  /// retried at once.
  [[nodiscard]] virtual Result<HttpResponse> send(const HttpRequest& request) = 0;
};

/// Carries any number of requests side by side, driven by the thread that polls it.
///
/// @par Thread Safety
/// `start`, `cancel`, `poll` and the destructor are called by one thread at a time, the loop's.
/// `wake` is called from any thread at any time, but not once the destructor has begun.
class AsyncTransport {
 public:
  /// Takes the answer to one request, or the Error in its place. It is called exactly once for each
  /// `start`, on the thread that polls or destroys the transport and no lock held: within `poll` or
  /// the destructor, never within `start` or `cancel`. It may call `start`, `cancel` and `wake`,
  /// must not call `poll` nor destroy the transport. One that throws ends the program. An empty
  /// one is not called.
  using Done = std::function<void(Result<HttpResponse>)>;

  /// Calls Done for every request that has none yet: with its answer if that is here, with
  /// Cancelled otherwise. What such a Done starts is not sent; its own Done gets Cancelled before
  /// the destructor returns, so a Done must not start again what was cancelled. Waits for no
  /// network where it can be helped; each transport says when it cannot.
  ///
  /// After a fork the requests in flight are the parent's: the child calls no Done for them, and
  /// may start others, or destroy the transport, without disturbing the parent.
  virtual ~AsyncTransport() = default;

  /// Takes a request to be carried as by Transport::send. Its timeout counts from here, whatever
  /// the transport does first, such as other requests. Answers its number, which is never used
  /// again by this transport.
  virtual std::uint64_t start(HttpRequest request, Done done) = 0;

  /// Gives a request up: its Done gets Cancelled in the next poll, and `may_have_been_delivered`
  /// says whether bytes may have reached the other end. The number of a request that has ended
  /// already, or of none, changes nothing.
  virtual void cancel(std::uint64_t request) = 0;

  /// Carries requests on and calls Done for those that have ended. Waits until one ends or `wake`
  /// is called, no longer than `at_most`, and may return earlier without either. Zero or less does
  /// not wait.
  virtual void poll(std::chrono::milliseconds at_most) = 0;

  /// Ends the poll that is waiting, or else the next one as soon as it would wait.
  virtual void wake() = 0;
};

namespace detail {

/// Error::code of a request for which the process or the system had no file descriptor left.
inline constexpr const char* kNoDescriptors = "NoDescriptors";
/// Error::code of a request for which there was no memory.
inline constexpr const char* kNoMemory = "NoMemory";

/// Error::code of a request that was sent on a kept-alive connection which ended before a byte of
/// the response came. Most often the server had closed it, idle, a moment before.
inline constexpr const char* kLostKeptConnection = "LostKeptConnection";

/// Whether a transport failed within this process, before anything was given to the network.
[[nodiscard]] inline bool is_local_failure(const Error& error) {
  if (error.connected || error.may_have_been_delivered) return false;
  switch (error.kind) {
    case ErrorKind::InvalidArgument:
    case ErrorKind::Configuration:
    case ErrorKind::Credentials:
    case ErrorKind::Signing: return true;
    default: return error.code == kNoDescriptors || error.code == kNoMemory;
  }
}

/// A request that has ended and whose Done is still to be called.
struct EndedRequest {
  AsyncTransport::Done done;
  Result<HttpResponse> result;
};

/// Calls each Done, in order.
inline void tell(std::vector<EndedRequest> ended) {
  for (EndedRequest& request : ended) {
    if (request.done) request.done(std::move(request.result));
  }
}

/// The Error of a request that was given up.
[[nodiscard]] inline Error cancelled_error(std::string where, bool may_have_been_delivered) {
  Error error = make_error(ErrorKind::Cancelled, std::move(where),
                           "the request was cancelled before its answer came");
  error.may_have_been_delivered = may_have_been_delivered;
  return error;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

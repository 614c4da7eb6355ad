// SPDX-License-Identifier: Apache-2.0
//
// Transport and AsyncTransport: what carries requests. The client sends each attempt over a
// Transport, by default CurlTransport (curl_transport.hpp); what has many requests in flight on one
// thread drives an AsyncTransport, by default CurlAsyncTransport (curl_async_transport.hpp). A
// device's or a console's own HTTP stack, or testing::FakeTransport, plugs in here.
#ifndef PERSONALIZE_EVENTS_HTTP_TRANSPORT_HPP
#define PERSONALIZE_EVENTS_HTTP_TRANSPORT_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/http/message.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

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

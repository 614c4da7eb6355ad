// SPDX-License-Identifier: Apache-2.0
//
// Transport: what carries a request. The client calls it once an attempt. CurlTransport
// (curl_transport.hpp) is the default; a device's own HTTP stack or testing::FakeTransport plugs
// in here.
#ifndef PERSONALIZE_EVENTS_HTTP_TRANSPORT_HPP
#define PERSONALIZE_EVENTS_HTTP_TRANSPORT_HPP

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
  /// may have reached the other end; `retryable` whether another attempt can help.
  [[nodiscard]] virtual Result<HttpResponse> send(const HttpRequest& request) = 0;
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

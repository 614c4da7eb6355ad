// SPDX-License-Identifier: Apache-2.0
//
// make_client_with and make_async_client_with: clients over libcurl from given options. They take
// no setting from the environment or a file, and so compile faster than make_client.hpp.
#ifndef PERSONALIZE_EVENTS_MAKE_CLIENT_WITH_HPP
#define PERSONALIZE_EVENTS_MAKE_CLIENT_WITH_HPP

#include <memory>
#include <utility>

#include "personalize_events/async_client.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/curl_async_transport.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/detail/client/async_core.hpp"
#include "personalize_events/detail/client/call_context.hpp"
#include "personalize_events/detail/client/client_state.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Makes a client from `options` as they are. They need a region and credentials. Requests go over
/// libcurl, unless ClientOptions::transport is set.
///
/// @par Error Handling
/// Configuration: a member is missing or invalid; `where` names it.
[[nodiscard]] inline Result<Client> make_client_with(ClientOptions options) {
  if (options.transport == nullptr) {
    options.transport = std::make_shared<CurlTransport>(options.http);
  }
  const detail::CallContext context{options, detail::Carrier::Transport};
  if (auto usable = context.check_usable(); !usable) return std::move(usable).error();
  return Client(std::move(options));
}

namespace detail {

/// The options with a transport for asynchronous requests. Errors: as make_async_client_with.
[[nodiscard]] inline Result<ClientOptions> with_async_transport(ClientOptions options) {
  if (options.async_transport == nullptr && options.transport == nullptr) {
    options.async_transport = std::make_shared<CurlAsyncTransport>(options.http);
  }
  // An AsyncClient makes an AsyncTransport of a Transport.
  const Carrier carrier =
      options.async_transport == nullptr ? Carrier::Transport : Carrier::AsyncTransport;
  const CallContext context{options, carrier};
  if (auto usable = context.check_usable(); !usable) return std::move(usable).error();
  return options;
}

}  // namespace detail

/// Makes an AsyncClient from `options` as they are. They need a region and credentials. Requests go
/// over libcurl, unless one of the transports is set. No thread is started before the first call.
///
/// @par Error Handling
/// As make_client_with.
[[nodiscard]] inline Result<AsyncClient> make_async_client_with(ClientOptions options) {
  auto usable = detail::with_async_transport(std::move(options));
  if (!usable) return std::move(usable).error();
  return AsyncClient(*std::move(usable));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

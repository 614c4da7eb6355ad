// SPDX-License-Identifier: Apache-2.0
//
// chain: credentials from the first of several sources that has some. default_chain.hpp is made of
// it; applications put a source of their own before or after others with it.
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_CHAIN_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_CHAIN_HPP

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// chain() with the clock of a platform for what is left of the time.
[[nodiscard]] inline CredentialsProvider chain_on(std::shared_ptr<Platform> platform,
                                                  std::vector<CredentialsProvider> providers) {
  return [platform = std::move(platform), providers = std::move(providers)](
             const CredentialsRequest& request) -> Result<Credentials> {
    const auto begin = platform->steady_now();
    Error nothing = credentials_error("no source has credentials");
    for (const CredentialsProvider& provider : providers) {
      if (!provider) continue;
      CredentialsRequest rest = request;
      rest.timeout -=
          std::chrono::duration_cast<std::chrono::milliseconds>(platform->steady_now() - begin);
      Result<Credentials> supplied = provider(rest);
      if (supplied) return supplied;
      const Error& error = supplied.error();
      if (is_of_meant_source(error)) return supplied;
      nothing.retryable = nothing.retryable || error.retryable;
      nothing.message.append("\n  ").append(error.where).append(": ").append(error.message);
    }
    return nothing;
  };
}

}  // namespace detail

/// A provider that calls each of `providers` in order and returns the first credentials.
///
/// @par Error Handling
/// Credentials, when none has any: `message` gives each source's reason, in order. A source that is
/// configured and does not serve (an access key id without its secret, a role that may not be
/// assumed) ends the search with its own error, so that nothing is signed with keys that nobody
/// meant. `retryable` when a source may have some later.
[[nodiscard]] inline CredentialsProvider chain(std::vector<CredentialsProvider> providers) {
  return detail::chain_on(system_platform(), std::move(providers));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

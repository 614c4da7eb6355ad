// SPDX-License-Identifier: Apache-2.0
//
// default_chain: the sources that a client asks for credentials when its options name none.
#ifndef PERSONALIZE_EVENTS_AUTH_DEFAULT_CHAIN_HPP
#define PERSONALIZE_EVENTS_AUTH_DEFAULT_CHAIN_HPP

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/auth/chain.hpp"
#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/auth/providers/environment.hpp"
#include "personalize_events/auth/providers/profile.hpp"
#include "personalize_events/http/transport.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/platform/system_platform.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Environment, then the static keys of the profile. A profile that is named here was meant, so the
/// environment is then not asked. `transport` is for the sources that ask a service; none of the
/// two does.
///
/// @par Error Handling
/// Credentials, with the reason of each source; see chain().
[[nodiscard]] inline CredentialsProvider default_chain(
    [[maybe_unused]] const std::shared_ptr<Transport>& transport,
    std::shared_ptr<Platform> platform = {}, std::string profile = {}) {
  if (platform == nullptr) platform = system_platform();
  std::vector<CredentialsProvider> providers;
  if (profile.empty()) providers.push_back(environment_credentials(platform));
  providers.push_back(profile_credentials(platform, std::move(profile)));
  return chain(std::move(providers));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The settings that ClientOptions give, and the profile that a client reads the others from.
// make_client and explain() begin with them.
#ifndef PERSONALIZE_EVENTS_DETAIL_CLIENT_CLIENT_SETTINGS_HPP
#define PERSONALIZE_EVENTS_DETAIL_CLIENT_CLIENT_SETTINGS_HPP

#include <utility>

#include "personalize_events/detail/config/profile_file.hpp"
#include "personalize_events/detail/config/settings.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

[[nodiscard]] inline GivenSettings given_settings(const ClientOptions& options) {
  GivenSettings given;
  given.region = options.region;
  given.endpoint_url = options.endpoint_url;
  given.profile = options.profile;
  given.use_fips = options.use_fips;
  given.use_dual_stack = options.use_dual_stack;
  given.retry_mode = options.retry.mode;
  given.max_attempts = options.retry.max_attempts;
  given.ca_file = options.http.ca_file;
  given.app_id = options.app_id;
  return given;
}

/// Whether a client works without the shared files: its options give all that it needs.
[[nodiscard]] inline bool needs_no_file(const ClientOptions& options) {
  return !options.region.empty() && !options.endpoint_url.empty() && options.credentials &&
         options.profile.empty();
}

/// Reads the shared files and selects the client's profile. For a client that needs no file, files
/// that cannot be used are empty. `options` have a platform. Errors: Configuration.
[[nodiscard]] inline Result<SelectedProfile> find_client_profile(const ClientOptions& options) {
  auto selected = load_profiles(*options.platform).and_then([&options](Profiles profiles) {
    return select_profile(*options.platform, given_settings(options), std::move(profiles));
  });
  if (!selected && needs_no_file(options)) return SelectedProfile{};
  return selected;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

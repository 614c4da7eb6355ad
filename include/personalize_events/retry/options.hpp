// SPDX-License-Identifier: Apache-2.0
//
// RetryOptions: how often a call is tried again, and how the pace follows the service's answers.
// Part of ClientOptions; config/settings.hpp fills what is empty from the environment and profile.
#ifndef PERSONALIZE_EVENTS_RETRY_OPTIONS_HPP
#define PERSONALIZE_EVENTS_RETRY_OPTIONS_HPP

#include <cstdint>
#include <optional>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// AWS's retry modes. "legacy" is not offered.
enum class RetryMode : std::uint8_t {
  Standard,  ///< Backoff with jitter and a quota of retries shared by a client's calls.
  Adaptive,  ///< Standard, and requests are held back to the pace that the service accepts.
};

/// How a client retries. What is empty comes from the environment, the profile, then the default.
struct RetryOptions {
  /// AWS_RETRY_MODE, profile `retry_mode`, Standard.
  std::optional<RetryMode> mode{};
  /// AWS_MAX_ATTEMPTS, profile `max_attempts`, 3. The first attempt counts.
  std::optional<int> max_attempts{};
  /// Tokens that a client's retries draw from; successes give them back.
  int quota{500};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

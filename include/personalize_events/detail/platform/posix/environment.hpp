// SPDX-License-Identifier: Apache-2.0
//
// The environment of POSIX systems, for platform/environment.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_ENVIRONMENT_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_ENVIRONMENT_HPP

#include <cstdlib>
#include <optional>
#include <string>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The value of an environment variable; empty optional when it is not set. Not while another
/// thread changes the environment (setenv), as with std::getenv.
[[nodiscard]] inline std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): documented
  if (value == nullptr) return std::nullopt;
  return std::string{value};
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

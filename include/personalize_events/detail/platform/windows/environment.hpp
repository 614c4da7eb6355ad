// SPDX-License-Identifier: Apache-2.0
//
// The environment of Windows, for platform/environment.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_ENVIRONMENT_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_ENVIRONMENT_HPP

#include <cstddef>
#include <optional>
#include <string>

#include "personalize_events/detail/platform/windows/api.hpp"
#include "personalize_events/detail/platform/windows/text.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The value of an environment variable; empty optional when it is not set.
[[nodiscard]] inline std::optional<std::string> environment_variable(const std::string& name) {
  const std::optional<std::wstring> wide_name = to_wide(name);
  if (!wide_name) return std::nullopt;
  std::wstring value(256, L'\0');
  for (;;) {
    ::SetLastError(ERROR_SUCCESS);
    const DWORD size = ::GetEnvironmentVariableW(wide_name->c_str(), value.data(),
                                                 static_cast<DWORD>(value.size()));
    // An empty value has the length 0 too, and no error.
    if (size == 0 && ::GetLastError() != ERROR_SUCCESS) return std::nullopt;
    const bool fitted = size < value.size();
    value.resize(size);
    if (fitted) return to_utf8(value);
  }
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

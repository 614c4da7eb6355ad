// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/path_style.hpp"

#include <filesystem>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("the native path style is the one of the standard library") {
  const bool backslashes = std::filesystem::path::preferred_separator == '\\';
  CHECK((pe::detail::kNativePathStyle == pe::detail::PathStyle::Windows) == backslashes);
}

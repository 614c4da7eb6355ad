// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/platform/shortage.hpp"

#include <cstddef>
#include <optional>

#include "catch.hpp"
#include "support/few_descriptors.hpp"

namespace detail = personalize_events::detail;

TEST_CASE("A process with less than six descriptors left lacks some") {
  CHECK_FALSE(detail::lacks_descriptors());
  std::optional<bool> lacks[8];
  for (std::size_t left = 0; left < 8; ++left) {
    const test::FewDescriptors few{left};
    lacks[left] = detail::lacks_descriptors();
  }
  for (std::size_t left = 0; left < 8; ++left) {
    CAPTURE(left);
    CHECK(lacks[left] == (left < 6));
  }
  CHECK_FALSE(detail::lacks_descriptors());
}

// SPDX-License-Identifier: Apache-2.0
//
// Catch2 for every test, version 2.13 (Debian, Ubuntu) or 3 (vcpkg, Conan). Tests keep to what both
// know: TEST_CASE, SECTION, CHECK, REQUIRE, CHECK_THAT, REQUIRE_THAT, INFO, CAPTURE, FAIL,
// GENERATE.
#ifndef PERSONALIZE_EVENTS_TESTS_CATCH_HPP
#define PERSONALIZE_EVENTS_TESTS_CATCH_HPP

#if __has_include(<catch2/catch_test_macros.hpp>)

#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace test {
using Catch::Matchers::ContainsSubstring;
}  // namespace test

#else

#include <catch2/catch.hpp>

#include <string>

namespace test {
/// Catch2 3's name for what 2.13 calls Contains.
inline auto ContainsSubstring(const std::string& part) { return Catch::Matchers::Contains(part); }
}  // namespace test

#endif

#endif

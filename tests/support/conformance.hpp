// SPDX-License-Identifier: Apache-2.0
//
// The folder of official test vectors: named by PERSONALIZE_EVENTS_CONFORMANCE_DIR, else
// `../shared/conformance` beside the source tree. The vectors are read where they stand and never
// copied. CTest does not start a conformance test at all where the folder is absent.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_CONFORMANCE_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_CONFORMANCE_HPP

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/detail/json/value.hpp"

namespace test {

/// The folder of the vectors.
std::filesystem::path conformance_directory();

/// The bytes of one file, for example `read_conformance("model/service-2.json")`. A missing or
/// empty file fails the running test.
std::string read_conformance(const std::filesystem::path& file);

/// The tree of one JSON file. What is not JSON fails the running test.
personalize_events::detail::json::Value read_vectors(const std::filesystem::path& file);

/// A member that must be there; else the running test fails.
const personalize_events::detail::json::Value& member(
    const personalize_events::detail::json::Value& object, std::string_view name);

/// The folders inside a folder of the vectors, sorted: one per case in `sigv4/v4`. An empty
/// answer fails the running test.
std::vector<std::filesystem::path> conformance_cases(const std::filesystem::path& folder);

/// Prints "42 cases of sigv4/v4" and fails the running test if there was none.
void report_conformance_cases(std::size_t count, const std::string& of_what);

}  // namespace test

#endif

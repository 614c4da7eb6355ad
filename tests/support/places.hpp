// SPDX-License-Identifier: Apache-2.0
//
// The folders that only the build knows. One small source file has them as definitions, so that no
// other is compiled anew for each clone: conformance.hpp and the recorder's programs_test.cpp ask.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_PLACES_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_PLACES_HPP

#include <filesystem>

namespace test {

/// The root of the source tree.
std::filesystem::path source_folder();

/// Where the programs and plug-ins of recorder/programs are built.
std::filesystem::path recorder_programs_folder();

}  // namespace test

#endif

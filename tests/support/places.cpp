// SPDX-License-Identifier: Apache-2.0

#include "support/places.hpp"

namespace test {

std::filesystem::path source_folder() { return PERSONALIZE_EVENTS_TESTS_SOURCE_DIR; }

std::filesystem::path recorder_programs_folder() { return PERSONALIZE_EVENTS_TESTS_PROGRAMS_DIR; }

}  // namespace test

// SPDX-License-Identifier: Apache-2.0
//
// The source of the CMake target personalize_events::compiled.
#include "personalize_events/compiled_source.hpp"

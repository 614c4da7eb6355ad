// SPDX-License-Identifier: Apache-2.0
//
// The one source of the program that defines the functions of compiled.hpp.
#include "personalize_events/compiled_source.hpp"

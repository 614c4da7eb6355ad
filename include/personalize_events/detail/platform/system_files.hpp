// SPDX-License-Identifier: Apache-2.0
//
// SystemFiles: the FileSystem of the machine that the program runs on. The recorder spools through
// it unless a test gives it another.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_SYSTEM_FILES_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_SYSTEM_FILES_HPP

#if defined(_WIN32)
#include "personalize_events/detail/platform/windows/system_files.hpp"
#else
#include "personalize_events/detail/platform/posix/system_files.hpp"
#endif

#endif

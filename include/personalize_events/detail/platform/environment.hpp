// SPDX-License-Identifier: Apache-2.0
//
// environment_variable: what the environment of this process says. SystemPlatform uses it;
// everything else asks its Platform.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_ENVIRONMENT_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_ENVIRONMENT_HPP

#if defined(_WIN32)
#include "personalize_events/detail/platform/windows/environment.hpp"
#else
#include "personalize_events/detail/platform/posix/environment.hpp"
#endif

#endif

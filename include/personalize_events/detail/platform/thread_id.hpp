// SPDX-License-Identifier: Apache-2.0
//
// ThreadId: which thread this is. The loop (client/loop.hpp) remembers who runs it, so that it
// notices when it is stopped from one of its own callbacks.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_THREAD_ID_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_THREAD_ID_HPP

#include <thread>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The number of a thread; one that is made without a value is no thread's.
using ThreadId = std::thread::id;

/// That of the calling thread.
[[nodiscard]] inline ThreadId current_thread_id() noexcept { return std::this_thread::get_id(); }

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

// SPDX-License-Identifier: Apache-2.0
//
// make_recorder: an EventRecorder over libcurl, whose client takes missing options from the AWS
// environment. The entry point for background delivery.
#ifndef PERSONALIZE_EVENTS_MAKE_RECORDER_HPP
#define PERSONALIZE_EVENTS_MAKE_RECORDER_HPP

#include <memory>
#include <utility>

#include "personalize_events/detail/recorder/make_recorder.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/make_client.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Makes a recorder with region, endpoint and credentials from `client`, then the environment, then
/// the profile, as make_client. It opens no connection; the first request fetches credentials. With
/// Driver::OwnThread it starts one thread, with Driver::Manual none. Programs with many recorders,
/// for example one for each tracking id, share the thread, connections and credentials of one
/// AsyncClient instead: make_recorder(RecorderOptions, const AsyncClient&).
///
/// @par Error Handling
/// Configuration: as make_client, and an invalid setting of the recorder; `where` names it.
[[nodiscard]] inline Result<EventRecorder> make_recorder(RecorderOptions options,
                                                         ClientOptions client = {}) {
  auto filled = detail::with_async_environment(std::move(client));
  if (!filled) return std::move(filled).error();
  const auto driver =
      options.driver == Driver::Manual ? detail::LoopDriver::Manual : detail::LoopDriver::OwnThread;
  return detail::make_recorder(std::move(options),
                               std::make_shared<detail::AsyncCore>(*std::move(filled), driver));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

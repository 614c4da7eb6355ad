// SPDX-License-Identifier: Apache-2.0
//
// make_recorder_with: an EventRecorder over libcurl from given options. It takes no setting from
// the environment or a file, and so compiles faster than make_recorder.hpp.
#ifndef PERSONALIZE_EVENTS_MAKE_RECORDER_WITH_HPP
#define PERSONALIZE_EVENTS_MAKE_RECORDER_WITH_HPP

#include <memory>
#include <utility>

#include "personalize_events/detail/client/async_core.hpp"
#include "personalize_events/detail/recorder/make_recorder.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/make_client_with.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// Makes a recorder whose client has the options `client` as they are: credentials, and a region or
/// an endpoint URL. Requests go over libcurl, unless `client` has one of the transports. With
/// Driver::OwnThread it starts one thread, with Driver::Manual none.
///
/// @par Error Handling
/// Configuration: as make_client_with, and an invalid setting of the recorder; `where` names it.
[[nodiscard]] inline Result<EventRecorder> make_recorder_with(RecorderOptions options,
                                                              ClientOptions client) {
  auto usable = detail::with_async_transport(std::move(client));
  if (!usable) return std::move(usable).error();
  const auto driver =
      options.driver == Driver::Manual ? detail::LoopDriver::Manual : detail::LoopDriver::OwnThread;
  return detail::make_recorder(std::move(options),
                               std::make_shared<detail::AsyncCore>(*std::move(usable), driver));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

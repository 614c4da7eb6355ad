// SPDX-License-Identifier: Apache-2.0
//
// personalize_events::compiled: the factories and explain, compiled once, for large programs. A
// light header: sources that include it compile no implementation. One source of the program
// includes compiled_source.hpp, or CMake links personalize_events::compiled.
#ifndef PERSONALIZE_EVENTS_COMPILED_HPP
#define PERSONALIZE_EVENTS_COMPILED_HPP

#include <string>

#include "personalize_events/async_client.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// The factories as functions that are not inline. Each does what the function of the same name in
/// personalize_events does; both may be called in one program.
namespace compiled {

/// As personalize_events::make_client.
[[nodiscard]] Result<Client> make_client(ClientOptions options = {});
/// As personalize_events::make_async_client.
[[nodiscard]] Result<AsyncClient> make_async_client(ClientOptions options = {});
/// As personalize_events::make_recorder.
[[nodiscard]] Result<EventRecorder> make_recorder(RecorderOptions options,
                                                  ClientOptions client = {});
/// As personalize_events::make_recorder, on the thread of an AsyncClient.
[[nodiscard]] Result<EventRecorder> make_recorder(RecorderOptions options,
                                                  const AsyncClient& client);

/// As personalize_events::make_client_with.
[[nodiscard]] Result<Client> make_client_with(ClientOptions options);
/// As personalize_events::make_async_client_with.
[[nodiscard]] Result<AsyncClient> make_async_client_with(ClientOptions options);
/// As personalize_events::make_recorder_with.
[[nodiscard]] Result<EventRecorder> make_recorder_with(RecorderOptions options,
                                                       ClientOptions client);

/// As personalize_events::explain.
[[nodiscard]] std::string explain(ClientOptions options = {});

}  // namespace compiled

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

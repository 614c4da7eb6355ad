// SPDX-License-Identifier: Apache-2.0
//
// The definitions of compiled.hpp. Exactly one source of a program includes this header, unless
// CMake links personalize_events::compiled, which is such a source.
#ifndef PERSONALIZE_EVENTS_COMPILED_SOURCE_HPP
#define PERSONALIZE_EVENTS_COMPILED_SOURCE_HPP

#include <string>
#include <utility>

#include "personalize_events/async_client.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/compiled.hpp"
#include "personalize_events/detail/recorder/make_recorder.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/explain.hpp"
#include "personalize_events/make_client.hpp"
#include "personalize_events/make_client_with.hpp"
#include "personalize_events/make_recorder.hpp"
#include "personalize_events/make_recorder_with.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace compiled {

Result<Client> make_client(ClientOptions options) {
  return personalize_events::make_client(std::move(options));
}
Result<AsyncClient> make_async_client(ClientOptions options) {
  return personalize_events::make_async_client(std::move(options));
}
Result<EventRecorder> make_recorder(RecorderOptions options, ClientOptions client) {
  return personalize_events::make_recorder(std::move(options), std::move(client));
}
Result<EventRecorder> make_recorder(RecorderOptions options, const AsyncClient& client) {
  return personalize_events::make_recorder(std::move(options), client);
}

Result<Client> make_client_with(ClientOptions options) {
  return personalize_events::make_client_with(std::move(options));
}
Result<AsyncClient> make_async_client_with(ClientOptions options) {
  return personalize_events::make_async_client_with(std::move(options));
}
Result<EventRecorder> make_recorder_with(RecorderOptions options, ClientOptions client) {
  return personalize_events::make_recorder_with(std::move(options), std::move(client));
}

std::string explain(ClientOptions options) {
  return personalize_events::explain(std::move(options));
}

}  // namespace compiled
PERSONALIZE_EVENTS_NAMESPACE_END

#endif

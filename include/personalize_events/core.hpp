// SPDX-License-Identifier: Apache-2.0
//
// All of the library but libcurl: for applications with an HTTP stack of their own, which give
// ClientOptions a Transport.
#ifndef PERSONALIZE_EVENTS_CORE_HPP
#define PERSONALIZE_EVENTS_CORE_HPP

#include "personalize_events/async_client.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/client/async_core.hpp"
#include "personalize_events/detail/client/client_state.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/providers/cached.hpp"
#include "personalize_events/detail/providers/chain.hpp"
#include "personalize_events/detail/providers/cognito.hpp"
#include "personalize_events/detail/providers/default_chain.hpp"
#include "personalize_events/detail/providers/environment.hpp"
#include "personalize_events/detail/providers/iot.hpp"
#include "personalize_events/detail/providers/profile.hpp"
#include "personalize_events/detail/recorder/make_recorder.hpp"
#include "personalize_events/detail/wire/properties.hpp"
#include "personalize_events/detail/wire/validate.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/event_sink.hpp"
#include "personalize_events/explain.hpp"
#include "personalize_events/fwd.hpp"
#include "personalize_events/model/event_id.hpp"
#include "personalize_events/model/properties.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_result.hpp"
#include "personalize_events/model/put_users.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"
#include "personalize_events/version.hpp"
#include "personalize_events/worker_transport.hpp"

#endif

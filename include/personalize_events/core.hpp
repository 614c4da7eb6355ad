// SPDX-License-Identifier: Apache-2.0
//
// All of the library but libcurl: for applications with an HTTP stack of their own, which give
// ClientOptions a Transport.
#ifndef PERSONALIZE_EVENTS_CORE_HPP
#define PERSONALIZE_EVENTS_CORE_HPP

#include "personalize_events/auth/cached.hpp"
#include "personalize_events/auth/chain.hpp"
#include "personalize_events/auth/credentials.hpp"
#include "personalize_events/auth/default_chain.hpp"
#include "personalize_events/auth/providers/cognito.hpp"
#include "personalize_events/auth/providers/environment.hpp"
#include "personalize_events/auth/providers/iot.hpp"
#include "personalize_events/auth/providers/profile.hpp"
#include "personalize_events/client/async_client.hpp"
#include "personalize_events/client/client.hpp"
#include "personalize_events/client/explain.hpp"
#include "personalize_events/client/options.hpp"
#include "personalize_events/fwd.hpp"
#include "personalize_events/http/message.hpp"
#include "personalize_events/http/options.hpp"
#include "personalize_events/http/transport.hpp"
#include "personalize_events/http/worker_transport.hpp"
#include "personalize_events/model/event_id.hpp"
#include "personalize_events/model/properties.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_result.hpp"
#include "personalize_events/model/put_users.hpp"
#include "personalize_events/platform/platform.hpp"
#include "personalize_events/platform/system_platform.hpp"
#include "personalize_events/recorder/event_recorder.hpp"
#include "personalize_events/recorder/event_sink.hpp"
#include "personalize_events/recorder/options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/retry/options.hpp"
#include "personalize_events/version.hpp"
#include "personalize_events/wire/properties.hpp"
#include "personalize_events/wire/validate.hpp"

#endif

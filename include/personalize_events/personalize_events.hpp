// SPDX-License-Identifier: Apache-2.0
//
// All that an application needs, over libcurl. Include this one header, link -lcurl -lcrypto
// -lpthread, and begin with make_client or make_recorder.
#ifndef PERSONALIZE_EVENTS_PERSONALIZE_EVENTS_HPP
#define PERSONALIZE_EVENTS_PERSONALIZE_EVENTS_HPP

#include "personalize_events/core.hpp"
#include "personalize_events/curl_async_transport.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/make_client.hpp"
#include "personalize_events/make_client_with.hpp"
#include "personalize_events/make_recorder.hpp"
#include "personalize_events/make_recorder_with.hpp"

#endif

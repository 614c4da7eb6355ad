// SPDX-License-Identifier: Apache-2.0
//
// A LocalEndpoint for tests, from a file that is compiled once: Boost.Beast takes ten seconds.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_LOCAL_ENDPOINT_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_LOCAL_ENDPOINT_HPP

#include "personalize_events/detail/testing/endpoint_handle.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"

namespace test {

/// LocalEndpoint::start. Without a port of its own the system picks one.
[[nodiscard]] personalize_events::Result<personalize_events::testing::LocalEndpoint>
start_local_endpoint(personalize_events::testing::LocalEndpointOptions options = {});

/// A running endpoint; fails the running test when it does not start.
[[nodiscard]] personalize_events::testing::LocalEndpoint local_endpoint(
    personalize_events::testing::LocalEndpointOptions options = {});

/// The options of a client of this endpoint: URL, region, credentials, and a CurlTransport that
/// goes through no proxy of the environment.
[[nodiscard]] personalize_events::ClientOptions client_options(
    const personalize_events::testing::LocalEndpoint& endpoint);

}  // namespace test

#endif

// SPDX-License-Identifier: Apache-2.0
//
// A light header declares the constructor of a client; core.hpp and make_client.hpp define it.
// Without them the compiler warns.
#include "personalize_events/client.hpp"

namespace pe = personalize_events;

bool send(const pe::Client& client, const pe::PutEventsRequest& request) {
#ifdef MUST_NOT_COMPILE
  return pe::Client{pe::ClientOptions{}}.put_events(request).has_value();
#else
  return client.put_events(request).has_value();
#endif
}

// SPDX-License-Identifier: Apache-2.0
//
// What a call answered is not to be dropped unread (warnings are errors here).
#include "personalize_events/client.hpp"

namespace pe = personalize_events;

bool send(const pe::Client& client, const pe::PutEventsRequest& request) {
#ifdef MUST_NOT_COMPILE
  client.put_events(request);
  return true;
#else
  return client.put_events(request).has_value();
#endif
}

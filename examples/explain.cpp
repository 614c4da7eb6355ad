// SPDX-License-Identifier: Apache-2.0
//
// Where each setting and the credentials of a client would come from. Nothing is sent, and secrets
// are masked, so the output may go into a bug report:  AWS_PROFILE=shop ./explain
#include <personalize_events/personalize_events.hpp>

#include <cstdio>

namespace pe = personalize_events;

int main() {
  pe::ClientOptions options;  // what your program gives to make_client
  std::fputs(pe::explain(options).c_str(), stdout);
  return 0;
}

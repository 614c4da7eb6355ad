// SPDX-License-Identifier: Apache-2.0
//
// Calls compiled functions: one that fails, and one that describes why.
#include <cstdio>

#include "personalize_events/compiled.hpp"

namespace pe = personalize_events;

int main() {
  const auto client = pe::compiled::make_client_with({});
  if (client || client.error().where != "region") return 1;
  std::puts(pe::compiled::explain().c_str());
  return 0;
}

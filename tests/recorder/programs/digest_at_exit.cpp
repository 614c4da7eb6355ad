// SPDX-License-Identifier: Apache-2.0
//
// A program that uses libcrypto behind the exit handlers that libcrypto registered, had it
// registered any: digest_at_exit. Its status is 0 when libcrypto still works there, as it must for
// a recorder that is a static object, and for a forked child that exits.

#include <unistd.h>

#include <cstdlib>

#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/signing/digest.hpp"
#include "recorder/programs/programs.hpp"

namespace pe = personalize_events;

namespace {

bool digests() { return pe::detail::crypto::Sha256{}.digest("abc").has_value(); }

void at_exit() { ::_exit(digests() ? 0 : 2); }

}  // namespace

int digest_at_exit(int, char**) {
  if (std::atexit(at_exit) != 0) return 3;
  const pe::Client client{pe::ClientOptions{}};
  return digests() ? 1 : 4;
}

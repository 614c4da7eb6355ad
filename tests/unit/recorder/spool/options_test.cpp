// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/options.hpp"

#include <chrono>
#include <type_traits>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("a spool writes ahead and syncs twice a second unless told otherwise") {
  const pe::SpoolOptions options;
  CHECK(std::is_aggregate_v<pe::SpoolOptions>);
  CHECK(options.directory.empty());
  CHECK(options.write_after.count() == 0);
  CHECK(options.sync_interval == std::chrono::milliseconds{500});
  CHECK(options.max_bytes == 256U * 1024 * 1024);
  CHECK(options.max_age == std::chrono::hours{24 * 7});
  CHECK(options.min_free_bytes == 1024U * 1024 * 1024);
  CHECK(options.account.empty());
}

TEST_CASE("a device's spool spares flash") {
  const auto options = pe::SpoolOptions::device("/data/events");
  CHECK(options.directory == "/data/events");
  CHECK(options.write_after == std::chrono::minutes{1});
  CHECK(options.sync_interval == std::chrono::seconds{30});
  CHECK(options.max_bytes == 16U * 1024 * 1024);
  CHECK(options.max_age == std::chrono::hours{24 * 7});
}

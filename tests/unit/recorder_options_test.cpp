// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder_options.hpp"

#include <chrono>
#include <set>
#include <string>
#include <type_traits>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("a server's recorder has the defaults") {
  const auto options = pe::RecorderOptions::server("tracker");
  CHECK(std::is_aggregate_v<pe::RecorderOptions>);
  CHECK(options.tracking_id == "tracker");
  CHECK(options.linger == std::chrono::seconds{1});
  CHECK(options.max_pending_events == 100'000);
  CHECK(options.max_pending_bytes == 64U * 1024 * 1024);
  CHECK(options.when_full == pe::WhenFull::DropNewest);
  CHECK(options.max_in_flight == 32);
  CHECK(options.delivery_timeout == std::chrono::minutes{10});
  CHECK(options.shutdown_timeout == std::chrono::seconds{2});
  CHECK(options.driver == pe::Driver::OwnThread);
  CHECK_FALSE(options.on_delivery);
}

TEST_CASE("a device's recorder takes little") {
  const auto options = pe::RecorderOptions::device("tracker");
  CHECK(options.tracking_id == "tracker");
  CHECK(options.linger == std::chrono::seconds{30});
  CHECK(options.max_in_flight == 2);
  CHECK(options.max_pending_events == 2'000);
  CHECK(options.max_pending_bytes == 2U * 1024 * 1024);
  CHECK_FALSE(options.spool.has_value());
  const auto spooled = pe::RecorderOptions::device("tracker", "/data/events");
  REQUIRE(spooled.spool.has_value());
  CHECK(spooled.spool->directory == "/data/events");
  CHECK(spooled.spool->write_after == std::chrono::seconds{60});
}

TEST_CASE("outcomes and faults have names of their own") {
  using pe::FaultKind;
  using pe::Outcome;
  std::set<std::string> names;
  for (const Outcome outcome : {Outcome::Delivered, Outcome::Rejected, Outcome::Expired,
                                Outcome::Dropped, Outcome::Spooled}) {
    names.insert(std::string{pe::to_string(outcome)});
  }
  for (const FaultKind kind :
       {FaultKind::Credentials, FaultKind::TrackingId, FaultKind::Offline, FaultKind::Throttled,
        FaultKind::Disk, FaultKind::SpoolDamaged, FaultKind::ClockSkew, FaultKind::Unavailable,
        FaultKind::Resources, FaultKind::Configuration}) {
    names.insert(std::string{pe::to_string(kind)});
  }
  CHECK(names.size() == 15);
  CHECK(names.count("Unknown") == 0);
  CHECK(pe::to_string(static_cast<Outcome>(99)) == "Unknown");
  CHECK(pe::to_string(static_cast<FaultKind>(99)) == "Unknown");
}

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

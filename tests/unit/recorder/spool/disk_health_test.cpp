// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/recorder/spool/disk_health.hpp"

#include <chrono>

#include "catch.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::spool;
using spool::DiskHealth;
using spool::kDiskPause;
using namespace std::chrono_literals;

namespace {

constexpr DiskHealth::Time kStart{1h};
constexpr const char* kDirectory = "/var/spool/events";

pe::Error storage(const char* message) {
  return pe::detail::make_error(pe::ErrorKind::Storage, kDirectory, message);
}

}  // namespace

TEST_CASE("a disk that refused is left alone for a pause") {
  DiskHealth health;
  CHECK(health.refusal(kStart, kDirectory) == nullptr);
  CHECK(health.failed(storage("refused"), kStart).message == "refused");

  const pe::Error* refusal = health.refusal(kStart + kDiskPause - 1ms, kDirectory);
  REQUIRE(refusal != nullptr);
  CHECK(refusal->message == "refused");
  CHECK(health.refusal(kStart + kDiskPause, kDirectory) == nullptr);
  CHECK(health.fault().has_value());  // until something was written
  health.wrote();
  CHECK_FALSE(health.fault().has_value());
}

TEST_CASE("a failed sync does not put off a write that waits already") {
  DiskHealth health;
  health.failed(storage("refused"), kStart);
  health.sync_failed(storage("not synced"), kStart + kDiskPause / 2);
  REQUIRE(health.fault().has_value());
  CHECK(health.fault()->message == "not synced");
  CHECK(health.refusal(kStart + kDiskPause, kDirectory) == nullptr);

  health.wrote();
  health.sync_failed(storage("not synced"), kStart);
  CHECK(health.refusal(kStart, kDirectory) != nullptr);
  CHECK(health.refusal(kStart + kDiskPause, kDirectory) == nullptr);
}

TEST_CASE("without room nothing is written until some was found") {
  DiskHealth health;
  CHECK(health.should_look_for_room(kStart));  // nobody knows yet
  health.found_room();
  CHECK_FALSE(health.should_look_for_room(kStart));
  CHECK(health.refusal(kStart, kDirectory) == nullptr);

  health.grew();
  CHECK(health.should_look_for_room(kStart));
  health.found_none(kStart);
  const pe::Error* refusal = health.refusal(kStart, kDirectory);
  REQUIRE(refusal != nullptr);
  CHECK(refusal->kind == pe::ErrorKind::Storage);
  CHECK(refusal->code == "NoSpace");
  CHECK(refusal->where == kDirectory);
  CHECK(health.refusal(kStart + 1h, kDirectory) != nullptr);

  CHECK_FALSE(health.should_look_for_room(kStart + kDiskPause - 1ms));
  CHECK(health.should_look_for_room(kStart + kDiskPause));
  health.found_room();
  CHECK(health.refusal(kStart + 2h, kDirectory) == nullptr);
}

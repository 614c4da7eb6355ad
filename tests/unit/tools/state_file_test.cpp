// SPDX-License-Identifier: Apache-2.0

#include "send/state_file.hpp"

#include <chrono>
#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;
using tools::send::InputIdentity;
using tools::send::RunState;
using tools::send::StateFile;

namespace {

const InputIdentity& input() {
  static const InputIdentity identity{1000, 5, "head", "columns", "csv", "tracker", 30};
  return identity;
}

struct World {
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  StateFile file{"run.state", platform};

  [[nodiscard]] std::string text() const { return platform->read_file("run.state").value_or(""); }
};

}  // namespace

TEST_CASE("without a file, or without a path, a run begins anew") {
  const World world;
  const auto state = world.file.load(input());
  REQUIRE(state.has_value());
  CHECK(state->done.low_water() == 0);
  CHECK(state->input.difference(input()).empty());
  CHECK(StateFile().load(input()).has_value());
}

TEST_CASE("a run goes on from the state that was saved") {
  const World world;
  RunState state = *world.file.load(input());
  state.done.add(0, 42);
  REQUIRE(world.file.save(state).has_value());
  CHECK(world.file.load(input())->done.low_water() == 42);
}

TEST_CASE("a state of another input is refused, with what differs") {
  const World world;
  REQUIRE(world.file.save(*world.file.load(input())).has_value());
  InputIdentity other = input();
  other.size = 1;
  const auto state = world.file.load(other);
  REQUIRE_FALSE(state.has_value());
  CHECK(state.error().kind == pe::ErrorKind::Configuration);
  CHECK(state.error().where == "run.state");
  CHECK_THAT(state.error().message, test::ContainsSubstring("the file's size is not the same"));
}

TEST_CASE("a foreign file is refused and stays as it is") {
  const World world;
  world.platform->set_file("run.state", "USER_ID,ITEM_ID\n");
  const auto state = world.file.load(input());
  REQUIRE_FALSE(state.has_value());
  CHECK(state.error().where == "run.state");
  CHECK(world.text() == "USER_ID,ITEM_ID\n");
}

TEST_CASE("the state is kept at once and then about once a second") {
  World world;
  RunState state = *world.file.load(input());
  REQUIRE(world.file.keep(state).has_value());
  const std::string first = world.text();
  CHECK(first == to_json(state));
  state.done.add(0);
  world.platform->advance(std::chrono::milliseconds{900});
  REQUIRE(world.file.keep(state).has_value());
  CHECK(world.text() == first);
  world.platform->advance(std::chrono::milliseconds{200});
  REQUIRE(world.file.keep(state).has_value());
  CHECK(world.text() == to_json(state));
  state.done.add(1);
  REQUIRE(world.file.save(state).has_value());
  CHECK(world.text() == to_json(state));
}

TEST_CASE("a state that cannot be written is an error") {
  StateFile file("/nonexistent/folder/run.state");
  const auto kept = file.keep(RunState{});
  REQUIRE_FALSE(kept.has_value());
  CHECK(kept.error().where == "/nonexistent/folder/run.state");
}

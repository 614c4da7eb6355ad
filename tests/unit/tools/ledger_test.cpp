// SPDX-License-Identifier: Apache-2.0

#include "send/ledger.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using tools::send::InputIdentity;
using tools::send::Ledger;
using tools::send::Origin;
using tools::send::RunState;
using tools::send::StateFile;

namespace {

Origin row(std::uint64_t number) { return {number + 2, number, 4, "text"}; }

}  // namespace

TEST_CASE("rows that were sent or rejected are done") {
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  RunState state;
  state.rows = 4;
  Ledger ledger(std::move(state), StateFile("run.state", platform));
  ledger.sent({row(0), row(2)});
  ledger.rejected(row(1), "TIMESTAMP: empty");
  CHECK(ledger.state().done.low_water() == 3);
  CHECK(ledger.state().sent == 2);
  CHECK(ledger.state().rejected == 1);
  ledger.finish();
  const auto kept = StateFile("run.state", platform).load(InputIdentity{});
  REQUIRE(kept.has_value());
  CHECK(kept->done.low_water() == 3);
  CHECK_FALSE(kept->is_complete());
  CHECK_FALSE(ledger.failure().has_value());
}

TEST_CASE("the rejects of the runs before are kept when the file is the same") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "rejects";
  const std::string other = folder / "other";
  test::write_file(other, "of somebody else");
  RunState state;
  {
    Ledger ledger;
    REQUIRE(ledger.open_rejects(path).has_value());
    ledger.rejected(row(0), "reason");
    state = ledger.state();
    ledger.rejected(row(1), "after the state was kept");
  }
  Ledger again(state, StateFile());
  REQUIRE(again.open_rejects(path).has_value());
  CHECK(again.state().rejects_size == state.rejects_size);
  Ledger elsewhere(state, StateFile());
  REQUIRE(elsewhere.open_rejects(other).has_value());
  CHECK(elsewhere.state().rejects_size == 0);
}

TEST_CASE("what cannot be written is told") {
  Ledger ledger(RunState{}, StateFile("/nonexistent/folder/run.state"));
  ledger.sent({row(0)});
  REQUIRE(ledger.failure().has_value());
  CHECK(ledger.failure()->where == "/nonexistent/folder/run.state");
}

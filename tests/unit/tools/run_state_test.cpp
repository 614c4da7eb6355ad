// SPDX-License-Identifier: Apache-2.0

#include "send/run_state.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

using tools::send::InputIdentity;
using tools::send::run_state_from;
using tools::send::RunState;

namespace {

RunState some_state() {
  RunState state;
  state.input = {1000, -5, "head", "columns", "csv", "tracker", 30, "options"};
  state.rows = 500;
  state.done.add(0, 100);
  state.done.add(110, 120);
  state.done.add(130, 131);
  state.sent = 109;
  state.rejected = 2;
  state.rejects_path = "path";
  state.rejects_size = 77;
  return state;
}

}  // namespace

TEST_CASE("a state comes back from its text") {
  const RunState state = some_state();
  const auto read = run_state_from(to_json(state));
  REQUIRE(read.has_value());
  CHECK(read->input.difference(state.input).empty());
  CHECK(read->input.changed == -5);
  CHECK(read->rows == 500);
  CHECK(read->done.low_water() == 100);
  CHECK(read->done.ranges() == state.done.ranges());
  CHECK(read->sent == 109);
  CHECK(read->rejected == 2);
  CHECK(read->rejects_path == "path");
  CHECK(read->rejects_size == 77);
  CHECK_FALSE(read->is_complete());
  CHECK(to_json(*read) == to_json(state));
}

TEST_CASE("a state is complete when all rows are done") {
  RunState state;
  CHECK_FALSE(state.is_complete());
  state.rows = 3;
  state.done.add(1, 3);
  CHECK_FALSE(state.is_complete());
  CHECK_THAT(to_json(state), test::ContainsSubstring("\"complete\":false"));
  state.done.add(0);
  CHECK(state.is_complete());
  CHECK_THAT(to_json(state), test::ContainsSubstring("\"complete\":true"));
}

TEST_CASE("a text that is no state is refused") {
  std::string text = to_json(some_state());
  const auto with = [&text](const std::string& from, const std::string& to) {
    std::string changed = text;
    REQUIRE(changed.find(from) != std::string::npos);
    return changed.replace(changed.find(from), from.size(), to);
  };
  const std::vector<std::string> foreign{"",
                                         "USER_ID,ITEM_ID\n",
                                         "{}",
                                         "[]",
                                         text.substr(0, text.size() / 2),
                                         with("\"rows\":500", "\"rows\":-1"),
                                         with("\"rows\":500", "\"rows\":1.5"),
                                         with("\"head\":\"head\"", "\"head\":1"),
                                         with("[110,120]", "[110]"),
                                         with("[110,120]", "[120,110]"),
                                         with("[110,120]", "[110,140]"),
                                         with("[110,120]", "[90,120]"),
                                         with("\"doneRanges\":[", "\"otherRanges\":["),
                                         with("\"rejects\":", "\"other\":")};
  for (const std::string& other : foreign) {
    CAPTURE(other);
    const auto read = run_state_from(other);
    REQUIRE_FALSE(read.has_value());
    CHECK_THAT(read.error().message,
               test::ContainsSubstring("no state of personalize-events send"));
  }
  const auto newer = run_state_from(with("\"version\":2", "\"version\":3"));
  REQUIRE_FALSE(newer.has_value());
  CHECK_THAT(newer.error().message, test::ContainsSubstring("another version"));
}

TEST_CASE("what differs between two inputs is named") {
  const InputIdentity input = some_state().input;
  const auto difference = [&input](const std::function<void(InputIdentity&)>& change) {
    InputIdentity other = input;
    change(other);
    return input.difference(other);
  };
  CHECK(difference([](InputIdentity&) {}).empty());
  CHECK(difference([](InputIdentity& other) { ++other.size; }) == "the file's size");
  CHECK(difference([](InputIdentity& other) { ++other.changed; }) == "the file's time of change");
  CHECK(difference([](InputIdentity& other) { other.head = ""; }) == "the file's beginning");
  CHECK(difference([](InputIdentity& other) { other.columns = ""; }) == "the line of columns");
  CHECK(difference([](InputIdentity& other) { other.format = ""; }) == "--format");
  CHECK(difference([](InputIdentity& other) { other.tracking_id = ""; }) == "--tracking-id");
  CHECK(difference([](InputIdentity& other) { ++other.session_gap; }) == "--session-gap");
  CHECK_THAT(difference([](InputIdentity& other) { other.column_options = ""; }),
             test::ContainsSubstring("option for columns"));
}

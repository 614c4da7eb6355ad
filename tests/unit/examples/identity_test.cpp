// SPDX-License-Identifier: Apache-2.0

#include "send_events/identity.hpp"

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"

using send_events::NameUuid;
using send_events::RowIds;
using send_events::SessionsByGap;

using Cells = std::vector<std::string>;

TEST_CASE("a name's UUID is of version 8 and always the same") {
  NameUuid uuid;
  const std::string id = *uuid.of({"a", "b"});
  REQUIRE(id.size() == 36);
  CHECK(id[8] == '-');
  CHECK(id[13] == '-');
  CHECK(id[14] == '8');
  CHECK(id[18] == '-');
  CHECK(std::string("89ab").find(id[19]) != std::string::npos);
  CHECK(id[23] == '-');
  CHECK(*NameUuid().of({"a", "b"}) == id);
  // Files that were sent with another version must still be trained on once.
  CHECK(id == "facdde7a-bf1e-8c5b-b012-73ab2e282f79");
}

TEST_CASE("lists of texts that read the same when joined have different UUIDs") {
  NameUuid uuid;
  const std::set<std::string> ids{*uuid.of({"ab", ""}), *uuid.of({"a", "b"}), *uuid.of({"", "ab"}),
                                  *uuid.of({"ab"}), *uuid.of({"1:a", "b"})};
  CHECK(ids.size() == 5);
}

TEST_CASE("identical rows have different ids, and the same ones in the next run") {
  const std::vector<Cells> rows{{"u", "1"}, {"u", "2"}, {"u", "1"}, {"u", "1"}};
  const auto ids_of_a_run = [&rows] {
    RowIds row_ids;
    Cells ids;
    for (const Cells& row : rows) ids.push_back(*row_ids.next(row));
    return ids;
  };
  const Cells ids = ids_of_a_run();
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 4);
  CHECK(ids_of_a_run() == ids);
}

TEST_CASE("a row's id does not depend on other rows") {
  RowIds with_others;
  REQUIRE(with_others.next({"u", "2"}).has_value());
  CHECK(*with_others.next({"u", "1"}) == *RowIds().next({"u", "1"}));
}

namespace {

SessionsByGap::Time minute(int minutes) {
  return SessionsByGap::Time{std::chrono::minutes{minutes}};
}

}  // namespace

TEST_CASE("events of a user less than a gap apart are one session") {
  SessionsByGap sessions(std::chrono::minutes{30});
  for (const int time : {100, 0, 29, 58, 88, 200}) sessions.add("u", minute(time));
  sessions.add("v", minute(29));
  sessions.finish();
  const auto session = [&sessions](const char* user, int time) {
    return *sessions.session_of(user, minute(time));
  };
  CHECK(session("u", 0) == session("u", 29));
  CHECK(session("u", 29) == session("u", 58));
  CHECK(session("u", 58) != session("u", 88));  // exactly the gap
  CHECK(session("u", 88) == session("u", 100));
  CHECK(session("u", 100) != session("u", 200));
  CHECK(session("v", 29) != session("u", 29));
}

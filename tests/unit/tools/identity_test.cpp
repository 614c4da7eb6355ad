// SPDX-License-Identifier: Apache-2.0

#include "send/identity.hpp"

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"

using tools::send::Names;
using tools::send::Time;

using Cells = std::vector<std::string>;

TEST_CASE("an event id is a UUID of version 8 and always the same") {
  Names names;
  const std::string id = *names.event_id({"a", "b"}, 1);
  REQUIRE(id.size() == 36);
  CHECK(id[8] == '-');
  CHECK(id[13] == '-');
  CHECK(id[14] == '8');
  CHECK(id[18] == '-');
  CHECK(std::string("89ab").find(id[19]) != std::string::npos);
  CHECK(id[23] == '-');
  CHECK(*Names().event_id({"a", "b"}, 1) == id);
  CHECK(*names.event_id({"a", "b"}, 2) != id);
}

TEST_CASE("ids never change, so that files which were sent before are still trained on once") {
  // The content, then the occurrence: the same texts give the same id.
  CHECK(*Names().event_id({"u", "1"}, 1) == "7c429983-af24-891b-a0e8-517976ef6377");
  CHECK(*Names().session_id("u", Time{std::chrono::seconds{1291191960}}) ==
        "7e26affe-9380-81d4-a8d9-df038d4e47a9");
}

TEST_CASE("lists of texts that read the same when joined have different ids") {
  Names names;
  const std::set<std::string> ids{*names.event_id({"ab", ""}, 1), *names.event_id({"a", "b"}, 1),
                                  *names.event_id({"", "ab"}, 1), *names.event_id({"ab"}, 1),
                                  *names.event_id({"1:a", "b"}, 1)};
  CHECK(ids.size() == 5);
}

TEST_CASE("fingerprints are equal for equal texts only") {
  Names names;
  const auto print = *names.fingerprint(Cells{"a", "b"});
  CHECK(print == *names.fingerprint(Cells{"a", "b"}));
  CHECK_FALSE(print == *names.fingerprint(Cells{"ab"}));
  CHECK(*names.fingerprint("ab") == *names.fingerprint(Cells{"ab"}));
  const auto other = *names.fingerprint("b");
  CHECK((print < other) != (other < print));
}

TEST_CASE("a digest is the SHA-256 of the bytes alone") {
  CHECK(*Names().digest("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

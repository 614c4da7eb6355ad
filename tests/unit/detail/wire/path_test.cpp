// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/wire/path.hpp"

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::wire::Path;

TEST_CASE("a path is told by wire names and indexes") {
  const Path root;
  CHECK(root.text().empty());
  const Path list = root.member("eventList");
  CHECK(list.text() == "eventList");
  const Path third = list.element(3);
  CHECK(third.text() == "eventList[3]");
  const Path item = third.member("itemId");
  CHECK(item.text() == "eventList[3].itemId");
  const Path impression = third.member("impression");
  const Path shown = impression.element(24);
  CHECK(shown.text() == "eventList[3].impression[24]");
  const Path alone = root.element(7);
  CHECK(alone.text() == "[7]");
  CHECK(alone.member("a").text() == "[7].a");
}

TEST_CASE("a refusal is an InvalidArgument at its path") {
  const Path root;
  const pe::Error error = root.member("userId").refuse("missing");
  CHECK(error.kind == pe::ErrorKind::InvalidArgument);
  CHECK(error.where == "userId");
  CHECK(error.message == "missing");
  CHECK_FALSE(error.retryable);
  CHECK_FALSE(error.may_have_been_delivered);
}

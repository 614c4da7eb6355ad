// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/posix/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "catch.hpp"

namespace pe = personalize_events;

namespace {

int open_null() {
  const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(number >= 0);
  return number;
}

bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

}  // namespace

TEST_CASE("a descriptor is closed at the end of its scope") {
  const int number = open_null();
  {
    const pe::detail::Descriptor descriptor{number};
    CHECK(descriptor.number() == number);
    CHECK(is_open(number));
  }
  CHECK_FALSE(is_open(number));
}

TEST_CASE("a descriptor can be closed early, and take another") {
  const int first = open_null();
  const int second = open_null();
  pe::detail::Descriptor descriptor{first};
  descriptor.reset(second);
  CHECK_FALSE(is_open(first));
  CHECK(is_open(second));
  descriptor.close();
  CHECK_FALSE(is_open(second));
  CHECK(descriptor.number() < 0);
  descriptor.close();  // a second time does nothing
}

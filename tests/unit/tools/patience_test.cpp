// SPDX-License-Identifier: Apache-2.0

#include "send/patience.hpp"

#include <chrono>
#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
using tools::send::Patience;

using std::chrono::seconds;

namespace {

constexpr Patience::TimePoint kStart{seconds{100}};

pe::Error error_with(const std::string& code) {
  pe::Error error;
  error.kind = pe::ErrorKind::Service;
  error.code = code;
  return error;
}

}  // namespace

TEST_CASE("patience is lost when trouble lasts, and the latest error says why") {
  Patience patience(seconds{10});
  CHECK_FALSE(patience.lost(kStart + seconds{1000}).has_value());
  patience.strain(error_with("First"), kStart);
  patience.strain(error_with("Second"), kStart + seconds{9});
  CHECK_FALSE(patience.lost(kStart + seconds{9}).has_value());
  const auto lost = patience.lost(kStart + seconds{10});
  REQUIRE(lost.has_value());
  CHECK(lost->code == "Second");
}

TEST_CASE("patience begins anew once something was taken") {
  Patience patience(seconds{10});
  patience.strain(error_with("First"), kStart);
  patience.restore();
  CHECK_FALSE(patience.lost(kStart + seconds{20}).has_value());
  patience.strain(error_with("Second"), kStart + seconds{20});
  CHECK_FALSE(patience.lost(kStart + seconds{29}).has_value());
  CHECK(patience.lost(kStart + seconds{30}).has_value());
}

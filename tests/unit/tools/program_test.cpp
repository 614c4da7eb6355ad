// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include "catch.hpp"

TEST_CASE("errors name options instead of C++ members") {
  CHECK(tools::with_option_names("set ClientOptions::region or AWS_REGION") ==
        "set --region or AWS_REGION");
  CHECK(tools::with_option_names("[ClientOptions.region] [ClientOptions.region]") ==
        "[--region] [--region]");
  CHECK(tools::with_option_names("RecorderOptions.tracking_id: 300 characters") ==
        "--tracking-id: 300 characters");
  CHECK(tools::with_option_names("ClientOptions::proxy") == "ClientOptions::proxy");
}

// SPDX-License-Identifier: Apache-2.0
#include "connection_options.hpp"

#include <string>

#include "catch.hpp"

TEST_CASE("the options set the members of a client's options") {
  struct {
    std::string endpoint_url{}, region{}, profile{};
  } options;
  CLI::App command{"A command."};
  tools::add_connection_options(command, options);
  command.parse("--endpoint-url http://127.0.0.1:8080 --region eu-west-1 --profile shop");
  CHECK(options.endpoint_url == "http://127.0.0.1:8080");
  CHECK(options.region == "eu-west-1");
  CHECK(options.profile == "shop");
}

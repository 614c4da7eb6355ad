// SPDX-License-Identifier: Apache-2.0

#include <cstddef>
#include <map>
#include <string>

#include "catch.hpp"
#include "personalize_events/detail/providers/profile.hpp"
#include "support/conformance.hpp"
#include "support/credential_case.hpp"

namespace pe = personalize_events;

TEST_CASE("a profile gives what the published suite says") {
  const std::string suite = "credentials/profile-provider";
  const std::map<std::string, std::string> error_places{
      {"credential_process_failure", "credential_process"},
      {"credential_process_invalid", "credential_process"},
      {"empty_config", "profile"},
      {"invalid_config", "/home/.aws/config:2"},
      {"invalid_sso_credentials_config", "/home/.aws/config:2"},
      {"sso_token", "/home/.aws/config:2"},
  };
  std::size_t count = 0;
  for (const auto& folder : test::conformance_cases(suite)) {
    ++count;
    const test::CredentialCase vector{folder};
    vector.check(pe::profile_credentials({vector.transport, vector.platform, {}})(), error_places);
  }
  test::report_conformance_cases(count, suite);
}

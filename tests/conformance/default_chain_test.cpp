// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/default_chain.hpp"

#include <cstddef>
#include <map>
#include <string>

#include "catch.hpp"
#include "support/conformance.hpp"
#include "support/credential_case.hpp"

namespace pe = personalize_events;

TEST_CASE("the default chain finds what the published suite says") {
  const std::string suite = "credentials/default-credential-provider-chain";
  const std::map<std::string, std::string> error_places{
      {"eks_pod_identity_no_token_file", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"},
      {"imds_default_chain_error", "credentials"},
      {"imds_disabled", "credentials"},
      {"imds_no_iam_role", "/home/.aws/config:4"},
      {"imds_token_fail", "/home/.aws/config:4"},
      // Neither has the case a region for AWS STS, which is looked at first.
      {"profile_overrides_web_identity", "region"},
      {"sso_no_token_file", "/home/.aws/sso/cache/dace00cba5f8355ec9d274ceb2bcebdfbeed0e12.json"},
      {"sso_server_error", "SSO portal"},
      {"web_identity_source_profile_no_env", "/home/.aws/config:6"},
      {"web_identity_token_invalid_jwt", "AWS STS"},
  };
  std::size_t count = 0;
  for (const auto& folder : test::conformance_cases(suite)) {
    ++count;
    const test::CredentialCase vector{folder};
    vector.check(pe::default_chain({vector.transport, vector.platform})(), error_places);
  }
  test::report_conformance_cases(count, suite);
}

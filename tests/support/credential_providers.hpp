// SPDX-License-Identifier: Apache-2.0
//
// credential_providers(): one row for each way in which a client finds credentials, on the machine
// and with the services of CredentialWorld.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_CREDENTIAL_PROVIDERS_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_CREDENTIAL_PROVIDERS_HPP

#include <chrono>
#include <string>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/providers/cognito.hpp"
#include "personalize_events/detail/providers/iot.hpp"
#include "personalize_events/detail/providers/sts.hpp"
#include "personalize_events/options.hpp"
#include "support/credential_services.hpp"
#include "support/es256_key.hpp"

namespace test {

/// One way to credentials.
struct CredentialProvider {
  const char* name;
  /// Makes the machine one that has this provider, with what it has issued now.
  void (*set_up)(CredentialWorld&, personalize_events::ClientOptions&);
  /// Requests, and starts of a process, for the first credentials. 0: there is no service.
  int requests;
  /// Whether its credentials expire.
  bool expires;
  /// A response that takes this long is still in time.
  std::chrono::milliseconds slowness;
};

/// Every provider of the default chain, and those that an application names.
inline const std::vector<CredentialProvider>& credential_providers() {
  using namespace std::chrono_literals;
  using World = CredentialWorld;
  using Options = personalize_events::ClientOptions;
  static const auto keys_of = [](const personalize_events::Credentials& keys) {
    return "aws_access_key_id = " + keys.access_key_id +
           "\naws_secret_access_key = " + keys.secret_access_key + "\n" +
           (keys.session_token.empty() ? "" : "aws_session_token = " + keys.session_token + "\n");
  };
  static const auto role = [](const std::string& name) {
    return "role_arn = arn:aws:iam::123456789012:role/" + name + "\n";
  };
  static const auto use_container = [](World& world) {
    world.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys");
    world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", world.secrets.container_token);
  };
  static const auto use_environment = [](World& world,
                                         const personalize_events::Credentials& keys) {
    world.set("AWS_ACCESS_KEY_ID", keys.access_key_id);
    world.set("AWS_SECRET_ACCESS_KEY", keys.secret_access_key);
    world.set("AWS_SESSION_TOKEN", keys.session_token);
  };
  static const auto write_sso_token = [](World& world, std::chrono::system_clock::duration life) {
    // The SHA-1 of "work".
    world.platform->inner.set_file(
        "/home/user/.aws/sso/cache/"
        "e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json",
        World::json({{"accessToken", world.secrets.sso_token},
                     {"expiresAt", world.time(life)},
                     {"refreshToken", world.secrets.refresh_token},
                     {"clientId", "client"},
                     {"clientSecret", world.secrets.client_secret},
                     {"registrationExpiresAt", world.time(24h * 90)}}));
  };
  static const char* const sso_properties = "sso_account_id = 123456789012\nsso_role_name = shop\n";

  static const std::vector<CredentialProvider> rows{
      {"environment", [](World& world, Options&) { use_environment(world, world.issue(false)); }, 0,
       false, 0ms},
      {"environment, of a session",
       [](World& world, Options&) { use_environment(world, world.issue(true)); }, 0, true, 0ms},
      {"profile with keys",
       [](World& world, Options&) {
         world.set_config("[default]\n" + keys_of(world.issue(false)));
       },
       0, false, 0ms},
      {"profile with keys of a session",
       [](World& world, Options&) { world.set_config("[default]\n" + keys_of(world.issue(true))); },
       0, true, 0ms},
      {"role with source_profile",
       [](World& world, Options&) {
         world.set_config("[default]\n" + role("shop") + "source_profile = base\n[profile base]\n" +
                          keys_of(world.base_keys()));
       },
       1, true, 2500ms},
      {"two roles",
       [](World& world, Options&) {
         world.set_config("[default]\n" + role("shop") + "source_profile = middle\n" +
                          "[profile middle]\n" + role("middle") +
                          "source_profile = base\n[profile base]\n" + keys_of(world.base_keys()));
       },
       2, true, 2500ms},
      {"role with credential_source = Environment",
       [](World& world, Options& options) {
         // Named, so that the keys of the environment do not come first.
         options.profile = "shop";
         use_environment(world, world.base_keys());
         world.set_config("[profile shop]\n" + role("shop") + "credential_source = Environment\n");
       },
       1, true, 2500ms},
      {"role with credential_source = EcsContainer",
       [](World& world, Options&) {
         use_container(world);
         world.set_config("[default]\n" + role("shop") + "credential_source = EcsContainer\n");
       },
       2, true, 2500ms},
      {"role with credential_source = Ec2InstanceMetadata",
       [](World& world, Options&) {
         world.set("AWS_EC2_METADATA_DISABLED", "false");
         world.set_config("[default]\n" + role("shop") +
                          "credential_source = Ec2InstanceMetadata\n");
       },
       4, true, 900ms},
      {"web identity of the environment",
       [](World& world, Options&) {
         world.platform->inner.set_file("/var/token", world.secrets.web_identity + "\n");
         world.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/token");
         world.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/shop");
       },
       1, true, 2500ms},
      {"web identity of a profile",
       [](World& world, Options&) {
         world.platform->inner.set_file("/var/token", world.secrets.web_identity);
         world.set_config("[default]\n" + role("shop") + "web_identity_token_file = /var/token\n");
       },
       1, true, 2500ms},
      {"SSO with a session",
       [](World& world, Options&) {
         world.set_config("[default]\nsso_session = work\n" + std::string{sso_properties} +
                          "[sso-session work]\nsso_region = us-east-1\nsso_start_url = "
                          "https://work\n");
         write_sso_token(world, 8h);
       },
       1, true, 2500ms},
      {"SSO with a session, its token about to expire",
       [](World& world, Options&) {
         world.set_config("[default]\nsso_session = work\n" + std::string{sso_properties} +
                          "[sso-session work]\nsso_region = us-east-1\nsso_start_url = "
                          "https://work\n");
         write_sso_token(world, 2min);
       },
       2, true, 2500ms},
      {"SSO without a session",
       [](World& world, Options&) {
         world.set_config("[default]\nsso_region = us-east-1\nsso_start_url = https://work\n" +
                          std::string{sso_properties});
         // The SHA-1 of "https://work".
         world.platform->inner.set_file(
             "/home/user/.aws/sso/cache/e0e0816876468b904756f7350377f655d1fe5d0e.json",
             World::json(
                 {{"accessToken", world.secrets.sso_token}, {"expiresAt", world.time(12h)}}));
       },
       1, true, 2500ms},
      {"login session",
       [](World& world, Options&) {
         world.set_config("[default]\nlogin_session = me\n");
         const personalize_events::Credentials keys = world.issue(true);
         std::string text = World::json({{"clientId", "client"},
                                         {"refreshToken", world.secrets.refresh_token},
                                         {"dpopKey", kEs256PrivateKey}});
         text.insert(1, R"("accessToken":)" +
                            World::json({{"accessKeyId", keys.access_key_id},
                                         {"secretAccessKey", keys.secret_access_key},
                                         {"sessionToken", keys.session_token},
                                         {"accountId", "123456789012"},
                                         {"expiresAt", world.time(world.lifetime)}}) +
                            ",");
         // The SHA-256 of "me".
         world.platform->inner.set_file(
             "/home/user/.aws/login/cache/"
             "2744ccd10c7533bd736ad890f9dd5cab2adb27b07d500b9493f29cdc420cb2e0.json",
             text);
       },
       0, true, 2500ms},
      {"credential_process",
       [](World& world, Options&) {
         world.set_config("[default]\ncredential_process = /bin/keys\n");
       },
       1, true, 2500ms},
      {"container, relative URI", [](World& world, Options&) { use_container(world); }, 1, true,
       2500ms},
      {"container, full URI",
       [](World& world, Options&) {
         world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:8080/keys");
         world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/container-token");
         world.platform->inner.set_file("/var/container-token", world.secrets.container_token);
       },
       1, true, 2500ms},
      {"instance metadata",
       [](World& world, Options&) { world.set("AWS_EC2_METADATA_DISABLED", "false"); }, 3, true,
       900ms},
      {"Amazon Cognito",
       [](World& world, Options& options) {
         options.credentials = personalize_events::cognito_credentials(
             {"", "us-east-1:1111-2222", {{"accounts.google.com", world.secrets.cognito_login}}},
             {world.shared_from_this(), world.platform});
       },
       2, true, 2500ms},
      {"AWS IoT",
       [](World& world, Options& options) {
         options.credentials = personalize_events::iot_credentials(
             {"device.credentials.iot.us-east-1.amazonaws.com", "shop"},
             {world.shared_from_this(), world.platform});
       },
       1, true, 2500ms},
      {"AWS STS",
       [](World& world, Options& options) {
         personalize_events::AssumeRoleOptions assumed;
         assumed.role_arn = "arn:aws:iam::123456789012:role/shop";
         assumed.region = "us-east-1";
         options.credentials = personalize_events::assume_role_credentials(
             assumed, personalize_events::static_credentials(world.base_keys()),
             {world.shared_from_this(), world.platform});
       },
       1, true, 2500ms},
  };
  return rows;
}

}  // namespace test

#endif

// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/explain.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;

namespace {

// A machine, and the options of a program on it.
struct World {
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  pe::ClientOptions options{};

  World() {
    options.platform = platform;
    set("HOME", "/home/user");
    set("AWS_EC2_METADATA_DISABLED", "true");
  }
  World& set(const std::string& name, const std::string& value) {
    platform->set_environment(name, value);
    return *this;
  }
  World& config(const std::string& text) {
    platform->set_file("/home/user/.aws/config", text);
    return *this;
  }
  std::string told() const { return pe::explain(options); }
  // The line of a setting, without its name.
  std::string line(const std::string& name) const {
    const std::string account = told();
    const std::size_t begin = account.find("\n" + name + " ");
    REQUIRE(begin != std::string::npos);
    const std::size_t value = account.find_first_not_of(' ', begin + 1 + name.size());
    return account.substr(value, account.find('\n', value) - value);
  }
};

}  // namespace

TEST_CASE("An account of nothing but defaults") {
  World world;
  world.set("AWS_REGION", "eu-west-1");
  const std::string expected =
      "personalize-events " PERSONALIZE_EVENTS_VERSION
      "\n"
      "config file           /home/user/.aws/config (does not exist)  [default]\n"
      "credentials file      /home/user/.aws/credentials (does not exist)  [default]\n"
      "profile               default  [default]\n"
      "region                eu-west-1  [AWS_REGION]\n"
      "FIPS                  off  [default]\n"
      "dual stack            off  [default]\n"
      "endpoint              https://personalize-events.eu-west-1.amazonaws.com  [the region's]\n"
      "retry mode            standard  [default]\n"
      "attempts              3  [default]\n"
      "app id                none  [default]\n"
      "authorities           libcurl's own  [default]\n"
      "retry quota           500  [default]\n"
      "attempt timeout       5000 ms  [default]\n"
      "call timeout          10000 ms  [default]\n"
      "validation            by the service model  [default]\n"
      "transport             libcurl  [default]\n"
      "connect timeout       3100 ms  [default]\n"
      "connections           50  [default]\n"
      "proxy                 none  [default]\n"
      "credentials           NONE: no provider has any  [default chain]\n";
  CHECK(world.told().substr(0, expected.size()) == expected);
}

TEST_CASE("Each setting names the variable that it comes from") {
  World world;
  world.set("AWS_CONFIG_FILE", "/etc/aws")
      .set("AWS_PROFILE", "shop")
      .set("AWS_DEFAULT_REGION", "us-gov-west-1")
      .set("AWS_USE_FIPS_ENDPOINT", "true")
      .set("AWS_USE_DUALSTACK_ENDPOINT", "TRUE")
      .set("AWS_RETRY_MODE", "adaptive")
      .set("AWS_MAX_ATTEMPTS", "5")
      .set("AWS_CA_BUNDLE", "/etc/ca.pem")
      .set("AWS_SDK_UA_APP_ID", "shop-app")
      .set("HTTPS_PROXY", "http://user:password@proxy:3128");
  world.platform->set_file("/etc/aws", "[profile shop]\n");
  CHECK(world.line("config file") == "/etc/aws  [AWS_CONFIG_FILE]");
  CHECK(world.line("profile") == "shop  [AWS_PROFILE]");
  CHECK(world.line("region") == "us-gov-west-1  [AWS_DEFAULT_REGION]");
  CHECK(world.line("FIPS") == "on  [AWS_USE_FIPS_ENDPOINT]");
  CHECK(world.line("dual stack") == "on  [AWS_USE_DUALSTACK_ENDPOINT]");
  CHECK(world.line("endpoint") ==
        "https://personalize-events-fips.us-gov-west-1.api.aws  [the region's]");
  CHECK(world.line("retry mode") == "adaptive  [AWS_RETRY_MODE]");
  CHECK(world.line("attempts") == "5  [AWS_MAX_ATTEMPTS]");
  CHECK(world.line("authorities") == "/etc/ca.pem  [AWS_CA_BUNDLE]");
  CHECK(world.line("app id") == "shop-app  [AWS_SDK_UA_APP_ID]");
  CHECK(world.line("proxy") == "libcurl decides  [HTTPS_PROXY]");
}

TEST_CASE("Each setting names the file and line that it comes from") {
  World world;
  world.config(
      "[default]\n"
      "region = ap-south-1\n"
      "use_fips_endpoint = true\n"
      "use_dualstack_endpoint = true\n"
      "retry_mode = adaptive\n"
      "max_attempts = 7\n"
      "ca_bundle = /etc/ca.pem\n"
      "sdk_ua_app_id = shop-app\n");
  const std::string file = "  [/home/user/.aws/config:";
  CHECK(world.line("region") == "ap-south-1" + file + "2]");
  CHECK(world.line("FIPS") == "on" + file + "3]");
  CHECK(world.line("dual stack") == "on" + file + "4]");
  CHECK(world.line("retry mode") == "adaptive" + file + "5]");
  CHECK(world.line("attempts") == "7" + file + "6]");
  CHECK(world.line("authorities") == "/etc/ca.pem" + file + "7]");
  CHECK(world.line("app id") == "shop-app" + file + "8]");
}

TEST_CASE("Each setting names the option that it comes from") {
  World world;
  pe::ClientOptions& options = world.options;
  options.region = "us-east-1";
  options.profile = "default";
  options.use_fips = false;
  options.use_dual_stack = true;
  options.retry = {pe::RetryMode::Adaptive, 1, 100};
  options.attempt_timeout = std::chrono::seconds{1};
  options.call_timeout = std::chrono::seconds{2};
  options.validation = pe::Validation::WellFormedOnly;
  options.app_id = "app";
  options.http.connect_timeout = std::chrono::milliseconds{500};
  options.http.max_connections = 4;
  options.http.proxy = "proxy:1";
  options.http.ca_path = "/etc/certificates";
  options.http.client_certificate = "/etc/device.pem";
  options.http.client_key = "/etc/device.key";
  options.credentials = pe::static_credentials({"AKIAIOSFODNN7EXAMPLE", "secret"});
  const std::vector<std::pair<const char*, const char*>> lines{
      {"region", "us-east-1  [ClientOptions.region]"},
      {"FIPS", "off  [ClientOptions.use_fips]"},
      {"dual stack", "on  [ClientOptions.use_dual_stack]"},
      {"retry mode", "adaptive  [ClientOptions.retry.mode]"},
      {"attempts", "1  [ClientOptions.retry.max_attempts]"},
      {"retry quota", "100  [ClientOptions.retry.quota]"},
      {"attempt timeout", "1000 ms  [ClientOptions.attempt_timeout]"},
      {"call timeout", "2000 ms  [ClientOptions.call_timeout]"},
      {"validation", "well-formedness only  [ClientOptions.validation]"},
      {"app id", "app  [ClientOptions.app_id]"},
      {"connect timeout", "500 ms  [ClientOptions.http.connect_timeout]"},
      {"connections", "4  [ClientOptions.http.max_connections]"},
      {"proxy", "proxy:1  [ClientOptions.http.proxy]"},
      {"authorities", "/etc/certificates  [ClientOptions.http.ca_path]"},
      {"client certificate", "/etc/device.pem  [ClientOptions.http.client_certificate]"},
      {"client key", "/etc/device.key  [ClientOptions.http.client_key]"},
  };
  // "default" exists even where no file does only when nobody names it.
  world.config("[default]\n");
  CHECK(world.line("profile") == "default  [ClientOptions.profile]");
  for (const auto& [name, line] : lines) {
    CAPTURE(name);
    CHECK(world.line(name) == line);
  }
  CHECK_THAT(world.told(),
             test::ContainsSubstring("\ncredentials           a function of the program  "
                                     "[ClientOptions.credentials]\n"));
}

TEST_CASE("The endpoint: given, service variable, variable, services, profile, ignored") {
  World world;
  world.config(
      "[default]\nregion = eu-west-1\nservices = local\nendpoint_url = https://five.example.com\n"
      "[services local]\npersonalize_events =\n  endpoint_url = https://four.example.com\n");
  CHECK(world.line("endpoint") == "https://four.example.com  [/home/user/.aws/config:7]");
  world.set("AWS_ENDPOINT_URL", "https://three.example.com");
  CHECK(world.line("endpoint") == "https://three.example.com  [AWS_ENDPOINT_URL]");
  world.set("AWS_ENDPOINT_URL_PERSONALIZE_EVENTS", "https://two.example.com/base/");
  CHECK(world.line("endpoint") ==
        "https://two.example.com/base  [AWS_ENDPOINT_URL_PERSONALIZE_EVENTS]");
  world.set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
  CHECK(world.line("endpoint") ==
        "https://personalize-events.eu-west-1.amazonaws.com  [the region's; others ignored by "
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS]");
  world.options.endpoint_url = "http://127.0.0.1:8080";
  CHECK(world.line("endpoint") == "http://127.0.0.1:8080  [ClientOptions.endpoint_url]");
  world.options.use_fips = true;
  CHECK_THAT(world.line("endpoint"), test::ContainsSubstring("WRONG: Invalid Configuration: FIPS"));
}

TEST_CASE("A region that nothing names may come from instance metadata") {
  World world;
  CHECK_THAT(world.line("region"), test::ContainsSubstring("WRONG: no region"));
  CHECK(world.line("endpoint") == "unknown without the settings above");
  world.platform->unset_environment("AWS_EC2_METADATA_DISABLED");
  CHECK(world.line("region") ==
        "none named; instance metadata would be asked: http://169.254.169.254, if this is an EC2 "
        "instance");
  world.set("AWS_ENDPOINT_URL", "https://example.com");
  CHECK(world.line("endpoint") == "https://example.com  [AWS_ENDPOINT_URL]");
}

TEST_CASE("A wrong setting is told in its line, and the others follow") {
  World world;
  world.set("AWS_REGION", "nowhere!")
      .set("AWS_USE_FIPS_ENDPOINT", "perhaps")
      .set("AWS_RETRY_MODE", "sometimes")
      .set("AWS_MAX_ATTEMPTS", "0")
      .set("AWS_SDK_UA_APP_ID", "a b")
      .set("AWS_CA_BUNDLE", "/etc/ca.pem")
      .set("AWS_PROFILE", "absent");
  CHECK_THAT(world.line("profile"), test::ContainsSubstring("WRONG: there is no profile"));
  CHECK_THAT(world.line("region"), test::ContainsSubstring("WRONG: not a region"));
  CHECK(world.line("FIPS") == "WRONG: must be true or false  [AWS_USE_FIPS_ENDPOINT]");
  CHECK(world.line("endpoint") == "unknown without the settings above");
  CHECK_THAT(world.line("retry mode"), test::ContainsSubstring("WRONG: not a retry mode"));
  CHECK_THAT(world.line("attempts"), test::ContainsSubstring("WRONG: must be a whole number"));
  CHECK_THAT(world.line("app id"), test::ContainsSubstring("WRONG: must be at most 50"));
  CHECK(world.line("authorities") == "/etc/ca.pem  [AWS_CA_BUNDLE]");
  CHECK(world.line("connections") == "50  [default]");
  CHECK_THAT(world.line("  2 profile"), test::ContainsSubstring("WRONG: there is no profile"));
}

TEST_CASE("Shared files that are broken, absent or out of reach") {
  World world;
  world.set("AWS_REGION", "eu-west-1").config("[default]\nSECRET\n");
  CHECK_THAT(world.line("profile"), test::ContainsSubstring("WRONG: Expected an '=' sign") &&
                                        test::ContainsSubstring("[/home/user/.aws/config:2]"));
  CHECK(world.line("region") == "eu-west-1  [AWS_REGION]");
  world.platform->set_file("/home/user/.aws/config",
                           pe::detail::make_error(pe::ErrorKind::Configuration,
                                                  "/home/user/.aws/config", "no permission"));
  CHECK(world.line("config file") == "/home/user/.aws/config (no permission)  [default]");
  CHECK_THAT(world.line("profile"), test::ContainsSubstring("WRONG: no permission"));
  world.platform->unset_environment("HOME");
  CHECK(world.line("config file") == "none: HOME is not set  [default]");
  CHECK(world.line("profile") == "default  [default]");
}

TEST_CASE("What libcurl does with proxies of the environment is not predicted") {
  World world;
  world.set("AWS_REGION", "eu-west-1")
      .set("https_proxy", "http://user:SECRET@proxy:3128")
      .set("NO_PROXY", "10.0.0.0/8");
  CHECK(world.line("proxy") == "libcurl decides  [https_proxy, NO_PROXY]");
  CHECK(world.told().find("user:SECRET") == std::string::npos);
}

TEST_CASE("A proxy of the options is shown without its password") {
  World world;
  world.set("AWS_REGION", "eu-west-1");
  world.options.http.proxy = "http://user:SECRET@proxy:3128";
  CHECK(world.line("proxy") == "http://***@proxy:3128  [ClientOptions.http.proxy]");
  world.options.http.proxy = "a proxy";
  CHECK(world.line("proxy") ==
        "WRONG: write it like http://proxy.example.com:3128  [ClientOptions.http.proxy]");
}

TEST_CASE("A file of the home folder that this user may not read is ignored, and said to be") {
  World world;
  pe::Error denied = pe::detail::make_error(pe::ErrorKind::Configuration, "/home/user/.aws/config",
                                            "cannot be opened: Permission denied");
  denied.code = "AccessDenied";
  world.set("AWS_REGION", "eu-west-1").platform->set_file("/home/user/.aws/config", denied);
  CHECK(world.line("config file") ==
        "/home/user/.aws/config (cannot be opened: Permission denied; ignored)  [default]");
  CHECK(world.line("profile") == "default  [default]");
  world.set("AWS_CONFIG_FILE", "/home/user/.aws/config");
  CHECK(world.line("config file") ==
        "/home/user/.aws/config (cannot be opened: Permission denied)  [AWS_CONFIG_FILE]");
  CHECK_THAT(world.line("profile"), test::ContainsSubstring("WRONG: cannot be opened"));
}

TEST_CASE("A transport of the program's own is not told of") {
  World world;
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  world.set("AWS_REGION", "eu-west-1").set("HTTPS_PROXY", "http://proxy:3128");
  world.options.transport = transport;
  CHECK(world.line("transport") ==
        "the program's own, with its own settings  [ClientOptions.transport]");
  CHECK(world.told().find("proxy") == std::string::npos);
  CHECK(transport->requests().empty());
}

TEST_CASE("A proxy is shown without its password") {
  CHECK(pe::detail::show_proxy("http://proxy.example.com:3128") == "http://proxy.example.com:3128");
  CHECK(pe::detail::show_proxy("proxy:3128") == "proxy:3128");
  CHECK(pe::detail::show_proxy("socks5h://[::1]:1080/") == "socks5h://[::1]:1080");
  CHECK(pe::detail::show_proxy("http://user:SECRET@proxy:3128") == "http://***@proxy:3128");
  CHECK(pe::detail::show_proxy("http://SECRET@proxy") == "http://***@proxy");
  CHECK(pe::detail::show_proxy("user:SECRET@proxy:3128") == "***@proxy:3128");
}

TEST_CASE("However a password is written, nothing of it is shown") {
  for (const char* url :
       {"http://user:SECRET@S3CRET@proxy:1", "http://user:SEC/RET@proxy", "http://u:SECRET@",
        "http://u:SEC#RET@proxy/path?SECRET", "user://SECRET@proxy", "u:SECRET://SECRET@proxy",
        "http://u:SECRET%40proxy", "http://u:SECRET proxy", "SECRET!", "u:SECRET@proxy/SECRET",
        "http://@SECRET!", "u@x://SECRET@proxy"}) {
    CAPTURE(url);
    const std::string shown = pe::detail::show_proxy(url);
    CHECK(shown.find("SEC") == std::string::npos);
    CHECK(shown.find("S3C") == std::string::npos);
    CHECK(shown.find("RET") == std::string::npos);
  }
}

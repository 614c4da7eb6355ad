// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/config/profile_file.hpp"

#include <string>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;
using pe::testing::VirtualPlatform;

namespace {

pe::detail::Profiles parse(const std::string& config, const std::string& credentials = {}) {
  auto profiles = pe::detail::parse_profiles(config, "config", credentials, "credentials");
  INFO("config: " << config);
  REQUIRE(profiles.has_value());
  return *std::move(profiles);
}

pe::Error error_of(const std::string& config, const std::string& credentials = {}) {
  const auto profiles = pe::detail::parse_profiles(config, "config", credentials, "credentials");
  INFO("config: " << config);
  REQUIRE_FALSE(profiles.has_value());
  CHECK(profiles.error().kind == pe::ErrorKind::Configuration);
  return profiles.error();
}

std::string text_of(const pe::detail::ProfileValue* value) {
  return value == nullptr ? "(none)" : value->text;
}

}  // namespace

TEST_CASE("a property knows its file and line, the credentials file wins") {
  const auto profiles =
      parse("# comment\n[profile a]\r\nregion = r\n\nkey = old", "\n[a]\nkey = new\nother = o");
  const auto* profile = profiles.find_profile("a");
  REQUIRE(profile != nullptr);
  REQUIRE(profile->find("region") != nullptr);
  CHECK(profile->find("region")->where() == "config:3");
  CHECK(text_of(profile->find("key")) == "new");
  CHECK(profile->find("key")->where() == "credentials:3");
  CHECK(profile->find("other")->where() == "credentials:4");
  CHECK(profile->find("none") == nullptr);
  CHECK(profiles.find_profile("b") == nullptr);
  CHECK(profiles.config_file == "config");
  CHECK(profiles.credentials_file == "credentials");
}

TEST_CASE("sub-properties are both text and map") {
  const auto profiles = parse(
      "[services s]\nPersonalize_Events =\n  # indented comment\n  Endpoint_URL = http://a # c\n"
      "  in valid = x\n  empty =\n\n\t twice = 1\n  twice = 2 = 3\nnext = n");
  const auto section = profiles.services.find("s");
  REQUIRE(section != profiles.services.end());
  CHECK(text_of(section->second.find("personalize_events", "endpoint_url")) == "http://a");
  CHECK(section->second.find("personalize_events", "endpoint_url")->where() == "config:4");
  CHECK(text_of(section->second.find("personalize_events", "empty")).empty());
  CHECK(text_of(section->second.find("personalize_events", "twice")) == "2 = 3");
  CHECK(section->second.find("personalize_events", "in valid") == nullptr);
  CHECK(section->second.find("none", "endpoint_url") == nullptr);
  CHECK(text_of(section->second.find("personalize_events")) ==
        "\nEndpoint_URL = http://a # c\nin valid = x\nempty =\ntwice = 1\ntwice = 2 = 3");
  CHECK(text_of(section->second.find("next")) == "n");
}

TEST_CASE("a later definition of a property replaces its sub-properties too") {
  const auto profiles = parse("[profile a]\ns3 =\n  x = 1\ns3 =\n  y = 2");
  const auto* profile = profiles.find_profile("a");
  REQUIRE(profile != nullptr);
  CHECK(profile->find("s3", "x") == nullptr);
  CHECK(text_of(profile->find("s3", "y")) == "2");
}

TEST_CASE("a property with a value has no sub-properties, and keeps indented comments") {
  const auto profiles = parse("[default]\nkey = value\n  a = b\n  # kept");
  const auto* profile = profiles.find_profile("default");
  REQUIRE(profile != nullptr);
  CHECK(text_of(profile->find("key")) == "value\na = b\n# kept");
  CHECK(profile->find("key", "a") == nullptr);
}

TEST_CASE("an indented comment before the first property is a comment") {
  const auto profiles = parse("  # comment\n[default]\n  ; comment\nkey = value");
  REQUIRE(profiles.find_profile("default") != nullptr);
  CHECK(text_of(profiles.find_profile("default")->find("key")) == "value");
}

TEST_CASE("each kind of section belongs in its file") {
  const auto profiles = parse(
      "[default]\na=1\n[sso-session s]\nb=2\n[services v]\nc=3\n[plugins]\nd=4\n[profile]\ne=5\n"
      "[services]\nf=6\n[]\ng=7\n[ ]\nh=8",
      "[services v]\nx=1\n[sso-session s]\nx=1\n[default]\nx=2");
  CHECK(profiles.profiles.size() == 1);
  CHECK(profiles.sso_sessions.size() == 1);
  CHECK(profiles.services.size() == 1);
  CHECK(text_of(profiles.sso_sessions.at("s").find("b")) == "2");
  CHECK(text_of(profiles.services.at("v").find("c")) == "3");
  CHECK(text_of(profiles.find_profile("default")->find("a")) == "1");
  CHECK(text_of(profiles.find_profile("default")->find("x")) == "2");
  CHECK(profiles.services.at("v").find("x") == nullptr);
}

TEST_CASE("names of profiles keep their case, keys do not") {
  const auto profiles = parse("[profile A]\nKEY = 1\n[profile a]\nKey = 2");
  CHECK(text_of(profiles.find_profile("A")->find("key")) == "1");
  CHECK(text_of(profiles.find_profile("a")->find("key")) == "2");
}

TEST_CASE("a continuation of an ignored property stays ignored") {
  const auto profiles = parse("[profile a]\nin valid = x\n  more\nkey = 1\n[x y]\nkey = 2\n  more");
  CHECK(profiles.find_profile("a")->properties.size() == 1);
  CHECK(profiles.profiles.size() == 1);
}

TEST_CASE("a byte order mark and a missing last line feed do no harm") {
  CHECK(text_of(parse("\xEF\xBB\xBF[default]\nkey = 1").find_profile("default")->find("key")) ==
        "1");
  CHECK(text_of(parse("[default]\r\nkey = 1\r\n").find_profile("default")->find("key")) == "1");
}

TEST_CASE("a malformed line is named by file and line, and is not shown") {
  const auto check = [](const pe::Error& error, const char* where, const char* what) {
    CHECK(error.where == where);
    CHECK_THAT(error.message, test::ContainsSubstring(what));
    CHECK(pe::to_string(error).find("secret") == std::string::npos);
  };
  check(error_of("\n[profile secret"), "config:2", "must end with ']'");
  check(error_of("["), "config:1", "must end with ']'");
  check(error_of("[profile a] secret"), "config:1", "must end with ']'");
  check(error_of("# c\n\nsecret = x"), "config:3", "Expected a profile definition");
  check(error_of("", "[a]\n\nsecret"), "credentials:3", "Expected an '=' sign");
  check(error_of("[a b]\n= secret"), "config:2", "did not have a name");
  check(error_of("[default]\ns3 =\n  secret"), "config:3", "sub-property");
  check(error_of("[default]\ns3 =\n  = secret"), "config:3", "Sub-property did not have a name");
  check(error_of("[default]\n secret"), "config:2", "found continuation");
}

TEST_CASE("the files are found by variables, home and tilde") {
  VirtualPlatform platform;
  auto locations = pe::detail::profile_locations(platform, pe::detail::PathStyle::Posix);
  CHECK(locations.config.empty());
  CHECK(locations.credentials.empty());

  platform.set_environment("HOME", "/home/u");
  platform.set_environment("AWS_CONFIG_FILE", "~/c");
  platform.set_environment("AWS_SHARED_CREDENTIALS_FILE", "~");
  locations = pe::detail::profile_locations(platform, pe::detail::PathStyle::Posix);
  CHECK(locations.config == "/home/u/c");
  CHECK(locations.credentials == "/home/u");

  platform.set_environment("AWS_CONFIG_FILE", "~other/c");
  platform.set_environment("AWS_SHARED_CREDENTIALS_FILE", " ");
  locations = pe::detail::profile_locations(platform, pe::detail::PathStyle::Posix);
  CHECK(locations.config == "~other/c");
  CHECK(locations.credentials == "/home/u/.aws/credentials");

  platform.set_environment("AWS_CONFIG_FILE", "~\\c");
  CHECK(pe::detail::profile_locations(platform, pe::detail::PathStyle::Posix).config == "~\\c");
  CHECK(pe::detail::profile_locations(platform, pe::detail::PathStyle::Windows).config ==
        "/home/u\\c");

  platform.unset_environment("HOME");
  platform.set_environment("AWS_CONFIG_FILE", "~/c");
  platform.set_environment("USERPROFILE", "C:\\u");
  CHECK(pe::detail::profile_locations(platform, pe::detail::PathStyle::Posix).config == "~/c");
  CHECK(pe::detail::profile_locations(platform, pe::detail::PathStyle::Windows).config ==
        "C:\\u/c");
}

TEST_CASE("missing files are empty, and nothing else is read") {
  VirtualPlatform platform;
  platform.set_environment("HOME", "/home/u");
  const auto profiles = pe::detail::load_profiles(platform, pe::detail::PathStyle::Posix);
  REQUIRE(profiles.has_value());
  CHECK(profiles->profiles.empty());
  CHECK(profiles->config_file == "/home/u/.aws/config");
  CHECK(platform.files_read() ==
        std::vector<std::string>{"/home/u/.aws/config", "/home/u/.aws/credentials"});

  VirtualPlatform homeless;
  CHECK(pe::detail::load_profiles(homeless, pe::detail::PathStyle::Posix).has_value());
  CHECK(homeless.files_read().empty());
}

TEST_CASE("both files are read and merged") {
  VirtualPlatform platform;
  platform.set_environment("HOME", "/home/u");
  platform.set_file("/home/u/.aws/config", "[default]\nregion = eu-west-1");
  platform.set_file("/home/u/.aws/credentials", "[default]\naws_access_key_id = A");
  const auto profiles = pe::detail::load_profiles(platform, pe::detail::PathStyle::Posix);
  REQUIRE(profiles.has_value());
  REQUIRE(profiles->find_profile("default") != nullptr);
  CHECK(text_of(profiles->find_profile("default")->find("region")) == "eu-west-1");
  CHECK(profiles->find_profile("default")->find("aws_access_key_id")->where() ==
        "/home/u/.aws/credentials:2");
}

TEST_CASE("names of sections may be in quotes, and have more than letters") {
  const auto profiles = parse(
      "[profile \"two words\"]\na = 1\n[profile 'Foo Bar']\na = 2\n[profile ~x]\na = 3\n"
      "[profile \xC3\xBC]\na = 4\n[sso-session 'My Corp Ltd']\na = 5\n[profile two words]\na = 6\n"
      "[profile foo!bar]\na = 7\n[profile \"open]\na = 7\n[profile \"\"]\na = 8\n",
      "[\"two words\"]\nb = 9\n[in valid]\na = 1\n");
  const auto value = [&profiles](const char* name) {
    const auto* profile = profiles.find_profile(name);
    return profile == nullptr ? std::string{"(no profile)"} : text_of(profile->find("a"));
  };
  CHECK(value("two words") == "1");
  CHECK(text_of(profiles.find_profile("two words")->find("b")) == "9");
  CHECK(value("Foo Bar") == "2");
  CHECK(value("~x") == "3");
  CHECK(value("\xC3\xBC") == "4");
  CHECK(profiles.sso_sessions.count("My Corp Ltd") == 1);
  CHECK(profiles.profiles.size() == 4);
}

TEST_CASE("an unreadable file is an error that names it") {
  VirtualPlatform platform;
  platform.set_environment("AWS_CONFIG_FILE", "/c");
  platform.set_environment("AWS_SHARED_CREDENTIALS_FILE", "/s");
  platform.set_file("/s", pe::detail::make_error(pe::ErrorKind::Storage, "/s", "cannot be read"));
  auto profiles = pe::detail::load_profiles(platform, pe::detail::PathStyle::Posix);
  REQUIRE_FALSE(profiles.has_value());
  CHECK(profiles.error().kind == pe::ErrorKind::Configuration);
  CHECK(profiles.error().where == "/s");
  CHECK_THAT(profiles.error().message, test::ContainsSubstring("cannot be read"));
  CHECK_THAT(profiles.error().message, test::ContainsSubstring("AWS_SHARED_CREDENTIALS_FILE"));
}

TEST_CASE("all properties of a section may be indented") {
  const auto profiles = pe::detail::parse_profiles(
      "[profile a]\n  region = x\n  # comment\n  output = json\n    more\n  services =\n"
      "    nested = 1\n  last = 2\n[profile b]\nregion = y\n  z = 1\n",
      "config", "", "credentials");
  REQUIRE(profiles.has_value());
  const pe::detail::ProfileSection& a = *profiles->find_profile("a");
  CHECK(a.find("region")->text == "x");
  CHECK(a.find("output")->text == "json\nmore");
  CHECK(a.find("services", "nested")->text == "1");
  CHECK(a.find("last")->text == "2");
  CHECK(a.find("region")->where() == "config:2");
  CHECK(profiles->find_profile("b")->find("region")->text == "y\nz = 1");
}

TEST_CASE("the files of a machine may have names that the AWS CLI takes") {
  VirtualPlatform platform;
  platform.set_environment("AWS_CONFIG_FILE", "/c");
  platform.set_environment("AWS_SHARED_CREDENTIALS_FILE", "/s");
  platform.set_file("/c", "[profile a!b~c]\nx = 1\n[profile a b]\nx = 6\n[profile a'b]\nx = 7\n");
  platform.set_file("/s", "[d!]\nx = 8\n");
  const auto profiles = pe::detail::load_profiles(platform, pe::detail::PathStyle::Posix);
  REQUIRE(profiles.has_value());
  CHECK(profiles->profiles.size() == 2);
  CHECK(profiles->find_profile("a!b~c")->find("x")->text == "1");
  CHECK(profiles->find_profile("d!")->find("x")->text == "8");
}

TEST_CASE("a malformed line makes its section unusable, and no other") {
  VirtualPlatform platform;
  platform.set_environment("AWS_CONFIG_FILE", "/c");
  platform.set_environment("AWS_SHARED_CREDENTIALS_FILE", "/s");
  platform.set_file(
      "/c",
      "[profile a]\nregion = us-east-1\nSECRET\nSECRET\n[profile b]\nregion = us-east-2\n"
      "[services s]\n= SECRET\n[sso-session t]\n  SECRET\n");
  platform.set_file("/s", "[b]\naws_access_key_id = id\n[c]\nSECRET\n[d]\nx = y\n");
  const auto profiles = pe::detail::load_profiles(platform, pe::detail::PathStyle::Posix);
  REQUIRE(profiles.has_value());
  CHECK_FALSE(profiles->malformed);
  const auto where_of = [](const pe::detail::ProfileSections& sections, const char* name) {
    const auto found = sections.find(name);
    REQUIRE(found != sections.end());
    const auto& malformed = found->second.malformed;
    if (malformed) CHECK(malformed->message.find("SECRET") == std::string::npos);
    return malformed ? malformed->where : std::string{"none"};
  };
  CHECK(where_of(profiles->profiles, "a") == "/c:3");
  CHECK(where_of(profiles->profiles, "b") == "none");
  CHECK(where_of(profiles->profiles, "c") == "/s:4");
  CHECK(where_of(profiles->profiles, "d") == "none");
  CHECK(where_of(profiles->services, "s") == "/c:8");
  CHECK(where_of(profiles->sso_sessions, "t") == "/c:10");
  CHECK(profiles->find_profile("b")->find("region")->text == "us-east-2");
  CHECK(profiles->find_profile("b")->find("aws_access_key_id")->text == "id");
}

TEST_CASE("lines below a malformed header belong to no section") {
  VirtualPlatform platform;
  platform.set_environment("AWS_CONFIG_FILE", "/c");
  platform.set_file("/c", "[profile a]\nx = 1\n[profile b\nx = 2\n  y\n[profile c]\nx = 3\n");
  const auto profiles = pe::detail::load_profiles(platform, pe::detail::PathStyle::Posix);
  REQUIRE(profiles.has_value());
  REQUIRE(profiles->malformed);
  CHECK(profiles->malformed->where == "/c:3");
  CHECK(profiles->find_profile("a")->find("x")->text == "1");
  CHECK(profiles->find_profile("b") == nullptr);
  CHECK(profiles->find_profile("c")->find("x")->text == "3");
}

TEST_CASE("a file of the home folder that this user may not read is empty, a named one an error") {
  VirtualPlatform platform;
  platform.set_environment("HOME", "/home/user");
  pe::Error denied =
      pe::detail::make_error(pe::ErrorKind::Configuration, "/f", "cannot be opened: denied");
  denied.code = "AccessDenied";
  platform.set_file("/home/user/.aws/config", denied);
  platform.set_file("/home/user/.aws/credentials", denied);
  CHECK(pe::detail::load_profiles(platform, pe::detail::PathStyle::Posix).has_value());
  platform.set_environment("AWS_CONFIG_FILE", "/home/user/.aws/config");
  const auto named = pe::detail::load_profiles(platform, pe::detail::PathStyle::Posix);
  REQUIRE_FALSE(named.has_value());
  CHECK_THAT(named.error().message, test::ContainsSubstring("AWS_CONFIG_FILE"));
}

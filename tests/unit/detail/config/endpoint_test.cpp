// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/config/endpoint.hpp"

#include <string>

#include "catch.hpp"

namespace pe = personalize_events;

namespace {

pe::detail::Endpoint parse(const std::string& url) {
  INFO("url: " << url);
  const auto endpoint = pe::detail::parse_endpoint_url(url);
  REQUIRE(endpoint.has_value());
  CHECK(endpoint->url == endpoint->scheme + "://" + endpoint->host + endpoint->base_path);
  return *endpoint;
}

std::string message_of(const std::string& url) {
  INFO("url: " << url);
  const auto endpoint = pe::detail::parse_endpoint_url(url);
  REQUIRE_FALSE(endpoint.has_value());
  CHECK(endpoint.error().kind == pe::ErrorKind::Configuration);
  CHECK(endpoint.error().where == "endpoint_url");
  return endpoint.error().message;
}

}  // namespace

TEST_CASE("a custom endpoint keeps its port and base path") {
  const pe::detail::Endpoint endpoint = parse("http://127.0.0.1:8080/a/b");
  CHECK(endpoint.scheme == "http");
  CHECK(endpoint.host == "127.0.0.1:8080");
  CHECK(endpoint.base_path == "/a/b");
  CHECK(endpoint.url == "http://127.0.0.1:8080/a/b");
}

TEST_CASE("an endpoint is normalized as its Host header is") {
  CHECK(parse("HTTPS://Example.COM").url == "https://example.com");
  CHECK(parse("https://example.com:443/").url == "https://example.com");
  CHECK(parse("https://example.com:80").host == "example.com:80");
  CHECK(parse("http://example.com:80").host == "example.com");
  CHECK(parse("http://example.com:0080").host == "example.com");
  CHECK(parse("http://example.com:443").host == "example.com:443");
  CHECK(parse("http://example.com:65535///").url == "http://example.com:65535");
  CHECK(parse("http://a/b%20c//").base_path == "/b%20c");
  CHECK(parse("http://local_stack").host == "local_stack");
  CHECK(parse("http://[::1]:4566/x").host == "[::1]:4566");
  CHECK(parse("https://[FD00:EC2::23]:443").host == "[fd00:ec2::23]");
  CHECK(parse("http://a/-._~!$&'()*+,;=:@").base_path == "/-._~!$&'()*+,;=:@");
}

TEST_CASE("an unusable endpoint URL says what is wrong") {
  for (const char* url :
       {"", "example.com", "ftp://example.com", "://a", "http:/a", " http://a", "localhost:8080"}) {
    CHECK_THAT(message_of(url), test::ContainsSubstring("https:// or http://"));
  }
  CHECK_THAT(message_of("http://"), test::ContainsSubstring("no host"));
  CHECK_THAT(message_of("http:///path"), test::ContainsSubstring("no host"));
  CHECK_THAT(message_of("http://:80"), test::ContainsSubstring("no host"));
  CHECK_THAT(message_of("http://a?b"), test::ContainsSubstring("query"));
  CHECK_THAT(message_of("http://a/b?c=d"), test::ContainsSubstring("query"));
  CHECK_THAT(message_of("http://a#b"), test::ContainsSubstring("fragment"));
  for (const char* url :
       {"http://a:", "http://a:0", "http://a:65536", "http://a:99999999999999999999", "http://a:8x",
        "http://a:-1", "http://a:80:80", "http://a:+80", "http://a: 80"}) {
    CHECK_THAT(message_of(url), test::ContainsSubstring("port"));
  }
  for (const char* url : {"http://a b", "http://a..b", "http://.a", "http://a.", "http://\xC3\xA9",
                          "http://a\nb", "http://a\\b", "http://a,b", "http://a%41"}) {
    CHECK_THAT(message_of(url), test::ContainsSubstring("host"));
  }
  CHECK_THAT(message_of("http://" + std::string(64, 'a')), test::ContainsSubstring("host"));
  std::string long_name = "a";
  while (long_name.size() <= 253) long_name += ".a";
  CHECK_THAT(message_of("http://" + long_name), test::ContainsSubstring("host"));
  for (const char* url :
       {"http://a/ ", "http://a/\n", "http://a/%", "http://a/%2", "http://a/%2g", "http://a/./b",
        "http://a/..", "http://a/\"", "http://a/b\\c", "http://a/\xC3\xA9", "http://a/{x}"}) {
    CHECK_THAT(message_of(url), test::ContainsSubstring("path"));
  }
  CHECK_THAT(message_of("http://[::1"), test::ContainsSubstring("bracket"));
  CHECK_THAT(message_of("http://[::1]x"), test::ContainsSubstring("between"));
}

TEST_CASE("an endpoint URL's password is in no message") {
  const std::string message = message_of("http://user:secret@example.com");
  CHECK_THAT(message, test::ContainsSubstring("user name"));
  CHECK(message.find("secret") == std::string::npos);
  CHECK(message_of("http://secret secret").find("secret") == std::string::npos);
}

TEST_CASE("IPv6 addresses are told from what only looks like one") {
  for (const char* good :
       {"::", "::1", "1::", "fe80::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
        "::ffff:127.0.0.1", "1:2:3:4:5:6:1.2.3.4", "2001:db8::a:b"}) {
    CAPTURE(good);
    CHECK(pe::detail::is_ipv6_address(good));
  }
  for (const char* bad : {"",
                          ":",
                          ":::",
                          "1",
                          "1:2",
                          "1:2:3:4:5:6:7:8:9",
                          "1:2:3:4:5:6:7:8::",
                          "1::2::3",
                          "12345::",
                          "g::",
                          "::1%eth0",
                          "1:2:3:4:5:6:7:1.2.3.4",
                          "::1.2.3",
                          "::1.2.3.256",
                          "::1.2.3.4.5",
                          "::1.2.3.4.",
                          "::1.2..4",
                          "1.2.3.4",
                          "1.2.3.4::",
                          "1:2:3:4:5:6:7:",
                          ":1:2:3:4:5:6:7",
                          "::1:"}) {
    CAPTURE(bad);
    CHECK_FALSE(pe::detail::is_ipv6_address(bad));
  }
}

TEST_CASE("a region is a host label") {
  for (const char* good : {"us-east-1", "eu-isoe-west-1", "x", "1a", "US-EAST-1"}) {
    CAPTURE(good);
    CHECK(pe::detail::check_region(good).has_value());
  }
  CHECK(pe::detail::check_region(std::string(63, 'a')).has_value());
  for (const std::string& bad :
       {std::string{}, std::string{"123"}, std::string{"-a"}, std::string{"a-"}, std::string{"a.b"},
        std::string{"a/b"}, std::string{"us east"}, std::string{"us-east-1\n"}, std::string{"a_b"},
        std::string{"@evil.example"}, std::string(64, 'a')}) {
    CAPTURE(bad);
    const auto checked = pe::detail::check_region(bad);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().kind == pe::ErrorKind::Configuration);
    CHECK(checked.error().where == "region");
    CHECK_THAT(checked.error().message, test::ContainsSubstring("us-east-1"));
  }
}

TEST_CASE("a region that is not listed belongs to the partition of its form") {
  const auto id_of = [](const char* region) { return pe::detail::find_partition(region).id; };
  CHECK(id_of("us-north-17") == "aws");
  CHECK(id_of("mx-x_9-1") == "aws");
  CHECK(id_of("cn-west-2") == "aws-cn");
  CHECK(id_of("eusc-de-west-2") == "aws-eusc");
  CHECK(id_of("us-gov-north-1") == "aws-us-gov");
  CHECK(id_of("us-iso-north-3") == "aws-iso");
  CHECK(id_of("us-isob-north-3") == "aws-iso-b");
  CHECK(id_of("eu-isoe-north-3") == "aws-iso-e");
  CHECK(id_of("us-isof-north-3") == "aws-iso-f");
  CHECK(id_of("aws-cn-global") == "aws-cn");
}

TEST_CASE("a region of no known form belongs to the first partition") {
  for (const char* region :
       {"", "mars-north-1", "cn", "cn-", "cn--1", "cn-north-", "cn-north-1a", "cn-north-1-2",
        "xcn-north-1", "cn_north-1", "cn-no.rth-1", "eusc-fr-west-1", "us-gov"}) {
    CAPTURE(region);
    CHECK(pe::detail::find_partition(region).id == "aws");
    CHECK_FALSE(pe::detail::region_has_prefix(region, "cn"));
  }
}

TEST_CASE("errors of resolving name the member at fault") {
  const auto where_of = [](const pe::detail::EndpointParameters& parameters) {
    const auto endpoint = pe::detail::resolve_endpoint(parameters);
    REQUIRE_FALSE(endpoint.has_value());
    CHECK(endpoint.error().kind == pe::ErrorKind::Configuration);
    return endpoint.error().where;
  };
  CHECK(where_of({"", "", false, false}) == "region");
  CHECK(where_of({"a/b", "", false, false}) == "region");
  CHECK(where_of({"us-east-1", "nonsense", false, false}) == "endpoint_url");
  CHECK(where_of({"us-east-1", "https://a", true, false}) == "use_fips");
  CHECK(where_of({"us-east-1", "https://a", true, true}) == "use_fips");
  CHECK(where_of({"us-east-1", "https://a", false, true}) == "use_dual_stack");
}

TEST_CASE("an unknown region gets an endpoint of the first partition") {
  const auto endpoint = pe::detail::resolve_endpoint({"mars-north-1", "", false, false});
  REQUIRE(endpoint.has_value());
  CHECK(endpoint->host == "personalize-events.mars-north-1.amazonaws.com");
  CHECK(endpoint->base_path.empty());
}

TEST_CASE("An endpoint is private over TLS or on this machine") {
  const auto is_private = [](const char* url) {
    const auto endpoint = pe::detail::parse_endpoint_url(url);
    REQUIRE(endpoint.has_value());
    return pe::detail::is_private_endpoint(*endpoint);
  };
  for (const char* url :
       {"https://example.com", "https://example.com:8443", "http://127.0.0.1", "http://127.0.0.2",
        "http://127.255.1.254:9", "http://LocalHost:8080", "http://[::1]", "http://[::1]:8080"}) {
    CAPTURE(url);
    CHECK(is_private(url));
  }
  for (const char* url : {"http://example.com", "http://localhost.example.com", "http://128.0.0.1",
                          "http://127.0.0.1.example.com:80", "http://127.1", "http://127.0.0.01",
                          "http://127.0.0.256", "http://[::2]:8080", "http://169.254.170.2"}) {
    CAPTURE(url);
    CHECK_FALSE(is_private(url));
  }
}

// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/config/proxy.hpp"

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;
using pe::detail::excepts_host;

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

pe::ProxyChoice find(
    const Variables& variables, const std::string& given = {},
    const std::string& url = "https://personalize-events.eu-west-1.amazonaws.com") {
  pe::testing::VirtualPlatform platform;
  for (const auto& [name, value] : variables) platform.set_environment(name, value);
  const auto endpoint = pe::parse_endpoint_url(url);
  REQUIRE(endpoint.has_value());
  return pe::find_proxy(given, *endpoint, platform);
}

}  // namespace

TEST_CASE("The proxy: given, of the scheme, of all; lower case first") {
  Variables variables{{"https_proxy", "a"}, {"HTTPS_PROXY", "b"}, {"all_proxy", "c"},
                      {"ALL_PROXY", "d"},   {"http_proxy", "e"},  {"HTTP_PROXY", "f"}};
  CHECK(find(variables, "x").proxy.value == "x");
  CHECK(find(variables, "x").proxy.source == "ClientOptions.http.proxy");
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    CAPTURE(name);
    CHECK(find(variables).proxy.source == name);
    variables.front().second = "";  // an empty variable counts as not set
    CHECK(find(variables).proxy.source != name);
    variables.erase(variables.begin());
  }
  CHECK(find(variables).proxy.value.empty());
  CHECK(find(variables).proxy.source == "default");
}

TEST_CASE("For plain http only the variable in lower case counts") {
  const char* const url = "http://127.0.0.1:8080";
  CHECK(find({{"HTTP_PROXY", "f"}, {"https_proxy", "a"}}, {}, url).proxy.value.empty());
  CHECK(find({{"http_proxy", "e"}, {"all_proxy", "c"}}, {}, url).proxy.source == "http_proxy");
  CHECK(find({{"ALL_PROXY", "c"}}, {}, url).proxy.source == "ALL_PROXY");
}

TEST_CASE("NO_PROXY excepts the host from a proxy of the environment, not from a given one") {
  const Variables variables{{"HTTPS_PROXY", "b"}, {"NO_PROXY", ".amazonaws.com"}};
  CHECK(find(variables).excepted_by == "NO_PROXY");
  CHECK(find(variables, "x").excepted_by.empty());
  CHECK(find({{"HTTPS_PROXY", "b"}, {"no_proxy", "example.com"}, {"NO_PROXY", "*"}})
            .excepted_by.empty());
  CHECK(find({{"NO_PROXY", "*"}}).excepted_by.empty());
  CHECK(find({{"HTTPS_PROXY", "b"}, {"NO_PROXY", "localhost"}}, {}, "https://localhost:8443")
            .excepted_by == "NO_PROXY");
}

TEST_CASE("An exception is the host, a domain that it is in, or a star") {
  for (const char* list : {"*", "a.example.com", "A.Example.COM", "example.com", ".example.com",
                           "x, example.com", "x example.com,", ",,com", "example.com."}) {
    CAPTURE(list);
    CHECK(excepts_host(list, "a.example.com"));
  }
  for (const char* list : {"", " ", ",", "*.example.com", "ample.com", "b.example.com", "x,*",
                           "a.example.com.org", "10.0.0.0/8"}) {
    CAPTURE(list);
    CHECK_FALSE(excepts_host(list, "a.example.com"));
  }
  CHECK(excepts_host("127.0.0.1", "127.0.0.1"));
  CHECK(excepts_host("[::1]", "::1"));
  CHECK(excepts_host("::1", "::1"));
}

TEST_CASE("A host without port and brackets is bare") {
  CHECK(pe::detail::bare_host("example.com:8443") == "example.com");
  CHECK(pe::detail::bare_host("example.com") == "example.com");
  CHECK(pe::detail::bare_host("[::1]:8443") == "::1");
  CHECK(pe::detail::bare_host("[::1]") == "::1");
  CHECK(pe::detail::bare_host("").empty());
}

TEST_CASE("A proxy is shown without its password") {
  CHECK(pe::show_proxy("http://proxy.example.com:3128") == "http://proxy.example.com:3128");
  CHECK(pe::show_proxy("proxy:3128") == "proxy:3128");
  CHECK(pe::show_proxy("socks5h://[::1]:1080/") == "socks5h://[::1]:1080");
  CHECK(pe::show_proxy("http://user:SECRET@proxy:3128") == "http://***@proxy:3128");
  CHECK(pe::show_proxy("http://SECRET@proxy") == "http://***@proxy");
  CHECK(pe::show_proxy("user:SECRET@proxy:3128") == "***@proxy:3128");
}

TEST_CASE("However a password is written, nothing of it is shown") {
  for (const char* url :
       {"http://user:SECRET@S3CRET@proxy:1", "http://user:SEC/RET@proxy", "http://u:SECRET@",
        "http://u:SEC#RET@proxy/path?SECRET", "user://SECRET@proxy", "u:SECRET://SECRET@proxy",
        "http://u:SECRET%40proxy", "http://u:SECRET proxy", "SECRET!", "u:SECRET@proxy/SECRET",
        "http://@SECRET!", "u@x://SECRET@proxy"}) {
    CAPTURE(url);
    const std::string shown = pe::show_proxy(url);
    CHECK(shown.find("SEC") == std::string::npos);
    CHECK(shown.find("S3C") == std::string::npos);
    CHECK(shown.find("RET") == std::string::npos);
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// Thousands of scenarios with planted secrets: every provider of credentials meets services that
// echo the whole request or a secret of it, in many encodings and at every place of a response;
// files, variables and processes hold secrets where something else should stand; real servers,
// proxies and processes repeat them. No error, attempt, fault, rejected file or text of explain()
// shows a secret, or eight characters in a row of one.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/base64.hpp"
#include "personalize_events/detail/base/uri.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/explain.hpp"
#include "personalize_events/make_client.hpp"
#include "personalize_events/make_recorder.hpp"
#include "support/client_world.hpp"
#include "support/credential_providers.hpp"
#include "support/credential_services.hpp"
#include "support/raw_server.hpp"
#include "support/sanitizers.hpp"
#include "support/temporary_folder.hpp"
#include "support/tls_server.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using test::CredentialProvider;
using test::CredentialWorld;
using test::planted_text;

namespace {

// --- What counts as a leak
// -------------------------------------------------------------------------

/// Pieces of eight characters of secrets, and of their base64, in any letter case.
class Needles {
 public:
  void add(const std::string& secret) {
    add_pieces(secret);
    for (std::size_t before = 0; before < 3; ++before) {
      const std::string coded = pe::detail::to_base64url(std::string(before, 'x') + secret);
      // The ends depend on what is before and behind.
      if (coded.size() > 16) add_pieces(coded.substr(4, coded.size() - 8));
    }
  }
  void add(const std::vector<std::string>& secrets) {
    for (const std::string& secret : secrets) add(secret);
  }

  /// The first secret piece that a text shows, as it is or broken by what is no letter or digit;
  /// empty if there is none.
  [[nodiscard]] std::string found_in(const std::string& text) const {
    const std::string lower = pe::detail::to_lower(text);
    std::string joined;
    for (const char c : lower) {
      if (pe::detail::is_letter(c) || pe::detail::is_digit(c)) joined.push_back(c);
    }
    for (const std::string* searched : {&lower, static_cast<const std::string*>(&joined)}) {
      for (std::size_t at = 0; at + kSize <= searched->size(); ++at) {
        std::string piece = searched->substr(at, kSize);
        if (pieces_.count(piece) != 0) return piece;
      }
    }
    return {};
  }

 private:
  static constexpr std::size_t kSize = 8;

  void add_pieces(const std::string& given) {
    const std::string text = pe::detail::to_lower(given);
    for (std::size_t at = 0; at + kSize <= text.size(); ++at) {
      pieces_.insert(text.substr(at, kSize));
    }
  }

  std::unordered_set<std::string> pieces_{};
};

// Scenarios, and those of them that reported an error or a text.
struct Count {
  int scenarios{0};
  int reports{0};
  int leaks{0};
};

Count& count() {
  static Count all;
  return all;
}

// What a scenario reported, for a search.
struct Reported {
  std::string text{};
  int errors{0};
  void add(const pe::Error& error) {
    ++errors;
    text.append(test::all_texts(error)).append("\n");
  }
  void add(const std::string& explained) {
    errors += explained.empty() ? 0 : 1;
    text.append(explained);
  }
  void add(const pe::Attempt& attempt) {
    if (attempt.error != nullptr) add(*attempt.error);
    if (attempt.credentials_error != nullptr) add(*attempt.credentials_error);
    text.append(attempt.operation).append(" ").append(attempt.request_id).append(" ");
    text.append(attempt.host).append("\n");
  }
};

void check_reported(const Reported& reported, const Needles& needles, const std::string& name) {
  ++count().scenarios;
  if (reported.errors > 0) ++count().reports;
  const std::string leak = needles.found_in(reported.text);
  if (leak.empty()) return;
  if (++count().leaks <= 20) FAIL_CHECK(name << " shows \"" << leak << "\": " << reported.text);
}

// --- Echoes
// ----------------------------------------------------------------------------------------

std::string json_escaped(const std::string& text) {
  std::string out;
  pe::detail::json::Writer writer(out);
  writer.string(text);
  return out.substr(1, out.size() - 2);
}

std::string xml_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const char* name = c == '"' ? "&quot;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : nullptr;
    if (name == nullptr && c == '&') name = "&amp;";
    name == nullptr ? out.append(1, c) : out.append(name);
  }
  return out;
}

std::string upper_case(const std::string& given) {
  std::string text{given};
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

// In pieces of this size.
std::string split(const std::string& text, std::size_t size, const char* separator) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += size) {
    out.append(text.substr(at, size)).append(separator);
  }
  return out;
}

using Encode = std::string (*)(const std::string&);

const std::vector<std::pair<const char*, Encode>>& encodings() {
  static const std::vector<std::pair<const char*, Encode>> all{
      {"as it is", [](const std::string& text) { return text; }},
      {"JSON", json_escaped},
      {"JSON, twice", [](const std::string& text) { return json_escaped(json_escaped(text)); }},
      {"XML", xml_escaped},
      {"percent", [](const std::string& text) { return pe::detail::percent_encode(text); }},
      {"percent, twice",
       [](const std::string& text) {
         return pe::detail::percent_encode(pe::detail::percent_encode(text));
       }},
      {"upper case", upper_case},
      {"lower case", [](const std::string& text) { return pe::detail::to_lower(text); }},
      {"upper case JSON", [](const std::string& text) { return upper_case(json_escaped(text)); }},
      {"lines", [](const std::string& text) { return split(text, 9, "\r\n"); }},
      {"blanks", [](const std::string& text) { return split(text, 12, " "); }},
      {"first half", [](const std::string& text) { return text.substr(0, text.size() / 2); }},
      {"second half", [](const std::string& text) { return text.substr(text.size() / 2) + "..."; }},
      {"base64", [](const std::string& text) { return pe::detail::to_base64url(text); }},
  };
  return all;
}

std::string json_string(const std::string& text) {
  std::string out;
  pe::detail::json::Writer writer(out);
  writer.string(text);
  return writer.good() ? out : "\"" + out + "\"";
}

using Place = pe::HttpResponse (*)(const std::string&);

// Each puts the echo at another place of a response.
const std::vector<std::pair<const char*, Place>>& places() {
  static const std::vector<std::pair<const char*, Place>> all{
      {"message of a 400",
       [](const std::string& text) {
         return pe::HttpResponse{400,
                                 {{"x-amzn-RequestId", "0d5b8c9a"}},
                                 R"({"code":"ValidationException","message":)" +
                                     json_string("Value '" + text + "' at 'itemId' failed") + "}"};
       }},
      {"code of a 400",
       [](const std::string& text) {
         return pe::HttpResponse{400, {}, R"({"code":)" + json_string(text) + "}"};
       }},
      {"type and error of a 403",
       [](const std::string& text) {
         const std::string quoted = json_string(text);
         return pe::HttpResponse{403,
                                 {},
                                 R"({"__type":)" + quoted + R"(,"Message":)" + quoted +
                                     R"(,"error":)" + quoted + R"(,"error_description":)" + quoted +
                                     R"(,"Code":)" + quoted + "}"};
       }},
      {"x-amzn-ErrorType of a 403",
       [](const std::string& text) {
         return pe::HttpResponse{403, {{"x-amzn-ErrorType", text}}, "{}"};
       }},
      {"x-amzn-RequestId of a 403",
       [](const std::string& text) {
         return pe::HttpResponse{
             403, {{"x-amzn-RequestId", text}}, R"({"code":"AccessDeniedException"})"};
       }},
      {"XML of a 403",
       [](const std::string& text) {
         const std::string quoted = xml_escaped(text);
         return pe::HttpResponse{403,
                                 {},
                                 "<ErrorResponse><Error><Type>Sender</Type><Code>" + quoted +
                                     "</Code><Message>" + quoted + "</Message></Error><RequestId>" +
                                     quoted + "</RequestId></ErrorResponse>"};
       }},
      {"HTML of a 502",
       [](const std::string& text) {
         return pe::HttpResponse{
             502, {{"Server", text}}, "<html><title>" + text + "</title>" + text + "</html>"};
       }},
      {"Location of a 302",
       [](const std::string& text) {
         return pe::HttpResponse{302,
                                 {{"Location", "https://example.com/?" + text},
                                  {"Set-Cookie", text},
                                  {"WWW-Authenticate", text}},
                                 text};
       }},
      {"body of a 200",
       [](const std::string& text) {
         return pe::HttpResponse{200, {{"Date", text}}, text};
       }},
      {"bad JSON of a 200",
       [](const std::string& text) {
         return pe::HttpResponse{
             200, {}, R"({"AccessKeyId":")" + text + "\" \"" + text + "\":" + text};
       }},
      {"bad XML of a 200",
       [](const std::string& text) {
         return pe::HttpResponse{
             200, {}, "<AssumeRoleResponse><" + text + " a=\"" + text + "\"&" + text + ";>"};
       }},
      {"members of a 200",
       [](const std::string& text) {
         const std::string quoted = json_string(text + " \xc3\xa9");
         std::string keys = "{";
         for (const char* name : {"accessKeyId", "secretAccessKey", "sessionToken", "SecretKey",
                                  "Token", "expiration", "expiresAt"}) {
           keys.append("\"").append(name).append("\":").append(quoted).append(",");
         }
         keys.append(R"("code":"Success"})");
         return pe::HttpResponse{200,
                                 {{"x-aws-ec2-metadata-token-ttl-seconds", text}},
                                 R"({"roleCredentials":)" + keys + R"(,"credentials":)" + keys +
                                     R"(,"Credentials":)" + keys + R"(,"accessToken":)" + keys +
                                     R"(,"IdentityId":)" + quoted + R"(,"code":)" + quoted +
                                     R"(,"AccessKeyId":)" + quoted + "}"};
       }},
      {"keys in XML of a 200",
       [](const std::string& text) {
         const std::string quoted = xml_escaped(text);
         return pe::HttpResponse{
             200,
             {},
             "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" + quoted +
                 " x</AccessKeyId><SecretAccessKey>" + quoted + "</SecretAccessKey><Expiration>" +
                 quoted + "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"};
       }},
      {"Retry-After of a 429",
       [](const std::string& text) {
         return pe::HttpResponse{429,
                                 {{"Retry-After", text}, {"x-amz-retry-after", text}},
                                 R"({"message":)" + json_string(text) + "}"};
       }},
  };
  return all;
}

std::string raw_request(const pe::HttpRequest& request) {
  std::string out = request.method + " " + request.url + "\n";
  for (const auto& [name, value] : request.headers) out.append(name + ": " + value + "\n");
  return out + "\n" + request.body;
}

// An event whose every text is planted.
const std::vector<std::string>& event_texts() {
  static const std::vector<std::string> texts{planted_text(20), planted_text(21), planted_text(22),
                                              planted_text(23), planted_text(24), planted_text(25)};
  return texts;
}

pe::PutEventsRequest planted_events() {
  const std::vector<std::string>& texts = event_texts();
  pe::Event event{texts[0]};
  event.item_id = texts[1];
  event.properties = pe::Properties{{"device", texts[2]}};
  pe::PutEventsRequest request{texts[3], texts[4], {event}};
  request.user_id = texts[5];
  return request;
}

// Echoes the requests to services of credentials, or those to Amazon Personalize Events: as they
// are, or the secrets that they hold one after another.
class Echo {
 public:
  enum class Of { Sources, Service };

  Echo(CredentialWorld& world, Of of, std::size_t place, std::size_t encoding)
      : world_(world), of_(of), place_(place), encoding_(encoding) {}

  std::optional<CredentialWorld::Response> operator()(const pe::HttpRequest& request) {
    const bool is_service = request.url.find("personalize-events") != std::string::npos;
    if (is_service != (of_ == Of::Service)) return std::nullopt;
    const std::string raw = raw_request(request);
    std::vector<std::string> texts{raw};
    std::vector<std::string> secrets = world_.all_secrets();
    secrets.insert(secrets.end(), event_texts().begin(), event_texts().end());
    for (std::string& secret : secrets) {
      if (raw.find(secret) != std::string::npos) texts.push_back(std::move(secret));
    }
    const std::string& text = texts[(place_ + encoding_ + calls_++) % texts.size()];
    return places()[place_].second(encodings()[encoding_].second(text));
  }

 private:
  CredentialWorld& world_;
  Of of_;
  std::size_t place_;
  std::size_t encoding_;
  std::size_t calls_{0};
};

// A provider's machine, a client, and what the client reports.
struct Planted {
  std::shared_ptr<CredentialWorld> world = CredentialWorld::make();
  pe::ClientOptions options = world->options();
  Reported reported{};

  explicit Planted(const CredentialProvider& provider) {
    provider.set_up(*world, options);
    watch();
  }
  Planted() { watch(); }

  void watch() {
    options.on_attempt = [this](const pe::Attempt& attempt) { reported.add(attempt); };
  }
  [[nodiscard]] Needles needles() const {
    Needles all;
    all.add(world->all_secrets());
    all.add(event_texts());
    return all;
  }
  // Whether a call succeeds.
  bool call() {
    const auto client = pe::make_client(options);
    if (!client) reported.add(client.error());
    return client && call(*client);
  }
  bool call(const pe::Client& client) {
    const auto result = client.put_events(planted_events());
    if (!result) reported.add(result.error());
    test::wait_for_other_threads();
    return result.has_value();
  }
};

// Runs one scenario for each place and some of the encodings.
template <class Run>
void for_each_echo(std::size_t first_encoding, Run run) {
  constexpr std::size_t kEach = test::kIsSanitized ? 1 : 4;
  std::size_t next = first_encoding;
  for (std::size_t place = 0; place < places().size(); ++place) {
    for (std::size_t i = 0; i < kEach; ++i) run(place, next++ % encodings().size());
  }
}

bool is_asked_over_http(const CredentialProvider& provider) {
  return std::string_view{provider.name} != "credential_process";
}

std::string name_of(const char* what, const CredentialProvider& provider, std::size_t place,
                    std::size_t encoding) {
  return std::string{what} + " of " + provider.name + ", " + places()[place].first + ", " +
         encodings()[encoding].first;
}

}  // namespace

TEST_CASE("A service of credentials that echoes the first request") {
  std::size_t first = 0;
  for (const CredentialProvider& provider : test::credential_providers()) {
    if (provider.requests == 0 || !is_asked_over_http(provider)) continue;
    for_each_echo(first++, [&provider](std::size_t place, std::size_t encoding) {
      Planted planted{provider};
      planted.world->intercept = Echo{*planted.world, Echo::Of::Sources, place, encoding};
      CHECK_FALSE(planted.call());
      check_reported(planted.reported, planted.needles(),
                     name_of("a first request", provider, place, encoding));
    });
  }
}

TEST_CASE("A service of credentials that echoes the request for a refresh") {
  std::size_t first = 0;
  for (const CredentialProvider& provider : test::credential_providers()) {
    if (provider.slowness == 0ms || !is_asked_over_http(provider)) continue;
    for_each_echo(first++, [&provider](std::size_t place, std::size_t encoding) {
      Planted planted{provider};
      planted.world->checks_expiry = false;
      bool echoes = false;
      planted.world->intercept = [&,
                                  echo = Echo{*planted.world, Echo::Of::Sources, place, encoding}](
                                     const pe::HttpRequest& request) mutable {
        return echoes ? echo(request) : std::nullopt;
      };
      const auto client = pe::make_client(planted.options);
      REQUIRE(client.has_value());
      REQUIRE(planted.call(*client));
      echoes = true;
      planted.world->platform->pass(planted.world->lifetime);
      for (int i = 0; i < 3; ++i) static_cast<void>(planted.call(*client));
      CHECK(planted.reported.errors > 0);
      check_reported(planted.reported, planted.needles(),
                     name_of("a refresh", provider, place, encoding));
    });
  }
}

TEST_CASE("Amazon Personalize Events that echoes the request") {
  std::size_t first = 0;
  for (const CredentialProvider& provider : test::credential_providers()) {
    for_each_echo(first++, [&provider](std::size_t place, std::size_t encoding) {
      Planted planted{provider};
      planted.world->intercept = Echo{*planted.world, Echo::Of::Service, place, encoding};
      // A JSON object over TLS is a success.
      CHECK(planted.call() == (std::string_view{"members of a 200"} == places()[place].first));
      check_reported(planted.reported, planted.needles(),
                     name_of("a call", provider, place, encoding));
    });
  }
}

TEST_CASE("explain() of every provider") {
  for (const CredentialProvider& provider : test::credential_providers()) {
    Planted planted{provider};
    planted.options.http.proxy = "http://user:" + planted_text(30) + "@proxy.example.com:3128";
    planted.reported.add(pe::explain(planted.options));
    Needles needles = planted.needles();
    needles.add(planted_text(30));
    check_reported(planted.reported, needles, std::string{"explain of "} + provider.name);
  }
}

// --- Secrets where something else should stand
// -----------------------------------------------------

namespace {

// A machine that is wrong; `secret` is in the wrong place.
struct Wrong {
  const char* name;
  void (*set_up)(CredentialWorld&, pe::ClientOptions&, const std::string& secret);
};

void set_credentials_file(const CredentialWorld& world, const std::string& text) {
  world.platform->inner.set_file("/home/user/.aws/credentials", text);
}

constexpr const char* kSsoCache =
    "/home/user/.aws/sso/cache/e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json";
constexpr const char* kLoginCache =
    "/home/user/.aws/login/cache/"
    "2744ccd10c7533bd736ad890f9dd5cab2adb27b07d500b9493f29cdc420cb2e0.json";
constexpr const char* kRole = "role_arn = arn:aws:iam::123456789012:role/shop\n";

// Where the text of a file may be broken; "%" is the secret.
const std::vector<std::string>& broken_profiles() {
  static const std::vector<std::string> texts{
      "[default]\n%\n",
      "[default\naws_secret_access_key = %\n",
      "aws_secret_access_key = %\n[default]\n",
      "[default]\n = %\n",
      "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key %\n",
      "[default]\naws_access_key_id = %\n",
      "[default]\naws_secret_access_key = %\n",
      "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = %\n  %\n",
      "[default]\naws_access_key_id = %\taws_secret_access_key = %\n",
      "[default]\naws_access_key_id = %\xc3\xa9\naws_secret_access_key = %\n",
      "[default]\naws_access_key_id = x\naws_secret_access_key = y\naws_session_token = % %\n",
      "[default]\nrole_arn = %\nsource_profile = default\naws_access_key_id = %\n",
      "[default]\n" + std::string{kRole} + "source_profile = default\naws_access_key_id = %\n",
      "[default]\n" + std::string{kRole} + "credential_source = %\n",
      "[default]\n" + std::string{kRole} +
          "source_profile = base\nexternal_id = %\xc3\xa9\n[profile base]\n"
          "aws_access_key_id = x\naws_secret_access_key = y\n",
      "[default]\n" + std::string{kRole} +
          "source_profile = base\nduration_seconds = %\n[profile base]\n"
          "aws_access_key_id = x\naws_secret_access_key = y\n",
      "[default]\n" + std::string{kRole} +
          "source_profile = base\nrole_session_name = % %\n[profile base]\n"
          "aws_access_key_id = x\naws_secret_access_key = y\n",
      "[default]\nendpoint_url = https://user:%@example.com\n",
      "[default]\nendpoint_url = ftp://%\n",
      "[default]\nretry_mode = %\n",
      "[default]\nmax_attempts = %\n",
      "[default]\nuse_fips_endpoint = %\n",
      "[default]\nsso_session = work\nsso_account_id = %\n[sso-session work]\n"
      "sso_region = us-east-1\nsso_start_url = https://work\n",
      "[default]\ncredential_process = \"/bin/vault %\n",
      "[default]\ncredential_process = /bin/vault --token %\n",
      "[default]\nlogin_session = %\n",
  };
  return texts;
}

const std::vector<std::string>& broken_tokens() {
  static const std::vector<std::string> texts{
      "%",
      R"({"accessToken":"%)",
      R"({"accessToken":"%" "%")",
      R"({"accessToken":%})",
      R"({"accessToken":"x","%"})",
      R"({"accessToken":"\q%"})",
      R"({"accessToken":"%"}%)",
      "{\"accessToken\":\"%\xff\"}",
      R"(["%"])",
      R"({"accessToken":"% %","expiresAt":"2036-01-01T00:00:00Z"})",
      R"({"accessToken":"%","expiresAt":"%"})",
      R"({"accessToken":"%","expiresAt":"2020-01-01T00:00:00Z","refreshToken":"%","clientId":"%",)"
      R"("clientSecret":"%","registrationExpiresAt":"%"})",
      R"({"accessToken":"%","expiresAt":"2020-01-01T00:00:00Z","refreshToken":7,"clientId":"%"})",
      R"({"accessToken":{"accessKeyId":"%","secretAccessKey":"% %","sessionToken":"%",)"
      R"("expiresAt":"2036-01-01T00:00:00Z"}})",
      R"({"accessToken":{"accessKeyId":"%","secretAccessKey":"%","sessionToken":"%",)"
      R"("expiresAt":"%"}})",
      R"({"accessToken":{"accessKeyId":"x","secretAccessKey":"%","sessionToken":"%",)"
      R"("expiresAt":"2020-01-01T00:00:00Z"},"dpopKey":"-----BEGIN EC PRIVATE KEY-----\n%\n-----END )"
      R"(EC PRIVATE KEY-----","clientId":"%","refreshToken":"%"})",
  };
  return texts;
}

const std::vector<std::string>& broken_outputs() {
  static const std::vector<std::string> texts{
      "",
      "%",
      "% % %",
      R"({"Version":1,"AccessKeyId":"%","SecretAccessKey":"%)",
      R"({"Version":2,"AccessKeyId":"%","SecretAccessKey":"%"})",
      R"({"Version":"%","AccessKeyId":"%","SecretAccessKey":"%"})",
      R"({"Version":1,"AccessKeyId":"% %","SecretAccessKey":"%"})",
      R"({"Version":1,"AccessKeyId":"%","SecretAccessKey":["%"]})",
      R"({"Version":1,"AccessKeyId":"%","SecretAccessKey":"%","Expiration":"%"})",
      R"({"Version":1,"AccessKeyId":"%","SecretAccessKey":"%","SessionToken":"%\n"})",
      R"({"Version":1,"code":"%"})",
      R"({"Version":1,%:1})",
  };
  return texts;
}

std::string filled(const std::string& text, const std::string& secret) {
  std::string out;
  for (const char c : text) c == '%' ? out.append(secret) : out.append(1, c);
  return out;
}

const std::vector<Wrong>& wrong_variables() {
  using World = CredentialWorld;
  using Options = pe::ClientOptions;
  using Text = const std::string&;
  static const std::vector<Wrong> all{
      {"a key alone",
       [](World& world, Options&, Text secret) { world.set("AWS_ACCESS_KEY_ID", secret); }},
      {"a secret key alone",
       [](World& world, Options&, Text secret) { world.set("AWS_SECRET_ACCESS_KEY", secret); }},
      {"keys with a blank",
       [](World& world, Options&, Text secret) {
         world.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
         world.set("AWS_SECRET_ACCESS_KEY", secret + " " + secret);
       }},
      {"a token with a line end",
       [](World& world, Options&, Text secret) {
         world.set("AWS_ACCESS_KEY_ID", secret);
         world.set("AWS_SECRET_ACCESS_KEY", secret);
         world.set("AWS_SESSION_TOKEN", secret + "\r\n" + secret);
       }},
      {"a token that is no ASCII",
       [](World& world, Options&, Text secret) {
         world.set("AWS_ACCESS_KEY_ID", secret);
         world.set("AWS_SECRET_ACCESS_KEY", secret);
         world.set("AWS_SESSION_TOKEN", secret + "\xe9");
       }},
      {"an expiration",
       [](World& world, Options&, Text secret) {
         world.set("AWS_ACCESS_KEY_ID", secret);
         world.set("AWS_SECRET_ACCESS_KEY", secret);
         world.set("AWS_CREDENTIAL_EXPIRATION", secret);
       }},
      {"an endpoint URL with a user",
       [](World&, Options& options, Text secret) {
         options.endpoint_url = "https://user:" + secret + "@example.com";
       }},
      {"an endpoint URL with a query",
       [](World&, Options& options, Text secret) {
         options.endpoint_url = "https://example.com/?" + secret;
       }},
      {"an endpoint URL of the environment",
       [](World& world, Options&, Text secret) {
         world.set("AWS_ENDPOINT_URL", "https://" + secret + ":" + secret + "@example.com");
       }},
      {"a container URI with a user",
       [](World& world, Options&, Text secret) {
         world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://" + secret + "@127.0.0.1/keys");
       }},
      {"a container URI of another host",
       [](World& world, Options&, Text secret) {
         world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/" + secret);
       }},
      {"a container URI with a blank",
       [](World& world, Options&, Text secret) {
         world.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/" + secret + " x");
       }},
      {"a container token with a line end",
       [](World& world, Options&, Text secret) {
         world.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys");
         world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", secret + "\n");
       }},
      {"a container token file of two lines",
       [](World& world, Options&, Text secret) {
         world.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys");
         world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/token");
         world.platform->inner.set_file("/var/token", secret + "\n" + secret);
       }},
      {"a web identity of two lines",
       [](World& world, Options&, Text secret) {
         world.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/token");
         world.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/shop");
         world.platform->inner.set_file("/var/token", secret + "\n" + secret);
       }},
      {"a metadata endpoint with a user",
       [](World& world, Options&, Text secret) {
         world.set("AWS_EC2_METADATA_DISABLED", "false");
         world.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://user:" + secret + "@127.0.0.1");
       }},
      {"an STS endpoint with a user",
       [](World& world, Options&, Text secret) {
         world.set("AWS_ENDPOINT_URL_STS", "https://user:" + secret + "@example.com");
         world.set_config("[default]\n" + std::string{kRole} +
                          "source_profile = base\n[profile base]\naws_access_key_id = x\n"
                          "aws_secret_access_key = y\n");
       }},
      {"a region", [](World&, Options& options, Text secret) { options.region = secret + " x"; }},
      {"an application id",
       [](World&, Options& options, Text secret) { options.app_id = secret + " x\n" + secret; }},
      {"static keys",
       [](World&, Options& options, Text secret) {
         options.credentials = pe::static_credentials({secret, secret + "\n", secret});
       }},
      {"a function's keys",
       [](World&, Options& options, Text secret) {
         options.credentials = [secret]() -> pe::Result<pe::Credentials> {
           return pe::Credentials{secret, secret, secret + " " + secret};
         };
       }},
      {"logins of Cognito",
       [](World& world, Options& options, Text secret) {
         options.credentials = pe::cognito_credentials(
             {"", "us-east-1:1111-2222", {{"accounts.google.com", secret + "\xff"}}},
             {world.shared_from_this(), world.platform});
       }},
  };
  return all;
}

// A call and explain() on a wrong machine. Returns whether there was an error.
void check_wrong(Planted& planted, const std::string& secret, const std::string& name) {
  const int before = planted.reported.errors;
  const bool succeeded = planted.call();
  INFO(name);
  CHECK_FALSE(succeeded);
  CHECK(planted.reported.errors > before);
  Needles needles = planted.needles();
  needles.add(secret);
  check_reported(planted.reported, needles, name);
  Reported explained;
  explained.add(pe::explain(planted.options));
  check_reported(explained, needles, "explain of " + name);
}

}  // namespace

TEST_CASE("Files that hold a secret where they are broken") {
  const std::string secret = planted_text(40);
  for (const std::string& text : broken_profiles()) {
    Planted planted;
    planted.world->set_config(filled(text, secret));
    check_wrong(planted, secret, "the config file " + text);
    Planted other;
    set_credentials_file(*other.world, filled(text, secret));
    other.world->set_config("[profile other]\nregion = eu-west-1\n");
    check_wrong(other, secret, "the credentials file " + text);
  }
  for (const std::string& text : broken_tokens()) {
    Planted sso;
    sso.world->set_config(
        "[default]\nsso_session = work\nsso_account_id = 1\nsso_role_name = r\n"
        "[sso-session work]\nsso_region = us-east-1\nsso_start_url = https://work\n");
    sso.world->platform->inner.set_file(kSsoCache, filled(text, secret));
    check_wrong(sso, secret, "the SSO cache " + text);
    Planted login;
    login.world->set_config("[default]\nlogin_session = me\n");
    login.world->platform->inner.set_file(kLoginCache, filled(text, secret));
    check_wrong(login, secret, "the login cache " + text);
  }
}

TEST_CASE("Variables and options that hold a secret in a wrong form") {
  const std::string secret = planted_text(41);
  for (const Wrong& wrong : wrong_variables()) {
    Planted planted;
    wrong.set_up(*planted.world, planted.options, secret);
    check_wrong(planted, secret, wrong.name);
  }
}

TEST_CASE("Processes that print a secret in a wrong form") {
  const std::string secret = planted_text(42);
  for (const std::string& text : broken_outputs()) {
    Planted planted;
    planted.world->set_config("[default]\ncredential_process = /bin/vault " + secret + "\n");
    planted.world->platform->process = [&](const std::string&, std::chrono::milliseconds) {
      return pe::Result<std::string>{filled(text, secret)};
    };
    check_wrong(planted, secret, "a process that prints " + text);
  }
}

TEST_CASE("Real processes that complain of a secret") {
  const std::string secret = planted_text(43);
  for (const char* script :
       {"echo % >&2; exit 1", "echo % >&2; echo %", "echo %; exit 2", "echo % >&2; kill -9 $$",
        "/nonexistent/%", "printf '{\\\"Version\\\":1,%' ; echo % >&2"}) {
    Planted planted;
    planted.world->set_config("[default]\ncredential_process = /bin/sh -c \"" +
                              filled(script, secret) + "\"\n");
    planted.world->platform->process = [](const std::string& command,
                                          std::chrono::milliseconds timeout) {
      return pe::system_platform()->run_process(command, timeout);
    };
    check_wrong(planted, secret, std::string{"a process "} + script);
  }
}

TEST_CASE("explain() of a region of SSO that is a secret") {
  Planted planted;
  planted.world->set_config(
      "[default]\nsso_session = work\nsso_account_id = 1\nsso_role_name = r\n[sso-session work]\n"
      "sso_region = " +
      planted_text(44) + " x\nsso_start_url = https://work\n");
  Needles needles;
  needles.add(planted_text(44));
  CHECK(needles.found_in(pe::explain(planted.options)).empty());
}

// --- Real servers
// ----------------------------------------------------------------------------------

namespace {

/// Over libcurl, and through no proxy of the environment.
class DirectTransport final : public pe::Transport {
 public:
  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
    pe::HttpRequest direct{request};
    direct.direct = true;
    return curl_.send(direct);
  }

 private:
  pe::CurlTransport curl_{pe::HttpOptions{}};
};

std::string one_line(std::string text) {
  for (char& c : text) c = c == '\r' || c == '\n' ? ' ' : c;
  return text;
}

// What a server sends, with the echo.
const std::vector<Encode>& raw_responses() {
  static const std::vector<Encode> all{
      [](const std::string& echo) {
        return "HTTP/1.1 400 " + one_line(echo) + "\r\nContent-Length: 2\r\n\r\n{}";
      },
      [](const std::string& echo) {
        return "HTTP/1.1 407 " + one_line(echo) + "\r\nProxy-Authenticate: Basic realm=\"" +
               one_line(echo) + "\"\r\nContent-Length: 0\r\n\r\n";
      },
      [](const std::string& echo) {
        return "HTTP/1.1 403 Forbidden\r\nX-Echo: " + one_line(echo) +
               "\r\nContent-Length: 2\r\n\r\n{}";
      },
      [](const std::string& echo) {
        return "HTTP/1.1 403 Forbidden\r\n" + one_line(echo) + "\r\nContent-Length: 2\r\n\r\n{}";
      },
      [](const std::string& echo) { return echo; },
      [](const std::string& echo) { return "HTTP/9.9 " + one_line(echo) + "\r\n\r\n"; },
      [](const std::string& echo) { return "HTTP/1.1 " + one_line(echo) + "\r\n\r\n"; },
      [](const std::string& echo) {
        return "HTTP/1.1 200 OK\r\nContent-Length: " + one_line(echo) + "\r\n\r\n{}";
      },
      [](const std::string& echo) {
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + one_line(echo) + "\r\n\r\n{}";
      },
      [](const std::string& echo) {
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + echo;
      },
      [](const std::string& echo) {
        return "HTTP/1.1 200 OK\r\nContent-Encoding: " + one_line(echo) +
               "\r\nContent-Length: 6\r\n\r\nno zip";
      },
      [](const std::string& echo) {
        return "HTTP/1.1 307 Moved\r\nLocation: http://" + one_line(echo) +
               "/\r\nContent-Length: 0\r\n\r\n";
      },
      [](const std::string& echo) {
        return "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + echo;
      },
      [](const std::string& echo) {
        return "HTTP/1.1 100 " + one_line(echo) + "\r\n\r\n" + one_line(echo);
      },
  };
  return all;
}

test::RawServer::Script echo_once(Encode response, Encode encode) {
  return [response, encode](test::RawConnection& connection) {
    const std::string request = connection.read_request();
    if (!request.empty()) static_cast<void>(connection.send(response(encode(request))));
  };
}

}  // namespace

TEST_CASE("Real servers that echo the request in the head of a response") {
  std::size_t encoding = 0;
  for (const Encode response : raw_responses()) {
    for (int i = 0; i < 5; ++i, ++encoding) {
      const auto& [name, encode] = encodings()[encoding % encodings().size()];
      const test::RawServer server{echo_once(response, encode)};
      Planted planted{test::credential_providers()[1]};
      planted.options.endpoint_url = server.url("");
      planted.options.transport = std::make_shared<DirectTransport>();
      static_cast<void>(planted.call());
      CHECK_FALSE(server.requests().empty());
      check_reported(planted.reported, planted.needles(),
                     "a server, " + std::string{name} + ": " + response("%"));
    }
  }
}

TEST_CASE("Real proxies that echo their password") {
  const std::string secret = planted_text(50);
  Needles needles;
  needles.add(secret);
  needles.add(pe::detail::to_base64url("user:" + secret));
  std::size_t encoding = 0;
  for (const Encode response : raw_responses()) {
    for (int i = 0; i < 3; ++i, ++encoding) {
      const auto& [name, encode] = encodings()[encoding % encodings().size()];
      const test::RawServer server{echo_once(response, encode)};
      Planted planted{test::credential_providers()[1]};
      planted.options.http.proxy =
          "http://user:" + secret + "@127.0.0.1:" + std::to_string(server.port());
      planted.options.transport = std::make_shared<pe::CurlTransport>(planted.options.http);
      CHECK_FALSE(planted.call());
      CHECK_FALSE(server.requests().empty());
      check_reported(planted.reported, needles,
                     "a proxy, " + std::string{name} + ": " + response("%"));
    }
  }
  for (const std::string& proxy :
       {"http://user:" + secret + "@127.0.0.1:" + std::to_string(test::closed_port()),
        "ftp://user:" + secret + "@127.0.0.1", "http://user:" + secret + "@127.0.0.1:port",
        "http://" + secret + " x", "socks5://user:" + secret + "@127.0.0.1:1"}) {
    Planted planted{test::credential_providers()[1]};
    planted.options.http.proxy = proxy;
    planted.options.transport = std::make_shared<pe::CurlTransport>(planted.options.http);
    CHECK_FALSE(planted.call());
    planted.reported.add(pe::explain(planted.options));
    check_reported(planted.reported, needles, "the proxy " + proxy);
  }
}

TEST_CASE("A certificate key of a device that cannot be used") {
  if (!test::has_openssl_command()) {
    WARN("skipped: there is no openssl command");
    return;
  }
  const test::SelfSigned identity;
  const test::TlsServer server{identity};
  const test::TemporaryFolder folder;
  const std::string secret = planted_text(60);
  const std::string pem =
      "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n";
  for (const std::string& text : {secret, pem, pem + secret, "-----BEGIN " + secret + "-----\n"}) {
    for (const bool is_key : {true, false}) {
      test::write_file(folder / "bad.pem", text);
      Planted planted;
      pe::HttpOptions device;
      device.ca_file = identity.certificate();
      device.client_certificate = is_key ? identity.certificate() : folder / "bad.pem";
      device.client_key = is_key ? folder / "bad.pem" : identity.key();
      planted.options.credentials = pe::iot_credentials(
          {server.url().substr(0, server.url().size() - 1), "shop"},
          {std::make_shared<pe::CurlTransport>(device), planted.world->platform});
      check_wrong(planted, secret, "the certificate or its key");
    }
  }
}

// --- The recorder
// ----------------------------------------------------------------------------------

namespace {

// Records one event, in virtual time, until it ends or a while has passed.
void record(Planted& planted, Reported& reported, const std::string& spool = {}) {
  pe::RecorderOptions options = pe::RecorderOptions::server(event_texts()[3]);
  options.driver = pe::Driver::Manual;
  options.delivery_timeout = 5min;
  options.shutdown_timeout = 0ms;
  options.on_fault = [&reported](const pe::Fault& fault) { reported.add(fault.error); };
  options.on_delivery = [&reported](const pe::Delivery& delivery) {
    if (delivery.error) reported.add(*delivery.error);
    reported.text.append(delivery.request_id).append("\n");
  };
  if (!spool.empty()) options.spool = pe::SpoolOptions{spool};
  auto recorder = pe::make_recorder(options, planted.options);
  REQUIRE(recorder.has_value());
  pe::Event event{event_texts()[0]};
  event.item_id = event_texts()[1];
  event.properties = pe::Properties{{"device", event_texts()[2]}};
  REQUIRE(recorder->record({event_texts()[4], event_texts()[5]}, event).has_value());
  int after_report = 0;
  for (int i = 0; i < 200; ++i) {
    const pe::RunReport report = recorder->run_once(0ms);
    after_report += reported.errors > 0 ? 1 : 0;
    if (report.pending == 0 || after_report == 10) break;
    planted.world->platform->pass(std::clamp<std::chrono::milliseconds>(report.next_wake, 1ms, 5s));
  }
}

std::string rejected_text(const std::string& spool) {
  std::string text;
  std::error_code failed;
  for (const auto& file : std::filesystem::directory_iterator{spool + "/rejected", failed}) {
    std::ifstream stream{file.path(), std::ios::binary};
    text.append(std::istreambuf_iterator<char>{stream}, std::istreambuf_iterator<char>{});
  }
  return text;
}

}  // namespace

TEST_CASE("Faults of a recorder whose sources or service echo") {
  std::size_t encoding = 0;
  for (const CredentialProvider& provider : test::credential_providers()) {
    for (std::size_t place = 0; place < places().size(); ++place, ++encoding) {
      for (const Echo::Of of : {Echo::Of::Sources, Echo::Of::Service}) {
        const bool asks = provider.requests > 0 && is_asked_over_http(provider);
        if (of == Echo::Of::Sources && !asks) continue;
        const std::size_t form = encoding % encodings().size();
        Planted planted{provider};
        planted.world->intercept = Echo{*planted.world, of, place, form};
        Reported reported;
        record(planted, reported);
        // A JSON object over TLS is a success.
        const bool succeeds = std::string_view{"members of a 200"} == places()[place].first;
        CHECK((reported.errors > 0 || (of == Echo::Of::Service && succeeds)));
        reported.text.append(planted.reported.text);
        check_reported(reported, planted.needles(), name_of("a recorder", provider, place, form));
      }
    }
  }
}

TEST_CASE("Rejected files of a recorder whose service echoes") {
  using Reject = pe::HttpResponse (*)(const std::string&);
  const std::vector<Reject> rejections{
      [](const std::string& echo) {
        return pe::HttpResponse{
            400,
            {{"x-amzn-RequestId", "0d5b8c9a"}},
            R"({"code":"ValidationException","message":)" + json_string(echo) + "}"};
      },
      [](const std::string& echo) {
        return pe::HttpResponse{400,
                                {{"x-amzn-RequestId", one_line(echo)},
                                 {"x-amzn-ErrorType", "InvalidInputException:" + one_line(echo)}},
                                R"({"Message":)" + json_string(echo) + "}"};
      },
  };
  for (const std::size_t row : {std::size_t{1}, std::size_t{4}, std::size_t{20}}) {
    const CredentialProvider& provider = test::credential_providers().at(row);
    for (const auto& [name, encode] : encodings()) {
      for (const Reject reject : rejections) {
        const test::TemporaryFolder folder;
        const std::string spool = folder / "spool";
        Planted planted{provider};
        planted.world->intercept = [encode = encode, reject](const pe::HttpRequest& request) {
          std::optional<CredentialWorld::Response> response;
          if (request.url.find("personalize-events") == std::string::npos) return response;
          response = reject(encode(raw_request(request)));
          return response;
        };
        Reported reported;
        record(planted, reported, spool);
        const std::string text = rejected_text(spool);
        // What follows is the event, which is there to be sent again.
        const std::size_t reason = text.find(",\"trackingId\":");
        REQUIRE(reason != std::string::npos);
        reported.text.append(text.substr(0, reason));
        const std::string scenario =
            std::string{"a rejected file of "} + provider.name + ", " + name;
        check_reported(reported, planted.needles(), scenario);
        Needles keys;
        keys.add(planted.world->all_secrets());
        CHECK(keys.found_in(text).empty());
      }
    }
  }
}

TEST_CASE("The scenarios together") {
  WARN(count().scenarios << " scenarios, " << count().reports << " with a report, " << count().leaks
                         << " leaks");
  CHECK(count().reports >= (test::kIsSanitized ? 100 : 400));
  CHECK(count().reports >= count().scenarios * 9 / 10);
  CHECK(count().leaks == 0);
}

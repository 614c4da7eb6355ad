// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/metadata_service.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/metadata_world.hpp"

namespace pe = personalize_events;
using pe::detail::MetadataService;
using test::metadata_silence;
using test::metadata_token_answer;
using test::MetadataWorld;

namespace {

const std::string kOff = "AWS_EC2_METADATA_DISABLED";
const std::string kEndpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const std::string kMode = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";

std::string endpoint_of(const MetadataWorld& world, const std::string& profile = {}) {
  const auto place = pe::detail::find_metadata_place(*world.platform, profile);
  return place ? place->endpoint.url : "error at " + place.error().where;
}

/// One question, put to a service of its own.
pe::Result<pe::HttpResponse> ask(MetadataService& service, const std::string& path = "/question") {
  const auto place = service.find_place();
  if (!place) return place.error();
  return service.get(*place, path);
}
pe::Result<pe::HttpResponse> ask(const MetadataWorld& world) {
  MetadataService service{world.context()};
  return ask(service);
}

pe::Error error_of(const MetadataWorld& world) {
  const auto answer = ask(world);
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().kind == pe::ErrorKind::Credentials);
  CHECK(answer.error().where == "instance metadata");
  CHECK_THAT(pe::to_string(answer.error()), !test::ContainsSubstring(test::metadata_token()));
  return answer.error();
}

}  // namespace

TEST_CASE("The endpoint is the variable's, the profile's, the mode's, then IPv4") {
  MetadataWorld world;
  CHECK(endpoint_of(world) == "http://169.254.169.254");
  world.set_config(
      "[default]\nec2_metadata_service_endpoint_mode = IPv6\n"
      "[profile p]\nec2_metadata_service_endpoint = http://10.0.0.2:8080/base/\n");
  CHECK(endpoint_of(world) == "http://[fd00:ec2::254]");
  world.set(kMode, " iPv4");
  CHECK(endpoint_of(world) == "http://169.254.169.254");
  CHECK(endpoint_of(world, "p") == "http://10.0.0.2:8080/base");
  world.set("AWS_PROFILE", "p");
  CHECK(endpoint_of(world) == "http://10.0.0.2:8080/base");
  world.set(kEndpoint, "http://[::1]:99");
  CHECK(endpoint_of(world) == "http://[::1]:99");
}

TEST_CASE("A broken file does not matter when the variable names the endpoint") {
  MetadataWorld world;
  world.set_config("[broken\n");
  CHECK(endpoint_of(world) == "error at /home/user/.aws/config:1");
  world.set(kEndpoint, "http://localhost:99");
  CHECK(endpoint_of(world) == "http://localhost:99");
}

TEST_CASE("Timeout and attempts are those of variables or the profile") {
  MetadataWorld world;
  const auto place = [&world] {
    const auto found = pe::detail::find_metadata_place(*world.platform, {});
    REQUIRE(found.has_value());
    return *found;
  };
  CHECK(place().timeout == std::chrono::seconds{1});
  CHECK(place().most_tries == 3);
  world.set_config("[default]\nmetadata_service_timeout = 4\nmetadata_service_num_attempts = 2\n");
  CHECK(place().timeout == std::chrono::seconds{4});
  CHECK(place().most_tries == 2);
  world.set("AWS_METADATA_SERVICE_TIMEOUT", "5");
  world.set("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1");
  CHECK(place().timeout == std::chrono::seconds{5});
  CHECK(place().most_tries == 1);
  world.transport->reply(pe::HttpResponse{503});
  CHECK_FALSE(ask(world).has_value());
  REQUIRE(world.transport->requests().size() == 1);
  CHECK(world.transport->requests()[0].timeout == std::chrono::seconds{5});
  for (const char* wrong : {"0", "1.5", "-1", "3601", "99999999999", "a"}) {
    CAPTURE(wrong);
    world.set("AWS_METADATA_SERVICE_TIMEOUT", wrong);
    CHECK(endpoint_of(world) == "error at AWS_METADATA_SERVICE_TIMEOUT");
    world.set("AWS_METADATA_SERVICE_TIMEOUT", "");
    if (std::string{wrong} == "3601") continue;
    world.set("AWS_METADATA_SERVICE_NUM_ATTEMPTS", wrong);
    CHECK(endpoint_of(world) == "error at AWS_METADATA_SERVICE_NUM_ATTEMPTS");
    world.set("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "");
  }
}

TEST_CASE("A setting that is not allowed is named, and nothing is sent") {
  struct Case {
    const char* variable;
    const char* value;
    const char* config;
    const char* where;
  };
  for (const Case& wrong :
       {Case{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "not a URL", "",
             "AWS_EC2_METADATA_SERVICE_ENDPOINT"},
        Case{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://u:SECRET@host", "",
             "AWS_EC2_METADATA_SERVICE_ENDPOINT"},
        Case{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", "",
             "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"},
        Case{"X", "", "[default]\nec2_metadata_service_endpoint = x\n", "/home/user/.aws/config:2"},
        Case{"X", "", "[default]\n\nec2_metadata_service_endpoint_mode = x\n",
             "/home/user/.aws/config:3"},
        Case{"X", "", "[broken\n", "/home/user/.aws/config:1"},
        Case{"AWS_PROFILE", "absent", "", "AWS_PROFILE"}}) {
    CAPTURE(wrong.where, wrong.config);
    MetadataWorld world;
    world.set(wrong.variable, wrong.value);
    world.set_config(wrong.config);
    const auto answer = ask(world);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().kind == pe::ErrorKind::Credentials);
    CHECK(answer.error().where == wrong.where);
    CHECK(pe::detail::is_of_meant_source(answer.error()));
    CHECK_THAT(answer.error().message, !test::ContainsSubstring("SECRET"));
    CHECK(world.asked().empty());
  }
}

TEST_CASE("Turned off, in any letter case, the service is not asked") {
  for (const char* value : {"true", "True", "TRUE", " true "}) {
    CAPTURE(value);
    MetadataWorld world;
    world.set(kOff, value);
    world.set(kEndpoint, "not looked at");
    const pe::Error error = error_of(world);
    CHECK_FALSE(pe::detail::is_of_meant_source(error));
    CHECK_FALSE(error.retryable);
    CHECK_THAT(error.message, test::ContainsSubstring(kOff));
    CHECK(world.asked().empty());
  }
  for (const char* value : {"false", "", "1", "yes"}) {
    CAPTURE(value);
    MetadataWorld world{{metadata_token_answer()}};
    world.set(kOff, value);
    CHECK(ask(world).has_value());
  }
}

TEST_CASE("A token is got, and goes along with the question; no proxy sees either") {
  MetadataWorld world{{metadata_token_answer(), pe::HttpResponse{200, {}, "answer"}}};
  CHECK(ask(world)->body == "answer");
  const auto requests = world.transport->requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].method == "PUT");
  CHECK(requests[0].url == "http://169.254.169.254/latest/api/token");
  CHECK(requests[0].headers == pe::Headers{{"Host", "169.254.169.254"},
                                           {"x-aws-ec2-metadata-token-ttl-seconds", "21600"}});
  CHECK(requests[1].method == "GET");
  CHECK(requests[1].url == "http://169.254.169.254/question");
  CHECK(requests[1].headers == pe::Headers{{"Host", "169.254.169.254"},
                                           {"x-aws-ec2-metadata-token", test::metadata_token()}});
  for (const pe::HttpRequest& request : requests) {
    CHECK(request.direct);
    CHECK(request.body.empty());
    CHECK(request.timeout == std::chrono::seconds{1});
    CHECK(request.connect_timeout == std::chrono::seconds{1});
  }
}

TEST_CASE("A token is kept for its life less two minutes") {
  struct Case {
    const char* life;
    std::chrono::seconds kept;
  };
  for (const Case& one :
       {Case{"21600", std::chrono::seconds{21'480}}, Case{"300", std::chrono::seconds{180}},
        Case{"99999999999", std::chrono::seconds{21'480}}}) {
    CAPTURE(one.life);
    MetadataWorld world{{metadata_token_answer("TOKEN", one.life), pe::HttpResponse{200},
                         pe::HttpResponse{200}, metadata_token_answer("NEW", one.life),
                         pe::HttpResponse{200}}};
    MetadataService service{world.context()};
    CHECK(ask(service).has_value());
    world.platform->advance(one.kept - std::chrono::seconds{1});
    CHECK(ask(service).has_value());
    CHECK(world.asked().size() == 3);
    world.platform->advance(std::chrono::seconds{1});
    CHECK(ask(service).has_value());
    CHECK(world.asked().size() == 5);
    CHECK(*pe::find_header(world.transport->requests()[4].headers, "x-aws-ec2-metadata-token") ==
          "NEW");
  }
}

TEST_CASE("A token whose life is not known, or too short, serves one question") {
  for (const char* life : {"120", "0", "-1", "soon", ""}) {
    CAPTURE(life);
    MetadataWorld world{{metadata_token_answer("TOKEN", life), pe::HttpResponse{200},
                         metadata_token_answer("TOKEN", life), pe::HttpResponse{200}}};
    MetadataService service{world.context()};
    CHECK(ask(service).has_value());
    CHECK(ask(service).has_value());
    CHECK(world.asked().size() == 4);
  }
  CHECK(pe::detail::read_metadata_token({200, {}, "TOKEN"})->life == std::chrono::seconds{0});
}

TEST_CASE("A 401 brings a new token, once") {
  MetadataWorld world{{metadata_token_answer("OLD"), pe::HttpResponse{401},
                       metadata_token_answer("NEW"), pe::HttpResponse{200, {}, "answer"}}};
  CHECK(ask(world)->body == "answer");
  CHECK(*pe::find_header(world.transport->requests()[3].headers, "x-aws-ec2-metadata-token") ==
        "NEW");

  MetadataWorld stubborn{{metadata_token_answer("OLD"), pe::HttpResponse{401},
                          metadata_token_answer("NEW"), pe::HttpResponse{401}}};
  CHECK(ask(stubborn)->status == 401);
  CHECK(stubborn.asked().size() == 4);
}

TEST_CASE("A service that is not there, or never answers, is silent after one try") {
  for (const pe::Error& silence :
       {metadata_silence(false), metadata_silence(false, pe::ErrorKind::Transport),
        metadata_silence(true)}) {
    CAPTURE(silence.connected);
    MetadataWorld world{{silence}};
    const pe::Error error = error_of(world);
    CHECK_FALSE(pe::detail::is_of_meant_source(error));
    CHECK_FALSE(error.retryable);
    CHECK(error.connected == silence.connected);
    CHECK_THAT(error.message, test::ContainsSubstring(silence.connected ? "hop limit" : "reach"));
    CHECK(world.asked().size() == 1);
    CHECK(world.platform->sleeps().empty());
  }
}

TEST_CASE("Where version 2 of the service is not, or is turned off, the source is silent") {
  for (const int status : {403, 404, 405}) {
    CAPTURE(status);
    MetadataWorld world{{pe::HttpResponse{status}}};
    const pe::Error error = error_of(world);
    CHECK_FALSE(pe::detail::is_of_meant_source(error));
    CHECK_FALSE(error.retryable);
    CHECK(world.asked() == std::vector<std::string>{"PUT http://169.254.169.254/latest/api/token"});
  }
}

TEST_CASE("A service that is there and gives no token has failed") {
  using Answer = pe::Result<pe::HttpResponse>;
  struct Case {
    Answer answer;
    bool retryable;
    std::size_t tries;
  };
  const Case cases[] = {
      {pe::HttpResponse{400}, false, 1},
      {pe::HttpResponse{302, {{"Location", "http://example.com/"}}}, false, 1},
      {pe::HttpResponse{500}, true, 3},
      {pe::HttpResponse{503}, true, 3},
      {metadata_silence(true, pe::ErrorKind::Transport), true, 3},
      {metadata_silence(true, pe::ErrorKind::Response), true, 3},
      {metadata_token_answer(""), false, 1},
      {metadata_token_answer("TOKEN\r\nX: y"), false, 1},
      {metadata_token_answer("two words"), false, 1},
      {metadata_token_answer("<html>\n"), false, 1},
  };
  for (const Case& one : cases) {
    CAPTURE(one.answer.has_value(), one.retryable);
    MetadataWorld world{{one.answer}};
    const pe::Error error = error_of(world);
    CHECK(pe::detail::is_of_meant_source(error));
    CHECK(error.retryable == one.retryable);
    CHECK(world.asked().size() == one.tries);
  }
}

TEST_CASE("A question that fails is tried three times; one without an answer in time is not") {
  MetadataWorld world{{pe::HttpResponse{503}, metadata_token_answer(), pe::HttpResponse{503},
                       pe::HttpResponse{500}, pe::HttpResponse{200, {}, "answer"}}};
  CHECK(ask(world)->body == "answer");
  MetadataWorld silent{{metadata_token_answer(), metadata_silence(true)}};
  const pe::Error error = error_of(silent);
  CHECK(pe::detail::is_of_meant_source(error));
  CHECK(error.retryable);
  CHECK(silent.asked().size() == 2);
}

TEST_CASE("Without a transport the error says so") {
  MetadataWorld world;
  MetadataService service{pe::detail::SourceContext{{nullptr, world.platform}}};
  CHECK_THAT(ask(service).error().message, test::ContainsSubstring("transport"));
}

// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/token_cache.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/disk_platform.hpp"

namespace pe = personalize_events;
using pe::detail::Token;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr const char* kPath = "/cache/token.json";

// A login whose token has a time and a number. `ask` stands for the service.
struct TestLogin {
  static constexpr const char* kCommand = "log-in";
  pe::Platform* platform{nullptr};
  std::string path{kPath};
  std::function<pe::Result<void>(pe::detail::json::Value&)> ask{};

  bool lets_service_judge{false};

  [[nodiscard]] pe::detail::TimePoint now() const { return platform->now(); }
  [[nodiscard]] bool is_for_service(const pe::detail::json::Value&) const {
    return lets_service_judge;
  }
  [[nodiscard]] pe::Result<pe::detail::TimePoint> expiry(
      const pe::detail::json::Value& token) const {
    const std::string* text = pe::detail::find_text(token, "expiresAt");
    const auto time = text == nullptr ? std::nullopt : pe::detail::parse_rfc3339(*text);
    if (!time) return pe::detail::unusable_token(path, "expiresAt is no time", kCommand);
    return *time;
  }
  [[nodiscard]] pe::Result<void> refresh(pe::detail::json::Value& token) const {
    return ask(token);
  }
};

struct World {
  std::shared_ptr<test::DiskPlatform> platform = std::make_shared<test::DiskPlatform>();
  pe::detail::TokenCache<TestLogin> cache{platform};
  TestLogin login{};
  int asked{0};

  World() {
    login.platform = platform.get();
    login.ask = [this](pe::detail::json::Value& token) {
      ++asked;
      pe::detail::set_text(token, "expiresAt", time_after(minutes{60}));
      pe::detail::set_text(token, "name", "new" + std::to_string(asked));
      return pe::Result<void>{};
    };
  }

  [[nodiscard]] std::string time_after(seconds later) const {
    return pe::detail::format_rfc3339(platform->now() + later);
  }
  void write(const std::string& name, seconds lives) const {
    platform->world.set_file(kPath, R"({"first":[1,2.50,null,true],"name":")" + name +
                                        R"(","expiresAt":")" + time_after(lives) +
                                        R"(","last":{"b":"\u0000x","a":{}}})");
  }
  // The name in the token, or the error.
  std::string get() {
    const auto token = cache.get(login);
    return token ? *token->tree.find_string("name") : pe::to_string(token.error());
  }
  void refuse(bool retryable = false) {
    login.ask = [this, retryable](pe::detail::json::Value&) -> pe::Result<void> {
      ++asked;
      pe::Error error = pe::detail::failed_source("service", "refused");
      error.http_status = 400;
      error.retryable = retryable;
      return error;
    };
  }
};

}  // namespace

TEST_CASE("A text of a token is empty when there is none") {
  const auto token = pe::detail::json::parse(R"({"clientId":"id","empty":"","expiresIn":60})");
  REQUIRE(token.has_value());
  CHECK(pe::detail::text_of(*token, "clientId") == "id");
  for (const char* name : {"empty", "expiresIn", "absent"}) {
    CHECK(pe::detail::text_of(*token, name).empty());
    CHECK(pe::detail::find_text(*token, name) == nullptr);
  }
}

TEST_CASE("A token with five minutes left is given as it is, one with less is refreshed") {
  World world;
  world.write("old", minutes{5});
  CHECK(world.get() == "old");
  CHECK(world.asked == 0);
  world.write("old", minutes{5} - seconds{1});
  CHECK(world.get() == "new1");
  CHECK(world.asked == 1);
  CHECK(world.get() == "new1");  // from the file
  CHECK(world.asked == 1);
}

TEST_CASE("A refreshed token is written back with all that stood beside it, in its order") {
  World world;
  world.write("old", minutes{1});
  REQUIRE(world.get() == "new1");
  CHECK(world.platform->writes == 1);
  CHECK(world.platform->content(kPath) ==
        R"({"first":[1,2.50,null,true],"name":"new1","expiresAt":")" +
            world.time_after(minutes{60}) + R"(","last":{"b":"\u0000x","a":{}}})");
}

TEST_CASE(
    "A refused refresh does no harm while the token is valid, and is not tried at once again") {
  World world;
  world.write("old", minutes{2});
  world.refuse();
  CHECK(world.get() == "old");
  CHECK(world.get() == "old");
  CHECK(world.asked == 1);
  world.platform->world.advance(seconds{29});
  CHECK(world.get() == "old");
  CHECK(world.asked == 1);
  world.platform->world.advance(seconds{1});
  CHECK(world.get() == "old");
  CHECK(world.asked == 2);
  CHECK(world.platform->writes == 0);
}

TEST_CASE("An expired token that cannot be refreshed is an error that says what to do") {
  World world;
  world.write("old", seconds{0});
  world.refuse(true);
  for (int call = 0; call < 2; ++call) {  // the second answers without asking
    const auto token = world.cache.get(world.login);
    REQUIRE_FALSE(token.has_value());
    CHECK(token.error().kind == pe::ErrorKind::Credentials);
    CHECK(pe::detail::is_of_meant_source(token.error()));
    CHECK(token.error().where == kPath);
    CHECK(token.error().message ==
          "its token has expired and was not refreshed: service: refused; run log-in");
    CHECK(token.error().retryable);
    CHECK(token.error().http_status == 400);
  }
  CHECK(world.asked == 1);
  world.write("by hand", minutes{60});
  CHECK(world.get() == "by hand");
}

TEST_CASE("What another process has refreshed meanwhile is taken") {
  for (const seconds left : {seconds{-1}, seconds{60}}) {
    World world;
    world.write("old", left);
    world.login.ask = [&world](pe::detail::json::Value&) -> pe::Result<void> {
      ++world.asked;
      world.write("of the other", minutes{30});
      return pe::detail::failed_source("service", "refused");
    };
    CHECK(world.get() == "of the other");
    CHECK(world.asked == 1);
    CHECK(world.platform->world.files_read().size() == 2);
    CHECK(world.platform->writes == 0);
  }
}

TEST_CASE("What another process has written and is no better is not taken") {
  World world;
  world.write("old", seconds{-10});
  world.login.ask = [&world](pe::detail::json::Value&) -> pe::Result<void> {
    world.write("other", seconds{-5});
    return pe::detail::failed_source("service", "refused");
  };
  CHECK_THAT(world.get(), test::ContainsSubstring("its token has expired"));
}

TEST_CASE("A token that cannot be written is kept, and written once that can be done") {
  World world;
  world.write("old", minutes{1});
  const std::string before = world.platform->content(kPath);
  world.platform->is_read_only = true;
  CHECK(world.get() == "new1");
  CHECK(world.platform->content(kPath) == before);
  CHECK(world.get() == "new1");  // and not "old", whose refresh token is spent
  CHECK(world.asked == 1);

  // The next refresh begins with the token that was kept.
  world.platform->world.advance(minutes{56});
  std::string refreshed_from;
  const auto ask = world.login.ask;
  world.login.ask = [&](pe::detail::json::Value& token) {
    refreshed_from = *token.find_string("name");
    return ask(token);
  };
  CHECK(world.get() == "new2");
  CHECK(refreshed_from == "new1");
  CHECK(world.platform->content(kPath) == before);

  world.platform->is_read_only = false;
  CHECK(world.get() == "new2");
  CHECK_THAT(world.platform->content(kPath), test::ContainsSubstring("new2"));
  const int writes = world.platform->writes;
  CHECK(world.get() == "new2");
  CHECK(world.platform->writes == writes);
}

TEST_CASE("A token that was kept gives way to a file that somebody has written since") {
  World world;
  world.write("old", minutes{1});
  world.platform->is_read_only = true;
  REQUIRE(world.get() == "new1");
  world.write("by hand", minutes{20});
  CHECK(world.get() == "by hand");
  world.platform->world.remove_file(kPath);  // logged out
  CHECK_THAT(world.get(), test::ContainsSubstring("log-in"));
}

TEST_CASE("A file that others may read serves") {
  World world;
  world.platform->is_open_to_all = true;
  world.write("old", minutes{60});
  CHECK(world.get() == "old");
}

TEST_CASE("A file that is absent or closed to us is named") {
  World world;
  const auto token = world.cache.get(world.login);
  REQUIRE_FALSE(token.has_value());
  CHECK(token.error().where == kPath);
  CHECK(pe::detail::is_of_meant_source(token.error()));
  CHECK_THAT(token.error().message, test::ContainsSubstring("; run log-in"));

  world.platform->world.set_file(
      kPath, pe::detail::make_error(pe::ErrorKind::Configuration, kPath, "cannot be read"));
  const auto refused = world.cache.get(world.login);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Credentials);
  CHECK(refused.error().where == kPath);
  CHECK(refused.error().message == "cannot be read");
}

TEST_CASE("A file that is no token is refused without being shown") {
  World world;
  const std::string bad[] = {"",
                             "MARKER",
                             "[]",
                             "null",
                             "\"MARKER\"",
                             "{}",
                             R"({"expiresAt":"MARKER"})",
                             R"({"expiresAt":1})",
                             R"({"expiresAt":"2030-01-01T00:00:00Z"} MARKER)",
                             std::string("{\"expiresAt\":\"2030-01-01T00:00:00Z\"}\0", 38),
                             "{\"expiresAt\":\"\xff\"}",
                             std::string(100, '[')};
  for (const std::string& text : bad) {
    CAPTURE(text);
    world.platform->world.set_file(kPath, text);
    const auto token = world.cache.get(world.login);
    REQUIRE_FALSE(token.has_value());
    CHECK(token.error().kind == pe::ErrorKind::Credentials);
    CHECK(token.error().where == kPath);
    CHECK_THAT(token.error().message, test::ContainsSubstring("run log-in"));
    CHECK(pe::to_string(token.error()).find("MARKER") == std::string::npos);
  }
  CHECK(world.asked == 0);
}

TEST_CASE("Dates that no clock holds are compared as well") {
  World world;
  world.platform->world.set_file(kPath, R"({"name":"late","expiresAt":"9999-12-31T23:59:59Z"})");
  CHECK(world.get() == "late");
  world.platform->world.set_file(kPath, R"({"name":"early","expiresAt":"0001-01-01T00:00:00Z"})");
  CHECK(world.get() == "new1");
}

TEST_CASE("Of many threads one refreshes, and all get the new token") {
  World world;
  world.write("old", seconds{-1});
  std::atomic<int> got{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto token = world.cache.get(world.login);
      if (token && *token->tree.find_string("name") == "new1") ++got;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(got == 8);
  CHECK(world.asked == 1);
}

TEST_CASE("The folder of tokens is in the home folder, in the system's way of writing paths") {
  pe::testing::VirtualPlatform platform;
  auto folder = pe::detail::token_folder(platform, "sso", pe::detail::PathStyle::Posix);
  REQUIRE_FALSE(folder.has_value());
  CHECK(folder.error().where == "HOME");
  CHECK(pe::detail::is_of_meant_source(folder.error()));
  platform.set_environment("HOME", "/home/me");
  folder = pe::detail::token_folder(platform, "sso", pe::detail::PathStyle::Posix);
  REQUIRE(folder.has_value());
  CHECK(*folder == "/home/me/.aws/sso/cache/");
  platform.unset_environment("HOME");
  platform.set_environment("USERPROFILE", "C:\\Users\\me");
  folder = pe::detail::token_folder(platform, "login", pe::detail::PathStyle::Windows);
  REQUIRE(folder.has_value());
  CHECK(*folder == "C:\\Users\\me\\.aws\\login\\cache\\");
}

TEST_CASE("A member is set in its place, once, and a new one at the end") {
  auto tree = pe::detail::json::parse(R"({"a":{"b":1},"c":2,"a":3})");
  REQUIRE(tree.has_value());
  pe::detail::set_text(*tree, "a", "text");
  pe::detail::set_text(*tree, "d", "\"");
  CHECK(pe::detail::text_of(*tree) == R"({"a":"text","c":2,"a":3,"d":"\""})");
}

TEST_CASE("The room for a text is enough, so that it never moves") {
  for (const char* text :
       {"null", "false", "\"\\u0001\\u0002\\u0003\"", "[[],{},[\"\",1e300,-0.5]]",
        R"({"":{"\u0000":"\u0000\u0000"},"k":[true,false,null,{"a":[]}]})"}) {
    const auto tree = pe::detail::json::parse(text);
    REQUIRE(tree.has_value());
    CHECK(pe::detail::text_of(*tree) == text);
    CHECK(pe::detail::longest_text(*tree) >= std::string(text).size());
  }
  pe::detail::json::Value not_utf8;
  not_utf8.type = pe::detail::json::Value::Type::Number;
  CHECK(pe::detail::text_of(not_utf8).empty());  // a number without digits
}

TEST_CASE("A lifetime is a sensible number of seconds") {
  const auto lifetime = [](const std::string& text) {
    const auto answer = pe::detail::json::parse("{\"expiresIn\":" + text + "}");
    return answer ? pe::detail::lifetime_of(*answer, "expiresIn") : std::nullopt;
  };
  CHECK(lifetime("28800") == seconds{28800});
  CHECK(lifetime("900.5") == seconds{900});
  CHECK(lifetime("1") == seconds{1});
  for (const char* bad : {"0", "-1", "\"900\"", "null", "{}", "1e300", "1e9999", "400000000"}) {
    CHECK_FALSE(lifetime(bad));
  }
  CHECK_FALSE(pe::detail::lifetime_of({}, "expiresIn"));
}

TEST_CASE("An expired token that is for its service is returned with the reason") {
  World world;
  world.write("old", seconds{-1});
  world.refuse();
  CHECK(world.get().find("old") == std::string::npos);
  world.login.lets_service_judge = true;
  const auto token = world.cache.get(world.login);
  REQUIRE(token.has_value());
  CHECK(*token->tree.find_string("name") == "old");
  REQUIRE(token->expired);
  CHECK(token->expired->where == kPath);
  CHECK_THAT(token->expired->message, test::ContainsSubstring("its token has expired"));
}

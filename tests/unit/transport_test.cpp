// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/transport.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;

namespace {

/// As an application writes one, and notes its end.
class EchoTransport : public pe::Transport {
 public:
  explicit EchoTransport(bool& destroyed) : destroyed_(destroyed) {}
  EchoTransport(const EchoTransport&) = delete;
  EchoTransport& operator=(const EchoTransport&) = delete;
  ~EchoTransport() override { destroyed_ = true; }

  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
    return pe::HttpResponse{200, request.headers, request.body};
  }

 private:
  bool& destroyed_;
};

/// Ends every request at the next poll.
class EchoAsyncTransport : public pe::AsyncTransport {
 public:
  std::uint64_t start(pe::HttpRequest request, Done done) override {
    ended_.push_back({std::move(done), pe::HttpResponse{200, {}, std::move(request.body)}});
    return ended_.size();
  }
  void cancel(std::uint64_t request) override {
    ended_.at(request - 1).result = pe::detail::cancelled_error("echo", false);
  }
  void poll(std::chrono::milliseconds) override { pe::detail::tell(std::exchange(ended_, {})); }
  void wake() override {}

 private:
  std::vector<pe::detail::EndedRequest> ended_{};
};

}  // namespace

TEST_CASE("A transport of the application's own is used and destroyed through the interface") {
  bool destroyed = false;
  std::unique_ptr<pe::Transport> transport = std::make_unique<EchoTransport>(destroyed);
  const auto answer = transport->send({"POST", "http://host/", {{"Name", "value"}}, "body"});
  REQUIRE(answer.has_value());
  CHECK(answer->body == "body");
  CHECK(answer->headers == pe::Headers{{"Name", "value"}});
  transport.reset();
  CHECK(destroyed);
}

TEST_CASE("An asynchronous transport of the application's own is used through the interface") {
  const std::unique_ptr<pe::AsyncTransport> transport = std::make_unique<EchoAsyncTransport>();
  std::vector<pe::Result<pe::HttpResponse>> told;
  const auto note = [&told](pe::Result<pe::HttpResponse> result) {
    told.push_back(std::move(result));
  };
  transport->start({"POST", "http://host/", {}, "first"}, note);
  transport->cancel(transport->start({"POST", "http://host/", {}, "second"}, note));
  transport->start({"POST", "http://host/", {}, "third"}, nullptr);
  CHECK(told.empty());
  transport->wake();
  transport->poll(std::chrono::milliseconds{0});
  REQUIRE(told.size() == 2);
  REQUIRE(told[0].has_value());
  CHECK(told[0]->body == "first");
  REQUIRE_FALSE(told[1].has_value());
  CHECK(told[1].error().kind == pe::ErrorKind::Cancelled);
  CHECK_FALSE(told[1].error().may_have_been_delivered);
}

TEST_CASE("The error of a cancelled request says whether bytes may have left") {
  const pe::Error error = pe::detail::cancelled_error("host:443", true);
  CHECK(error.kind == pe::ErrorKind::Cancelled);
  CHECK(error.where == "host:443");
  CHECK(error.may_have_been_delivered);
  CHECK_FALSE(error.retryable);
}

TEST_CASE("Header names are equal in any ASCII case and in nothing else") {
  CHECK(pe::equal_header_names("x-amzn-RequestId", "X-AMZN-requestid"));
  CHECK(pe::equal_header_names("", ""));
  CHECK_FALSE(pe::equal_header_names("Date", "Date "));
  CHECK_FALSE(pe::equal_header_names("Date", "Data"));
  // '@' and '`' stand 32 apart, as 'A' and 'a' do, and so do '[' and '{'.
  CHECK_FALSE(pe::equal_header_names("@", "`"));
  CHECK_FALSE(pe::equal_header_names("[", "{"));
}

TEST_CASE("The first header of a name is found") {
  const pe::Headers headers{{"Date", "one"}, {"date", "two"}, {"Empty", ""}};
  REQUIRE(pe::find_header(headers, "DATE") != nullptr);
  CHECK(*pe::find_header(headers, "DATE") == "one");
  REQUIRE(pe::find_header(headers, "empty") != nullptr);
  CHECK(pe::find_header(headers, "empty")->empty());
  CHECK(pe::find_header(headers, "Dat") == nullptr);
  CHECK(pe::find_header({}, "Date") == nullptr);
}

TEST_CASE("an HTTP token has no separators") {
  CHECK(pe::is_http_token("X-Amz-Date"));
  CHECK(pe::is_http_token("!#$%&'*+-.^_`|~09az"));
  for (const char* text : {"", "a b", "a:b", "a\r", "a/b", "\xC3\xA4", "a\"b", "(a)"}) {
    CHECK_FALSE(pe::is_http_token(text));
  }
}

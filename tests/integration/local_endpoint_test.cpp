// SPDX-License-Identifier: Apache-2.0
//
// The endpoint on its socket: what clients, ours and third-party ones, get from it. Its decisions
// are tested without a socket in unit/detail/testing/endpoint_service_test.cpp.

#include "support/local_endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::LocalEndpoint;
using pe::testing::LocalEndpointOptions;

namespace {

const std::string kArn = "arn:aws:personalize:us-east-1:000000000000:dataset/shop/USERS";
const std::string kBody =
    R"({"trackingId":"t","sessionId":"s","eventList":[{"eventType":"Watch","sentAt":1}]})";

pe::PutEventsRequest watch(const std::string& session = "session") {
  pe::Event event{"Watch"};
  event.item_id = "item";
  return {"tracker", session, {event}};
}

LocalEndpointOptions unsigned_options() {
  LocalEndpointOptions options;
  options.check_signature = false;
  return options;
}

/// The bytes of a request with more header lines, each with its end.
std::string request_text(const std::string& body, const std::string& more_headers = {},
                         const std::string& version = "1.1") {
  return "POST /events HTTP/" + version +
         "\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + more_headers + "\r\n" + body;
}

/// A connection without any HTTP of its own.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    REQUIRE(socket_ >= 0);
    const timeval patience{30, 0};
    REQUIRE(::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      REQUIRE(sent > 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  void finish_sending() { REQUIRE(::shutdown(socket_, SHUT_WR) == 0); }

  /// The next response up to the end of its body; empty when the connection ends first.
  std::string read_response() {
    const std::string length_name = "Content-Length: ";
    while (true) {
      const std::size_t head = unread_.find("\r\n\r\n");
      if (head != std::string::npos) {
        const std::size_t length = unread_.find(length_name);
        const std::size_t body =
            length < head ? std::stoul(unread_.substr(length + length_name.size())) : 0;
        if (unread_.size() >= head + 4 + body) {
          std::string response = unread_.substr(0, head + 4 + body);
          unread_.erase(0, response.size());
          return response;
        }
      }
      if (!read_more()) return {};
    }
  }

  /// Whether the other end closes, now or soon, without another byte.
  bool is_closed() { return unread_.empty() && !read_more(); }

 private:
  bool read_more() {
    char bytes[4096];
    const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
    if (got > 0) unread_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }

  int socket_;
  std::string unread_{};
};

/// A connection needs a file descriptor at each end.
void allow_file_descriptors(rlim_t count) {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE((limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= count));
  if (limit.rlim_cur >= count) return;
  limit.rlim_cur = count;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

bool begins_with(const std::string& text, const std::string& beginning) {
  return text.compare(0, beginning.size(), beginning) == 0;
}

}  // namespace

TEST_CASE("The client's five operations arrive, with and without a session token") {
  const std::string token = GENERATE(std::string{}, std::string{"token/with+signs=="});
  LocalEndpointOptions options;
  options.credentials.session_token = token;
  const LocalEndpoint endpoint = test::local_endpoint(options);
  const pe::Client client(test::client_options(endpoint));

  const auto sent = client.put_events(watch());
  REQUIRE(sent.has_value());
  CHECK(sent->attempts == 1);
  CHECK(client.put_action_interactions({"tracker", {{"action", "session", "Taken"}}}).has_value());
  CHECK(client.put_users({kArn, {{"user", pe::Properties{{"age", 7}}}}}).has_value());
  CHECK(client.put_items({kArn, {{"item"}}}).has_value());
  CHECK(client.put_actions({kArn, {{"action"}}}).has_value());

  REQUIRE(endpoint.events().size() == 1);
  CHECK(endpoint.events()[0].event.item_id == "item");
  CHECK(endpoint.events()[0].event.event_id->size() == 36);
  CHECK(endpoint.action_interactions().size() == 1);
  CHECK(endpoint.users().size() == 1);
  CHECK(endpoint.items().size() == 1);
  CHECK(endpoint.actions().size() == 1);
  const auto requests = endpoint.requests();
  REQUIRE(requests.size() == 5);
  CHECK(sent->request_id == requests[0].request_id);
  const std::string* sent_token = pe::find_header(requests[0].headers, "X-Amz-Security-Token");
  CHECK((sent_token == nullptr ? std::string{} : *sent_token) == token);
}

TEST_CASE("Wrong credentials are refused") {
  const LocalEndpoint endpoint = test::local_endpoint();
  const auto refused_with = [&endpoint](const pe::Credentials& credentials) {
    pe::ClientOptions options = test::client_options(endpoint);
    options.credentials = pe::static_credentials(credentials);
    const auto sent = pe::Client(options).put_events(watch());
    REQUIRE_FALSE(sent.has_value());
    CHECK(sent.error().http_status == 403);
    CHECK(sent.error().attempts == 1);
    CHECK(sent.error().request_id == endpoint.requests().back().request_id);
    return sent.error().code;
  };
  pe::Credentials wrong = endpoint.credentials();
  wrong.secret_access_key = "wrong";
  CHECK(refused_with(wrong) == "InvalidSignatureException");
  CHECK(refused_with({"AKIDWRONG", endpoint.credentials().secret_access_key}) ==
        "UnrecognizedClientException");
  CHECK(endpoint.events().empty());

  pe::ClientOptions elsewhere = test::client_options(endpoint);
  elsewhere.region = "eu-west-1";
  const auto sent = pe::Client(elsewhere).put_events(watch());
  REQUIRE_FALSE(sent.has_value());
  CHECK_THAT(sent.error().message, test::ContainsSubstring("us-east-1"));
}

TEST_CASE("A client whose clock is ten minutes off corrects itself by the Date header") {
  const auto skew = GENERATE(as<std::chrono::minutes>{}, -10min, 10min);
  const auto endpoints_clock = std::make_shared<pe::testing::VirtualPlatform>();
  const auto clients_clock = std::make_shared<pe::testing::VirtualPlatform>();
  clients_clock->set_now(endpoints_clock->now() + skew);
  LocalEndpointOptions options;
  options.platform = endpoints_clock;
  const LocalEndpoint endpoint = test::local_endpoint(options);
  pe::ClientOptions client_options = test::client_options(endpoint);
  client_options.platform = clients_clock;
  const pe::Client client(client_options);

  const auto first = client.put_events(watch());
  REQUIRE(first.has_value());
  CHECK(first->attempts == 2);
  const auto second = client.put_events(watch());
  REQUIRE(second.has_value());
  CHECK(second->attempts == 1);
  CHECK(endpoint.requests()[0].error_code == "InvalidSignatureException");
  CHECK(endpoint.events().size() == 2);
}

TEST_CASE("A request that the client lets through is refused by the model") {
  const LocalEndpoint endpoint = test::local_endpoint();
  pe::ClientOptions options = test::client_options(endpoint);
  options.validation = pe::Validation::WellFormedOnly;
  pe::PutEventsRequest request = watch();
  request.event_list.assign(11, request.event_list[0]);
  const auto sent = pe::Client(options).put_events(request);
  REQUIRE_FALSE(sent.has_value());
  CHECK(sent.error().code == "InvalidInputException");
  CHECK(sent.error().message == "eventList: 11 elements, at most 10");
  CHECK(sent.error().http_status == 400);
}

TEST_CASE("Eight threads call fifty times each, and every event arrives once") {
  const LocalEndpoint endpoint = test::local_endpoint();
  const pe::Client client(test::client_options(endpoint));
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&client, &failures, thread] {
      for (int call = 0; call < 50; ++call) {
        const std::string session = std::to_string(thread) + "-" + std::to_string(call);
        if (!client.put_events(watch(session))) ++failures;
      }
    });
  }
  CHECK(endpoint.wait_for(400, 60s));
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == 0);
  std::vector<std::string> sessions;
  for (const auto& accepted : endpoint.events()) sessions.push_back(accepted.session_id);
  std::sort(sessions.begin(), sessions.end());
  CHECK(std::unique(sessions.begin(), sessions.end()) == sessions.end());
  CHECK(sessions.size() == 400);
}

TEST_CASE("Five hundred connections are kept alive at once") {
  allow_file_descriptors(1200);
  const LocalEndpoint endpoint = test::local_endpoint(unsigned_options());
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 500; ++i) clients.push_back(std::make_unique<RawClient>(endpoint.port()));
  for (int round = 1; round <= 3; ++round) {
    for (const auto& client : clients) client->send(request_text(kBody));
    int taken = 0;
    for (const auto& client : clients) {
      taken += begins_with(client->read_response(), "HTTP/1.1 200 OK\r\n") ? 1 : 0;
    }
    CHECK(taken == 500);
    CHECK(endpoint.events().size() == static_cast<std::size_t>(500 * round));
  }
}

TEST_CASE("Requests that come in one piece are answered one after the other") {
  const LocalEndpoint endpoint = test::local_endpoint(unsigned_options());
  RawClient client(endpoint.port());
  client.send(request_text(kBody) + request_text("{}") + request_text(kBody));
  CHECK(begins_with(client.read_response(), "HTTP/1.1 200"));
  CHECK(begins_with(client.read_response(), "HTTP/1.1 400"));
  CHECK(begins_with(client.read_response(), "HTTP/1.1 200"));
}

TEST_CASE("A request may come byte by byte, or in chunks") {
  const LocalEndpoint endpoint = test::local_endpoint(unsigned_options());
  RawClient client(endpoint.port());
  for (const char byte : request_text(kBody)) client.send({&byte, 1});
  CHECK(begins_with(client.read_response(), "HTTP/1.1 200"));
  client.send(
      "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\n" +
      kBody.substr(0, 5) + "\r\n");
  client.send("4c\r\n" + kBody.substr(5) + "\r\n0\r\n\r\n");
  REQUIRE(kBody.size() - 5 == 0x4c);
  CHECK(begins_with(client.read_response(), "HTTP/1.1 200"));
  CHECK(endpoint.events().size() == 2);
}

TEST_CASE("Expect: 100-continue is answered before the body comes") {
  const LocalEndpoint endpoint = test::local_endpoint(unsigned_options());
  RawClient client(endpoint.port());
  const std::string text = request_text(kBody, "Expect: 100-continue\r\n");
  client.send(text.substr(0, text.size() - kBody.size()));
  CHECK(client.read_response() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(kBody);
  CHECK(begins_with(client.read_response(), "HTTP/1.1 200"));
  CHECK(endpoint.events().size() == 1);
}

TEST_CASE("A connection ends when the other end wants it to") {
  const LocalEndpoint endpoint = test::local_endpoint(unsigned_options());
  RawClient closing(endpoint.port());
  closing.send(request_text(kBody, "Connection: close\r\n"));
  CHECK(begins_with(closing.read_response(), "HTTP/1.1 200"));
  CHECK(closing.is_closed());
  RawClient old(endpoint.port());
  old.send(request_text(kBody, {}, "1.0"));
  CHECK(begins_with(old.read_response(), "HTTP/1.0 200"));
  CHECK(old.is_closed());
}

TEST_CASE("What is too large or not HTTP is refused, and ends the connection") {
  const LocalEndpoint endpoint = test::local_endpoint(unsigned_options());
  const auto refused = [&endpoint](const std::string& bytes) {
    RawClient client(endpoint.port());
    client.send(bytes);
    const std::string response = client.read_response();
    CHECK(client.is_closed());
    CHECK(endpoint.requests().back().error_message.size() > 10);
    return response.substr(0, response.find("\r\n")) + " " + endpoint.requests().back().error_code;
  };
  CHECK_THAT(
      refused(request_text(std::string(1'048'577, ' '))),
      test::ContainsSubstring("413") && test::ContainsSubstring("RequestEntityTooLargeException"));
  CHECK_THAT(refused(request_text(kBody, "Padding: " + std::string(16 * 1024, 'x') + "\r\n")),
             test::ContainsSubstring("431"));
  CHECK_THAT(
      refused("nonsense\r\n\r\n"),
      test::ContainsSubstring("400") && test::ContainsSubstring("MalformedHttpRequestException"));
  CHECK_THAT(refused("POST /events HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
             test::ContainsSubstring("400"));
  CHECK(endpoint.summary().refused_requests == 4);
  // It goes on.
  CHECK(pe::Client(test::client_options(endpoint)).put_events(watch()).has_value());
}

TEST_CASE("A request that is given up halfway is none") {
  const LocalEndpoint endpoint = test::local_endpoint(unsigned_options());
  const std::string text = request_text(kBody);
  for (const std::size_t cut : {std::size_t{0}, std::size_t{10}, text.size() - 1}) {
    CAPTURE(cut);
    RawClient client(endpoint.port());
    client.send(text.substr(0, cut));
    client.finish_sending();
    CHECK(client.is_closed());
  }
  CHECK(endpoint.requests().empty());
}

TEST_CASE("An idle connection is closed") {
  LocalEndpointOptions options = unsigned_options();
  options.idle_timeout = 20ms;
  const LocalEndpoint endpoint = test::local_endpoint(options);
  RawClient silent(endpoint.port());
  CHECK(silent.is_closed());
  RawClient halfway(endpoint.port());
  halfway.send(request_text(kBody).substr(0, 30));
  CHECK(halfway.is_closed());
}

TEST_CASE("Stopping closes open connections at once") {
  LocalEndpoint endpoint = test::local_endpoint(unsigned_options());
  RawClient idle(endpoint.port());
  idle.send(request_text(kBody));
  CHECK(begins_with(idle.read_response(), "HTTP/1.1 200"));
  RawClient halfway(endpoint.port());
  halfway.send("POST /ev");
  const auto before = std::chrono::steady_clock::now();
  endpoint.stop();
  CHECK(std::chrono::steady_clock::now() - before < 10s);
  CHECK(idle.is_closed());
  CHECK(halfway.is_closed());
}

TEST_CASE("An endpoint may stop while requests are on their way") {
  for (int round = 0; round < 10; ++round) {
    LocalEndpoint endpoint = test::local_endpoint();
    pe::ClientOptions options = test::client_options(endpoint);
    options.retry.max_attempts = 1;
    const pe::Client client(options);
    std::atomic<std::size_t> succeeded{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&client, &succeeded] {
        while (client.put_events(watch())) ++succeeded;
      });
    }
    CHECK(endpoint.wait_for(20, 30s));
    endpoint.stop();
    for (std::thread& thread : threads) thread.join();
    // What was answered was kept; what was kept may have lost its answer.
    CHECK(succeeded <= endpoint.events().size());
  }
}

TEST_CASE("The hook has heard of a request when its answer comes") {
  std::atomic<int> heard{0};
  LocalEndpointOptions options;
  options.on_accepted = [&heard](const pe::testing::AcceptedRequest&) { ++heard; };
  const LocalEndpoint endpoint = test::local_endpoint(options);
  const pe::Client client(test::client_options(endpoint));
  for (int call = 1; call <= 20; ++call) {
    REQUIRE(client.put_events(watch()).has_value());
    CHECK(heard == call);
  }
}

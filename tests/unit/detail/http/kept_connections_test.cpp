// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/http/kept_connections.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/async_client.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/curl_async_transport.hpp"
#include "personalize_events/curl_transport.hpp"
#include "support/environment.hpp"
#include "support/raw_server.hpp"

namespace pe = personalize_events;
namespace detail = personalize_events::detail;
using namespace std::chrono_literals;
using test::RawConnection;
using test::RawServer;

namespace {

const detail::KeptConnections::Time kStart{1h};

/// One attempt, as ClientOptions::on_attempt reports it.
struct Seen {
  int number;
  std::string code;
  bool may_have_been_delivered;
};

/// The attempts of a client, from any thread.
class Attempts {
 public:
  void add(const pe::Attempt& attempt) {
    const std::lock_guard<std::mutex> lock{mutex_};
    seen_.push_back({attempt.number, attempt.error == nullptr ? "" : attempt.error->code,
                     attempt.error != nullptr && attempt.error->may_have_been_delivered});
  }
  [[nodiscard]] std::vector<Seen> seen() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return seen_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Seen> seen_{};
};

pe::ClientOptions options_for(const RawServer& server, Attempts& attempts) {
  pe::ClientOptions options;
  options.region = "eu-west-1";
  options.endpoint_url = server.url("");
  options.credentials = pe::static_credentials({"AKIDEXAMPLE", "key"});
  options.on_attempt = [&attempts](const pe::Attempt& attempt) { attempts.add(attempt); };
  return options;
}

pe::PutEventsRequest request() { return {"tracker", "session", {pe::Event{"Watch"}}}; }

/// Responds to the first request of each connection, and closes it once it has read the second.
void respond_once(RawConnection& connection) {
  if (connection.read_request().empty()) return;
  if (!connection.send(test::http_response(200))) return;
  static_cast<void>(connection.read_request());
}

/// The numbers in the requests' header amz-sdk-request.
std::vector<int> numbers_in(const std::vector<std::string>& requests) {
  const std::string mark = "amz-sdk-request: attempt=";
  std::vector<int> numbers;
  for (const std::string& request : requests) {
    const std::size_t at = request.find(mark);
    REQUIRE(at != std::string::npos);
    numbers.push_back(request.at(at + mark.size()) - '0');
  }
  return numbers;
}

/// What the server saw is what the client reported, and each call took one more attempt at most.
void check_attempts(const std::vector<Seen>& seen, const RawServer& server, int calls) {
  const std::vector<std::string> requests = server.requests();
  CHECK(requests.size() == seen.size());
  std::vector<int> reported;
  int succeeded = 0;
  for (const Seen& attempt : seen) {
    reported.push_back(attempt.number);
    if (attempt.code.empty()) {
      ++succeeded;
      continue;
    }
    CHECK(attempt.number == 1);
    CHECK(attempt.code == "LostKeptConnection");
    CHECK(attempt.may_have_been_delivered);
  }
  CHECK(numbers_in(requests) == reported);
  CHECK(succeeded == calls);
  // Each call but the first found a connection that ends at its second request.
  CHECK(seen.size() == static_cast<std::size_t>(2 * calls - 1));
  CHECK(server.accepted() == calls);
}

}  // namespace

TEST_CASE("Before a loss kept connections are used as libcurl would") {
  detail::KeptConnections kept;
  CHECK_FALSE(kept.next(kStart).is_fresh);
  CHECK(kept.next(kStart).longest_idle == 118s);
}

TEST_CASE("After a loss one request gets a fresh connection, and none an older one") {
  detail::KeptConnections kept;
  kept.note_lost(kStart);
  CHECK(kept.next(kStart).is_fresh);
  CHECK_FALSE(kept.next(kStart).is_fresh);
  CHECK(kept.next(kStart).longest_idle == 1s);
  CHECK(kept.next(kStart + 2'999ms).longest_idle == 1s);
  CHECK(kept.next(kStart + 3s).longest_idle == 2s);
  CHECK(kept.next(kStart + 60s).longest_idle == 59s);
  CHECK(kept.next(kStart + 1h).longest_idle == 118s);
}

TEST_CASE("Each of several losses gives a fresh connection") {
  detail::KeptConnections kept;
  for (int i = 0; i < 3; ++i) kept.note_lost(kStart);
  for (int i = 0; i < 3; ++i) CHECK(kept.next(kStart + 1s).is_fresh);
  CHECK_FALSE(kept.next(kStart + 1s).is_fresh);
  kept.note_lost(kStart + 10s);
  CHECK(kept.next(kStart + 11s).is_fresh);
  CHECK(kept.next(kStart + 13s).longest_idle == 2s);
}

TEST_CASE("Each request that reaches the server is an attempt of a Client, with its own number") {
  const test::Environment no_proxy{"no_proxy", "*"};
  Attempts attempts;
  RawServer server{respond_once};
  pe::ClientOptions options = options_for(server, attempts);
  options.transport = std::make_shared<pe::CurlTransport>();
  const pe::Client client{std::move(options)};
  constexpr int kCalls = 8;
  for (int call = 0; call < kCalls; ++call) CHECK(client.put_events(request()).has_value());
  check_attempts(attempts.seen(), server, kCalls);
}

TEST_CASE("Each request that reaches the server is an attempt of an AsyncClient too") {
  const test::Environment no_proxy{"no_proxy", "*"};
  Attempts attempts;
  RawServer server{respond_once};
  pe::ClientOptions options = options_for(server, attempts);
  options.async_transport = std::make_shared<pe::CurlAsyncTransport>();
  pe::AsyncClient client{std::move(options)};
  constexpr int kCalls = 8;
  for (int call = 0; call < kCalls; ++call) {
    CHECK(client.put_events(request()).get().has_value());
  }
  check_attempts(attempts.seen(), server, kCalls);
}

TEST_CASE("A call that may be tried once is not sent twice, and says that it may have arrived") {
  const test::Environment no_proxy{"no_proxy", "*"};
  Attempts attempts;
  RawServer server{respond_once};
  pe::ClientOptions options = options_for(server, attempts);
  options.transport = std::make_shared<pe::CurlTransport>();
  options.retry.max_attempts = 1;
  const pe::Client client{std::move(options)};
  REQUIRE(client.put_events(request()).has_value());
  const auto lost = client.put_events(request());
  REQUIRE_FALSE(lost.has_value());
  CHECK(lost.error().code == "LostKeptConnection");
  CHECK(lost.error().may_have_been_delivered);
  CHECK(lost.error().retryable);
  CHECK(lost.error().attempts == 1);
  CHECK(server.requests().size() == 2);
}

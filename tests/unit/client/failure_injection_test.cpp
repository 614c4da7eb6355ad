// SPDX-License-Identifier: Apache-2.0
//
// Failures at attempt 0, 1, 2, ... of a call, through the transport's seam, until the call passes.
// The crypto seam is in interposed/crypto_failure_test.cpp.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "support/client_world.hpp"

namespace pe = personalize_events;
using test::ClientWorld;

namespace {

// All that a transport may answer in place of a success.
std::vector<pe::Result<pe::HttpResponse>> failures() {
  std::vector<pe::Result<pe::HttpResponse>> all;
  for (const pe::ErrorKind kind :
       {pe::ErrorKind::InvalidArgument, pe::ErrorKind::Configuration, pe::ErrorKind::Credentials,
        pe::ErrorKind::Signing, pe::ErrorKind::Transport, pe::ErrorKind::Timeout,
        pe::ErrorKind::Response, pe::ErrorKind::Cancelled, pe::ErrorKind::Storage,
        pe::ErrorKind::QueueFull}) {
    for (const bool retryable : {false, true}) {
      for (const bool delivered : {false, true}) {
        pe::Error error = test::transport_error(kind, delivered);
        error.retryable = retryable;
        all.emplace_back(error);
      }
    }
  }
  for (const int status : {302, 400, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504, 599}) {
    all.emplace_back(pe::HttpResponse{status});
  }
  for (const char* code : {"ThrottlingException", "RequestTimeout", "InvalidInputException"}) {
    all.emplace_back(test::service_error(400, code));
  }
  return all;
}

// What a failure alone looks like.
pe::Error error_of(const pe::Result<pe::HttpResponse>& failure) {
  if (failure) return *pe::detail::wire::error_of(*failure, pe::detail::wire::Connection::Trusted);
  pe::Error error = failure.error();
  // A request that the transport refuses is a fault of the settings.
  if (error.kind == pe::ErrorKind::InvalidArgument) error.kind = pe::ErrorKind::Configuration;
  return error;
}

bool is_retried(const pe::Error& error) {
  const auto failure_class = pe::detail::retry::classify(error);
  return failure_class == pe::detail::retry::FailureClass::Transient ||
         failure_class == pe::detail::retry::FailureClass::Throttling;
}

}  // namespace

TEST_CASE("A call passes once its failures are over, or ends with the one that cannot pass") {
  constexpr int kMaxAttempts = 4;
  const auto all = failures();
  for (std::size_t which = 0; which < all.size(); ++which) {
    const pe::Error alone = error_of(all[which]);
    for (int failed = 0; failed <= kMaxAttempts; ++failed) {
      CAPTURE(which, to_string(alone), failed);
      ClientWorld world;
      world.options.retry.max_attempts = kMaxAttempts;
      world.options.call_timeout = std::chrono::hours{1};
      for (int i = 0; i < failed; ++i) world.transport->reply(all[which]);
      world.transport->reply(pe::HttpResponse{200});
      const pe::Client client = world.client();
      const auto result = client.put_events(test::put_events_request());
      const auto requests = world.transport->requests();

      const int expected = failed == 0          ? 1
                           : !is_retried(alone) ? 1
                                                : std::min(failed + 1, kMaxAttempts);
      CHECK(requests.size() == static_cast<std::size_t>(expected));
      for (const pe::HttpRequest& request : requests) {
        CHECK(request.body == requests[0].body);
        CHECK(request.headers.size() == 8);
      }
      // What fails within this process is no attempt at the service.
      const int local = pe::detail::is_local_failure(alone) ? std::min(failed, expected) : 0;
      const bool passes = failed == 0 || (is_retried(alone) && failed < kMaxAttempts);
      REQUIRE(result.has_value() == passes);
      if (passes) {
        CHECK(result->attempts == expected - local);
        continue;
      }
      CHECK(result.error().kind == alone.kind);
      CHECK(result.error().code == alone.code);
      CHECK(result.error().http_status == alone.http_status);
      CHECK(result.error().attempts == expected - local);
      CHECK(result.error().retryable == alone.retryable);
      CHECK(result.error().may_have_been_delivered == alone.may_have_been_delivered);

      // The client is as good as new.
      for (std::size_t left = requests.size(); left < static_cast<std::size_t>(failed); ++left) {
        static_cast<void>(world.transport->send({"GET"}));
      }
      CHECK(client.put_events(test::put_events_request()).has_value());
    }
  }
}

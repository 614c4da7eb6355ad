// SPDX-License-Identifier: Apache-2.0
//
// AsyncAnswers: starts requests on an AsyncTransport and keeps what their Done got. Every test of
// such a transport counts with it that each Done is called exactly once, and when.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_ASYNC_ANSWERS_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_ASYNC_ANSWERS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "catch.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

namespace test {

/// The answers to started requests, by order of start. It outlives the transport.
class AsyncAnswers {
 public:
  AsyncAnswers() = default;
  AsyncAnswers(const AsyncAnswers&) = delete;
  AsyncAnswers& operator=(const AsyncAnswers&) = delete;

  /// Starts a request; answers its number.
  std::uint64_t start(personalize_events::AsyncTransport& transport,
                      personalize_events::HttpRequest request) {
    const std::size_t before = told_;
    const std::uint64_t id = transport.start(std::move(request), done());
    CHECK(told_ == before);  // never within start
    return id;
  }

  /// A Done for a request that the test itself starts.
  personalize_events::AsyncTransport::Done done() {
    Answer& answer = answers_.emplace_back();
    return [this, &answer](personalize_events::Result<personalize_events::HttpResponse> result) {
      CHECK(++answer.times == 1);
      answer.result = std::move(result);
      ++told_;
    };
  }

  /// Polls until so many have been told; false after 20 s.
  [[nodiscard]] bool poll(personalize_events::AsyncTransport& transport, std::size_t count) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (told_ < count && std::chrono::steady_clock::now() < until) {
      transport.poll(std::chrono::milliseconds{200});
    }
    return told_ >= count;
  }

  /// Polls until `happened` holds; false after 20 s.
  template <class Condition>
  [[nodiscard]] static bool poll_until(personalize_events::AsyncTransport& transport,
                                       Condition happened) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!happened() && std::chrono::steady_clock::now() < until) {
      transport.poll(std::chrono::milliseconds{5});
    }
    return happened();
  }

  /// How many have been told.
  [[nodiscard]] std::size_t told() const { return told_; }
  [[nodiscard]] bool has(std::size_t index) const { return answers_.at(index).times == 1; }

  /// Whether it is a response, not an Error.
  [[nodiscard]] bool is_response(std::size_t index) const {
    const auto& result = answers_.at(index).result;
    return result && result->has_value();
  }

  [[nodiscard]] personalize_events::HttpResponse response(std::size_t index) const {
    const auto& result = answers_.at(index).result;
    REQUIRE(result.has_value());
    if (!*result) FAIL(personalize_events::to_string(result->error()));
    return **result;
  }

  [[nodiscard]] personalize_events::Error error(std::size_t index) const {
    const auto& result = answers_.at(index).result;
    REQUIRE(result.has_value());
    REQUIRE_FALSE(result->has_value());
    return result->error();
  }

 private:
  struct Answer {
    int times{0};
    std::optional<personalize_events::Result<personalize_events::HttpResponse>> result{};
  };

  std::deque<Answer> answers_{};
  std::size_t told_{0};
};

}  // namespace test

#endif

// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/event_sink.hpp"

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

#if defined(CURLINC_CURL_H) || defined(RAPIDJSON_RAPIDJSON_H_) || defined(OPENSSL_CRYPTO_H) || \
    defined(HEADER_CRYPTO_H)
#error "an application's own headers must not see a foreign library through event_sink.hpp"
#endif

namespace pe = personalize_events;

namespace {

// The least that an application writes.
class Counting : public pe::EventSink {
 public:
  using EventSink::record;
  pe::Result<void> record(const pe::Session&, pe::Event&& event) override {
    if (is_full) {
      pe::Error error;
      error.kind = pe::ErrorKind::QueueFull;
      return error;
    }
    taken.push_back(std::move(event));
    return {};
  }
  void flush_soon() override { ++flushes; }

  std::vector<pe::Event> taken{};
  bool is_full{false};
  int flushes{0};
};

}  // namespace

TEST_CASE("an event that is moved in is moved from when it was accepted, and only then") {
  Counting sink;
  pe::Event event{std::string(100, 'x')};
  sink.is_full = true;
  REQUIRE_FALSE(sink.record({"visit-1"}, std::move(event)).has_value());
  CHECK(event.event_type.size() == 100);  // NOLINT(bugprone-use-after-move): the promise
  sink.is_full = false;
  REQUIRE(sink.record({"visit-1"}, std::move(event)).has_value());
  REQUIRE(sink.taken.size() == 1);
  CHECK(sink.taken[0].event_type.size() == 100);
}

TEST_CASE("an event that is named stays as it was") {
  Counting sink;
  const pe::Event event{std::string(100, 'x')};
  pe::EventSink& base = sink;
  REQUIRE(base.record({"visit-1"}, event).has_value());
  REQUIRE(sink.record({"visit-1"}, event).has_value());
  CHECK(event.event_type.size() == 100);
  CHECK(sink.taken.size() == 2);
}

TEST_CASE("the null sink takes everything") {
  const std::unique_ptr<pe::EventSink> sink = pe::null_sink();
  pe::Event event{std::string(100, 'x')};
  CHECK(sink->record({"visit-1"}, event).has_value());
  CHECK(sink->record({"visit-1"}, std::move(event)).has_value());
  CHECK(event.event_type.empty());  // NOLINT(bugprone-use-after-move): accepted, so moved from
  sink->flush_soon();
  const std::shared_ptr<pe::EventSink> shared = pe::null_sink();
  CHECK(shared != nullptr);
}

TEST_CASE("a session is an aggregate, and anonymous unless it says otherwise") {
  CHECK(std::is_aggregate_v<pe::Session>);
  const pe::Session anonymous{"visit-1"};
  CHECK(anonymous.session_id == "visit-1");
  CHECK_FALSE(anonymous.user_id.has_value());
  const pe::Session known{"visit-1", "user-7"};
  CHECK(known.user_id == "user-7");
}

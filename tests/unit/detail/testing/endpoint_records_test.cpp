// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/testing/endpoint_records.hpp"

#include <chrono>
#include <cstddef>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;
using pe::testing::AcceptedRequest;
using pe::testing::EndpointRecords;

namespace {

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

/// Adds a request with an event of each id; no event id for "".
void add_events(EndpointRecords& records, const std::vector<std::string>& ids,
                const std::string& tracking_id = "tracker") {
  AcceptedRequest accepted;
  accepted.request.put_events = pe::PutEventsRequest{tracking_id, "session"};
  for (const std::string& id : ids) {
    pe::Event event{"Watch"};
    if (!id.empty()) event.event_id = id;
    accepted.request.put_events->event_list.push_back(event);
  }
  records.add({"POST"}, &accepted);
}

std::vector<bool> duplicates(const EndpointRecords& records) {
  std::vector<bool> flags;
  for (const auto& accepted : records.events()) flags.push_back(accepted.is_duplicate);
  return flags;
}

}  // namespace

TEST_CASE("An event whose id was kept before is a duplicate, and kept") {
  EndpointRecords records(kAll);
  add_events(records, {"a", "b", "a"});
  add_events(records, {"b", "c"});
  CHECK(duplicates(records) == std::vector<bool>{false, false, true, true, false});
  CHECK(records.summary().events == 5);
  CHECK(records.summary().duplicate_events == 2);
}

TEST_CASE("Events without an id, or of another tracking id, are no duplicates") {
  EndpointRecords records(kAll);
  add_events(records, {"", "", "a"});
  add_events(records, {"a"}, "other");
  CHECK(duplicates(records) == std::vector<bool>{false, false, false, false});
  CHECK(records.summary().duplicate_events == 0);
}

TEST_CASE("Only the latest are kept, and their ids; all are counted") {
  EndpointRecords records(2);
  add_events(records, {"a", "b", "c"});
  REQUIRE(records.events().size() == 2);
  CHECK(records.events()[0].event.event_id == "b");
  CHECK(records.summary().events == 3);
  // Before the next event comes, the oldest makes room for it.
  add_events(records, {"a"});
  CHECK(duplicates(records) == std::vector<bool>{false, false});
  add_events(records, {"a"});
  CHECK(duplicates(records) == std::vector<bool>{false, true});
  // The older of the two goes, the younger still has the id.
  add_events(records, {"a"});
  CHECK(duplicates(records) == std::vector<bool>{true, true});
  add_events(records, {"x", "y", "a"});
  CHECK(duplicates(records) == std::vector<bool>{false, false});
  CHECK(records.summary().duplicate_events == 2);
  records.add({"GET"}, nullptr);
  REQUIRE(records.requests().size() == 2);
  CHECK(records.requests()[1].method == "GET");
  CHECK(records.summary().requests == 6);
}

TEST_CASE("With nothing kept it counts all but duplicates") {
  EndpointRecords records(0);
  add_events(records, {"a", "a"});
  records.add({"GET"}, nullptr);
  CHECK(records.events().empty());
  CHECK(records.requests().empty());
  CHECK(records.summary().events == 2);
  CHECK(records.summary().duplicate_events == 0);
  CHECK(records.summary().requests == 2);
  CHECK(records.summary().refused_requests == 1);
}

TEST_CASE("The other operations are kept too") {
  EndpointRecords records(1);
  AcceptedRequest accepted;
  accepted.request.put_users = pe::PutUsersRequest{"arn", {{"one"}, {"two"}}};
  records.add({"POST"}, &accepted);
  accepted.request = {};
  accepted.request.put_action_interactions =
      pe::PutActionInteractionsRequest{"tracker", {{"action", "session", "Taken"}}};
  records.add({"POST"}, &accepted);
  REQUIRE(records.users().size() == 1);
  CHECK(records.users()[0].entity.user_id == "two");
  CHECK(records.users()[0].dataset_arn == "arn");
  CHECK(records.summary().users == 2);
  REQUIRE(records.action_interactions().size() == 1);
  CHECK(records.action_interactions()[0].tracking_id == "tracker");
  CHECK(records.summary().action_interactions == 1);
  CHECK(records.summary().events == 0);
}

TEST_CASE("A reset forgets everything, ids too") {
  EndpointRecords records(kAll);
  add_events(records, {"a"});
  records.add_fault();
  CHECK(records.summary().faults == 1);
  records.reset();
  CHECK(records.events().empty());
  CHECK(records.requests().empty());
  CHECK(records.summary().requests == 0);
  CHECK(records.summary().events == 0);
  CHECK(records.summary().faults == 0);
  CHECK_FALSE(records.wait_for(1, 0ms));
  add_events(records, {"a"});
  CHECK(duplicates(records) == std::vector<bool>{false});
}

TEST_CASE("Waiting ends with the event that is waited for, or with its time") {
  EndpointRecords records(0);
  CHECK_FALSE(records.wait_for(1, 1ms));
  std::thread sender([&records] {
    for (int i = 0; i < 3; ++i) add_events(records, {"a"});
  });
  CHECK(records.wait_for(3, 30s));
  sender.join();
}

TEST_CASE("The oldest records go when their memory reaches the limit") {
  EndpointRecords records(kAll, 100'000);
  for (int i = 0; i < 1000; ++i) {
    pe::testing::SeenRequest refused{"POST", "/events"};
    refused.headers = {{"X-Filler", std::string(1000, 'x')}};
    refused.status = 400;
    refused.request_id = std::to_string(i);
    records.add(std::move(refused), nullptr);
    add_events(records, {std::to_string(i), std::to_string(i)});
  }
  const auto requests = records.requests();
  const auto events = records.events();
  CHECK(requests.size() > 10);
  CHECK(requests.size() < 300);
  CHECK(events.size() > 10);
  CHECK(events.size() < 100);
  CHECK(events.back().event.event_id == "999");
  CHECK(records.summary().requests == 2000);
  CHECK(records.summary().duplicate_events == 1000);
}

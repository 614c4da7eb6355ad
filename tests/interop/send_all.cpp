// SPDX-License-Identifier: Apache-2.0
//
// Sends one request of the operation that it is given the name of, over libcurl and as the AWS
// environment says. The values are those of values.py, by which client_sends.py checks what
// arrived: a change here is a change there.
#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace pe = personalize_events;

namespace {

constexpr const char* kUser = "\u7528\u6237-7";
constexpr const char* kFilm = "film/42 \u6620\u753b";
constexpr const char* kAction = "\u884c\u52d5/1";

std::chrono::system_clock::time_point at(std::int64_t seconds) {
  return std::chrono::system_clock::time_point{std::chrono::seconds{seconds}};
}

std::string arn(const char* dataset) {
  return std::string("arn:aws:personalize:us-east-1:123456789012:dataset/group/") + dataset;
}

/// 256 characters in 1 024 bytes.
std::string widest() {
  std::string text;
  for (int i = 0; i < 256; ++i) text += "\U0001F3AC";
  return text;
}

pe::Properties attributes() {
  return pe::Properties{
      {"plain", "tv"},
      {"escapes", "\"\\/\b\f\n\r\t\x01\x7f\u2028\u2029"},
      {"\u30ad\u30fc", "Caf\u00e9 \u6620\u753b \U0001F3AC"},
      {"least", std::numeric_limits<std::int64_t>::min()},
      {"most", std::numeric_limits<std::uint64_t>::max()},
      {"tenth", 0.1},
      {"tiny", 5e-324},
      {"huge", 1e21},
      {"free", true},
      {"rented", false},
      {"empty", ""},
  };
}

pe::Result<pe::PutResult> put_events(pe::Client& client) {
  pe::Event full{"Gesehen \u00fc\U0001F3AC", at(1700000000), "event-\u00df-1"};
  full.event_value = 4.5;
  full.item_id = kFilm;
  full.properties = attributes();
  full.recommendation_id = "RID-1";
  full.impression = {kFilm, "film-43", "\U0001F3AC"};
  full.metric_attribution = pe::MetricAttribution{"home page ~1"};

  pe::PutEventsRequest request{"tracker-\u00e9", "visit \"1\"\\/%20+&=?#"};
  request.user_id = kUser;
  request.event_list = {full,
                        {"Click", at(1), "event-2"},
                        {"Click", at(4102444800), "event-3", 0.1, widest()},
                        {"Click", at(1700000003), "event-4", 1e21},
                        {"Click", at(1700000004), "event-5", -5e-324},
                        {"Click", at(1700000005), "event-6", 3}};
  return client.put_events(request);
}

pe::Result<pe::PutResult> put_action_interactions(pe::Client& client) {
  pe::ActionInteraction full{kAction, "visit-1", "Not Taken", at(1700000000)};
  full.user_id = kUser;
  full.event_id = "event-\u00df-1";
  full.recommendation_id = "RID-1";
  full.impression = {kAction, "action-2"};
  full.properties = attributes();

  pe::ActionInteraction short_one{"action-2", "visit-1", "Taken", at(1700000001)};
  short_one.event_id = "event-2";
  return client.put_action_interactions({"tracker-\u00e9", {full, short_one}});
}

pe::Result<pe::PutResult> put_users(pe::Client& client) {
  return client.put_users({arn("USERS"), {{kUser, attributes()}, {widest()}}});
}

pe::Result<pe::PutResult> put_items(pe::Client& client) {
  return pe::properties_from_json(
             "{\"genres\": [\"Drama\", \"Com\u00e9die\"], "
             "\"cast\": {\"lead\": null, \"age\": 4.5e1}, "
             "\"none\": [], \"nothing\": {}}")
      .and_then([&client](pe::Properties nested) {
        return client.put_items({arn("ITEMS"), {{kFilm, std::move(nested)}, {"film-43"}}});
      });
}

pe::Result<pe::PutResult> put_actions(pe::Client& client) {
  return client.put_actions({arn("ACTIONS"), {{kAction, attributes()}, {"action-2"}}});
}

struct Operation {
  std::string_view name;
  pe::Result<pe::PutResult> (*send)(pe::Client&);
};

constexpr Operation kOperations[] = {{"PutEvents", put_events},
                                     {"PutActionInteractions", put_action_interactions},
                                     {"PutUsers", put_users},
                                     {"PutItems", put_items},
                                     {"PutActions", put_actions}};

int fail(const pe::Error& error) {
  std::fprintf(stderr, "%s\n", pe::to_string(error).c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view wanted = argc == 2 ? argv[1] : "";
  for (const Operation& operation : kOperations) {
    if (operation.name != wanted) continue;
    auto client = pe::make_client();
    if (!client) return fail(client.error());
    const auto sent = operation.send(*client);
    if (!sent) return fail(sent.error());
    std::printf("%s after %d attempt(s)\n", sent->request_id.c_str(), sent->attempts);
    return 0;
  }
  std::fprintf(stderr,
               "usage: send_all PutEvents|PutActionInteractions|PutUsers|PutItems|PutActions\n");
  return 2;
}

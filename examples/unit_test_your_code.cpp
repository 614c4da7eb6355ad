// SPDX-License-Identifier: Apache-2.0
//
// Code that records, and its test. The code takes an EventSink, and the test gives it one that
// keeps the events: no network, no thread, no AWS account, neither libcurl nor OpenSSL.
//
//   c++ -std=c++17 -I include unit_test_your_code.cpp && ./a.out
#include <personalize_events/event_sink.hpp>
#include <personalize_events/testing/recording_sink.hpp>

#include <cstdio>
#include <string>

namespace pe = personalize_events;

// --- The application. Its headers need event_sink.hpp only; its main gives it a recorder. ---

//! [shop]
class Shop {
 public:
  explicit Shop(pe::EventSink& events) : events_(events) {}

  /// Sells, whether the event could be recorded or not.
  bool buy(const pe::Session& visitor, const std::string& item, double price) {
    pe::Event purchase{"Purchase"};
    purchase.item_id = item;
    purchase.event_value = price;
    if (!events_.record(visitor, purchase)) ++unrecorded_;
    return true;
  }
  void close() { events_.flush_soon(); }

  int unrecorded() const { return unrecorded_; }

 private:
  pe::EventSink& events_;
  int unrecorded_{0};
};
//! [shop]

// --- Its test; any framework will do. ---

int failures = 0;

void check(bool condition, const char* what) {
  std::printf("%s %s\n", condition ? "ok  " : "FAIL", what);
  if (!condition) ++failures;
}

int main() {
  //! [test]
  pe::testing::RecordingSink sink;
  Shop shop{sink};

  shop.buy({"session-1", "user-7"}, "tent", 249.5);
  const auto events = sink.events();
  check(events.size() == 1, "a purchase is one event");
  check(events.at(0).session.user_id == "user-7", "of the user who bought");
  check(events.at(0).event.event_type == "Purchase", "of the type that the model is trained on");
  check(events.at(0).event.event_value == 249.5, "with its price");
  //! [test]

  // The sink knows the service's model: what it would refuse is refused here.
  check(shop.buy({"session-1"}, std::string(257, 'x'), 1), "an item id too long does not stop it");
  check(shop.unrecorded() == 1 && sink.events().size() == 1, "but is noticed");

  pe::Error full;
  full.kind = pe::ErrorKind::QueueFull;
  sink.refuse_with(full);
  check(shop.buy({"session-1"}, "tent", 249.5), "a full recorder does not stop a sale");

  shop.close();
  check(sink.flushes() == 1, "closing the shop sends what there is");

  const auto nobody = pe::null_sink();  // for visitors who did not consent
  check(Shop{*nobody}.buy({"session-1"}, "tent", 249.5), "no consent, no event, a sale");
  return failures == 0 ? 0 : 1;
}

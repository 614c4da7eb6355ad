// SPDX-License-Identifier: Apache-2.0
//
// Compiled twice, in two language modes, and linked into one program: both must see the same types
// and be able to share them. main stands in the unit with OLDER_MODE.
#include <cstddef>
#include <cstdio>
#include <vector>

#include "all_headers.hpp"

namespace pe = personalize_events;

/// Crosses from one translation unit into the other.
struct Shared {
  pe::PutEventsRequest request;
  pe::Result<pe::PutResult> result;
  pe::Result<void> done;
  pe::ClientOptions options;
  int tail;
};

std::vector<std::size_t> sizes_in_newer_mode();
bool newer_mode_reads(const Shared& shared);

namespace {

/// The size of each type that a program shares with the library.
std::vector<std::size_t> sizes() {
  return {sizeof(pe::Error),
          sizeof(pe::Result<void>),
          sizeof(pe::Result<int>),
          sizeof(pe::Result<std::string>),
          sizeof(pe::PutResult),
          sizeof(pe::Properties),
          sizeof(pe::Event),
          sizeof(pe::PutEventsRequest),
          sizeof(pe::ActionInteraction),
          sizeof(pe::PutActionInteractionsRequest),
          sizeof(pe::User),
          sizeof(pe::PutUsersRequest),
          sizeof(pe::Item),
          sizeof(pe::PutItemsRequest),
          sizeof(pe::Action),
          sizeof(pe::PutActionsRequest),
          sizeof(pe::Credentials),
          sizeof(pe::HttpRequest),
          sizeof(pe::HttpResponse),
          sizeof(pe::HttpOptions),
          sizeof(pe::RetryOptions),
          sizeof(pe::ClientOptions),
          sizeof(pe::Client),
          sizeof(pe::CurlTransport),
          sizeof(pe::Session),
          sizeof(pe::RecorderOptions),
          sizeof(pe::RecorderStats),
          sizeof(pe::Delivery),
          sizeof(pe::Fault),
          sizeof(pe::FlushReport),
          sizeof(pe::RunReport),
          sizeof(pe::EventRecorder),
          sizeof(Shared)};
}

}  // namespace

#ifdef OLDER_MODE

int main() {
  if (sizes() != sizes_in_newer_mode()) {
    std::puts("a type has two sizes");
    return 1;
  }
  pe::Event event{"Watch"};
  event.item_id = "item";
  event.properties = pe::Properties{{"device", "tv"}, {"rating", 4.5}};
  const Shared shared{
      {"tracking", "session", {event}}, pe::PutResult{"id", 2}, {}, pe::ClientOptions{}, 7};
  if (!newer_mode_reads(shared)) {
    std::puts("a value changed on its way between the modes");
    return 1;
  }
  std::printf("%zu types are the same in both modes\n", sizes().size());
  return 0;
}

#else

std::vector<std::size_t> sizes_in_newer_mode() { return sizes(); }

bool newer_mode_reads(const Shared& shared) {
  pe::PutEventsRequest copy = shared.request;
  copy.event_list.at(0).properties->set("free", true);
  pe::assign_event_ids(copy);
  return copy.event_list.at(0).event_id && shared.request.event_list.at(0).item_id == "item" &&
         shared.result && shared.result->attempts == 2 && shared.done && shared.tail == 7;
}

#endif

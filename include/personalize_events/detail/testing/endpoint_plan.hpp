// SPDX-License-Identifier: Apache-2.0
//
// EndpointPlan: what the local endpoint is to do about a request, decided before a byte is sent:
// the answer, when, and how well. EndpointService makes it, local_endpoint.hpp carries it out.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_PLAN_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_PLAN_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// How an answer is sent. After all but Whole the connection ends.
enum class Sending : std::uint8_t {
  Whole,
  ResetBefore,  ///< A TCP reset in its place; the request is not even looked at.
  ResetAfter,   ///< A TCP reset in its place, once the request was taken.
  CutInHead,    ///< Half of the head, then the end of the connection.
  CutInBody,    ///< The head, half of the body that it announces, then the end.
  Dripped,      ///< Byte by byte, with a pause after each.
  Endless,      ///< The head, then blanks for as long as the other end reads.
};

/// Until when an answer is held back: so many events taken, or the time is over.
struct EventWait {
  std::uint64_t events{0};               ///< taken in all
  std::chrono::milliseconds timeout{0};  ///< from the request on
};

/// What to do about one request.
struct EndpointPlan {
  HttpResponse response{};                     ///< status 0: none, the connection is reset
  Sending sending{Sending::Whole};             ///< how much of it, and how
  std::chrono::milliseconds delay{0};          ///< before the first byte, or the reset
  std::chrono::milliseconds drip_interval{0};  ///< between two bytes of Sending::Dripped
  /// The answer is asked for again when the wait is over.
  std::optional<EventWait> wait{};
};

/// The bytes that are sent of a faulty answer; of an endless one those before the blanks. An empty
/// body becomes `{}`, so that there is one to cut or to drip.
[[nodiscard]] inline std::string faulty_bytes(const HttpResponse& response, Sending sending) {
  const std::string body = response.body.empty() ? "{}" : response.body;
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " Answer\r\n";
  for (const auto& [name, value] : response.headers) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  head.append("Connection: close\r\n");
  if (sending == Sending::Endless) return head + "\r\n" + body;
  head.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
  if (sending == Sending::CutInHead) return head.substr(0, head.size() / 2);
  if (sending == Sending::CutInBody) return head + body.substr(0, body.size() / 2);
  return head + body;
}

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

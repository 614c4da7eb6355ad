// SPDX-License-Identifier: Apache-2.0
//
// The world of the life simulator (life_simulation.hpp): one service that knows the true time, the
// network between it and a process, and the weather of both. All of it is in virtual time, and one
// seed replays it.
#ifndef PERSONALIZE_EVENTS_TESTS_RECORDER_LIFE_WORLD_HPP
#define PERSONALIZE_EVENTS_TESTS_RECORDER_LIFE_WORLD_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/transport.hpp"
#include "recorder/simulation.hpp"

namespace simulation {

using std::chrono::nanoseconds;
using std::chrono::seconds;

/// The true time, which no process of the simulation can read.
using TrueTime = std::chrono::system_clock::time_point;

/// What a response means for the batch that it answers.
enum class ReplyKind : std::uint8_t {
  Taken,      ///< by the service
  Refused,    ///< one of the four codes that end an event
  Throttled,  ///< 429, or a throttling code
  Remedy,     ///< expired credentials, a wrong clock
  Held,       ///< any other 4xx of the service, and what never left the process
  Failed,     ///< 5xx, an intermediary's response, or none
};

/// What the network and the service do to requests. Each is a probability.
struct NetworkWeather {
  double unreachable{0};     ///< no connection
  double lost_before{0};     ///< the request never arrives, no response
  double lost_after{0};      ///< it arrives, the response does not
  double server_error{0};    ///< 500, 502 or 503 of the service, taken or not
  double intermediary{0};    ///< a response of a proxy or portal, without the service's marks
  double throttled{0};       ///< by the service
  double stray_throttle{0};  ///< 429 of an intermediary
  double denied{0};          ///< 403 of the service
  double other_refusal{0};   ///< a marked 4xx that does not end events
  bool refuses_all{false};   ///< InvalidInputException for everything
  bool no_such_tracker{false};
};

/// The HTTP date of a time.
[[nodiscard]] inline std::string http_date(TrueTime time) {
  return pe::detail::format_http_date(std::chrono::floor<seconds>(time));
}

/// The time in an X-Amz-Date header: "20260101T000000Z".
[[nodiscard]] inline std::optional<TrueTime> signing_date(const pe::HttpRequest& request) {
  const std::string* text = pe::find_header(request.headers, "X-Amz-Date");
  if (text == nullptr || text->size() != 16) return std::nullopt;
  const auto number = [text](std::size_t at, std::size_t count) {
    return std::atoi(text->substr(at, count).c_str());
  };
  // Days since 1970 of a civil date (Howard Hinnant).
  const int month = number(4, 2);
  const int year = number(0, 4) - (month <= 2 ? 1 : 0);
  const int era = (year >= 0 ? year : year - 399) / 400;
  const int of_era = year - era * 400;
  const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + number(6, 2) - 1;
  const int days = era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
  return TrueTime{std::chrono::hours{24} * days + std::chrono::hours{number(9, 2)} +
                  std::chrono::minutes{number(11, 2)} + seconds{number(13, 2)}};
}

/// The text of a JSON member that is a string without escapes; empty when there is none.
[[nodiscard]] inline std::string json_text(std::string_view json, std::string_view key) {
  const std::string start = "\"" + std::string{key} + "\":\"";
  const std::size_t at = json.find(start);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = at + start.size();
  return std::string{json.substr(begin, json.find('"', begin) - begin)};
}

/// The objects of a body's "eventList", which have no object inside.
[[nodiscard]] inline std::vector<std::string_view> events_in(std::string_view body) {
  std::vector<std::string_view> events;
  std::size_t at = body.find("\"eventList\":[");
  while (at != std::string_view::npos && (at = body.find('{', at)) != std::string_view::npos) {
    const std::size_t end = body.find('}', at);
    if (end == std::string_view::npos) break;
    events.push_back(body.substr(at, end + 1 - at));
    at = end;
  }
  return events;
}

/// How a request ends, and when.
struct Reply {
  ReplyKind kind{};
  pe::Result<pe::HttpResponse> result;
  TrueTime due{};
};

/// The network of one process. Requests get their replies from the simulation when they start.
class LifeNetwork final : public pe::AsyncTransport {
 public:
  /// Decides about a request.
  std::function<Reply(const pe::HttpRequest&)> decide{};
  /// Called when a reply reaches the process.
  std::function<void(ReplyKind)> completed{};
  std::function<TrueTime()> now{};
  /// Lets time pass within `poll`, for calls that run the loop by themselves; else `poll` returns
  /// at once and `next` says how long the process would wait.
  std::function<void(nanoseconds)> pass{};
  bool passes_time{false};
  /// The process polls again and again without a wait or a reply.
  bool is_busy{false};

  ~LifeNetwork() override {
    for (auto& [id, one] : std::exchange(open_, {})) one.done(cancelled());
  }

  std::uint64_t start(pe::HttpRequest request, Done done) override {
    Reply reply = decide(request);
    open_.emplace(++last_, Open{std::move(done), std::move(reply)});
    return last_;
  }
  void cancel(std::uint64_t request) override {
    const auto found = open_.find(request);
    if (found == open_.end()) return;
    found->second.reply.result = cancelled();
    found->second.reply.due = now();
    found->second.is_cancelled = true;
  }
  void poll(milliseconds at_most) override {
    wait_ = std::max(nanoseconds{at_most}, nanoseconds{0});
    if (!open_.empty()) wait_ = std::clamp(next_due() - now(), nanoseconds{0}, wait_);
    if (std::exchange(is_woken_, false)) wait_ = nanoseconds{0};
    if (passes_time) pass_time();
    complete();
  }
  void wake() override { is_woken_ = true; }

  /// How long the last poll would have waited.
  [[nodiscard]] nanoseconds wait() const { return is_woken_ ? nanoseconds{0} : wait_; }

 private:
  struct Open {
    Done done;
    Reply reply;
    bool is_cancelled{false};
  };

  [[nodiscard]] static pe::Error cancelled() {
    return pe::detail::cancelled_error("network", true);
  }
  [[nodiscard]] TrueTime next_due() const {
    TrueTime due = TrueTime::max();
    for (const auto& [id, one] : open_) due = std::min(due, one.reply.due);
    return due;
  }
  void pass_time() {
    idle_ = wait_.count() > 0 ? 0 : idle_ + 1;
    // A process that never waits would stay in this moment.
    if (idle_ > 200) is_busy = true;
    pass(is_busy ? std::max(wait_, nanoseconds{milliseconds{1}}) : wait_);
  }
  void complete() {
    std::vector<Open> ended;
    for (auto it = open_.begin(); it != open_.end();) {
      if (it->second.reply.due > now()) {
        ++it;
        continue;
      }
      ended.push_back(std::move(it->second));
      it = open_.erase(it);
    }
    for (Open& one : ended) {
      if (!one.is_cancelled) completed(one.reply.kind);
      one.done(std::move(one.reply.result));
      wait_ = nanoseconds{0};
    }
  }

  std::map<std::uint64_t, Open> open_{};
  std::uint64_t last_{0};
  nanoseconds wait_{0};
  bool is_woken_{false};
  int idle_{0};
};

}  // namespace simulation

#endif

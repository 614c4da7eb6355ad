// SPDX-License-Identifier: Apache-2.0
//
// AttemptSender: sends single attempts over an AsyncTransport. It signs them with credentials that
// its thread does not wait for. AsyncClient and the recorder decide what is sent and what comes
// after.
#ifndef PERSONALIZE_EVENTS_DETAIL_CLIENT_ATTEMPT_SENDER_HPP
#define PERSONALIZE_EVENTS_DETAIL_CLIENT_ATTEMPT_SENDER_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/client/call_context.hpp"
#include "personalize_events/detail/client/loop.hpp"
#include "personalize_events/detail/http/deadline.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/providers/cached.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// How long after its timeout an attempt is given up that its transport should have ended.
inline constexpr std::chrono::milliseconds kTransportGrace{2000};

/// One attempt to be sent.
struct AttemptOrder {
  std::string_view operation;  ///< "PutEvents"; a text of the program, as `path` is
  std::string_view path;
  std::string body{};           ///< comes back in AttemptReport::body
  std::string invocation_id{};  ///< the same for all attempts of a call
  int number{1};
  int max_attempts{0};                      ///< 0: no such bound
  std::chrono::milliseconds timeout{5000};  ///< the wait for credentials included
};

/// Attempts in flight.
///
/// @par Thread Safety
/// Every member is called by the loop's thread.
class AttemptSender final : public LoopMember, public std::enable_shared_from_this<AttemptSender> {
 public:
  /// Takes the report, exactly once for each `start`, and never within `start` or `cancel`. No lock
  /// is held; it may start others.
  using Done = std::function<void(AttemptReport)>;

  /// `loop` is the one that it is a member of, and outlives it, as `context` and `transport` do.
  /// With Refresh::OnCaller the loop's thread waits for the credentials provider.
  AttemptSender(std::shared_ptr<CallContext> context, std::shared_ptr<AsyncTransport> transport,
                CredentialsCache::Refresh refresh, Loop& loop)
      : context_(std::move(context)),
        transport_(std::move(transport)),
        refresh_(refresh),
        // A provider that hangs must neither hold the transport nor wake one that is gone.
        on_refreshed_([weak = std::weak_ptr<AsyncTransport>(transport_)] {
          if (const auto alive = weak.lock()) alive->wake();
        }),
        loop_(loop) {}

  /// Sends an attempt as soon as there are credentials. Returns its number.
  std::uint64_t start(AttemptOrder order, Done done) {
    loop_.note_work();
    const std::uint64_t id = ++last_id_;
    Entry& entry = entries_.emplace(id, Entry{std::move(order), std::move(done)}).first->second;
    const auto timeout = std::clamp(entry.order.timeout, {}, kLongestTimeout);
    set_deadline(id, entry, now() + timeout);
    entry.wait_ends = now() + timeout / 2;
    if (is_stopped_) {
      end_soon(id, unsent(cancelled()));
    } else if (auto usable = context_->check_usable(); !usable) {
      end_soon(id, unsent(std::move(usable).error()));
    } else if (waiting_.empty()) {
      serve(id, CredentialsCache::Wait::Begins);
    } else {
      waiting_.push_back(id);
    }
    return id;
  }

  /// Gives an attempt up: its Done gets Cancelled. The number of one that has ended changes
  /// nothing.
  void cancel(std::uint64_t id) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    if (found->second.transfer) return transport_->cancel(*found->second.transfer);
    end_soon(id, unsent(cancelled()));
  }

  /// How many attempts have not ended.
  [[nodiscard]] std::size_t in_flight() const { return entries_.size(); }

  std::chrono::steady_clock::time_point step(std::chrono::steady_clock::time_point now) override {
    auto wake = (Time::max)();
    for (const std::uint64_t id : std::exchange(waiting_, {})) {
      const auto found = entries_.find(id);
      if (found == entries_.end()) continue;  // given up meanwhile
      const Time wait_ends = found->second.wait_ends;
      if (wait_ends > now) wake = (std::min)(wake, wait_ends);
      serve(id, wait_ends > now ? CredentialsCache::Wait::GoesOn : CredentialsCache::Wait::Ends);
    }
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      give_up(deadlines_.begin()->second);
    }
    for (auto& [id, report] : std::exchange(ended_, {})) end(id, std::move(report));
    if (is_stopped_) {
      for (const std::uint64_t id : ids()) give_up(id);
    }
    if (!ended_.empty()) return now;
    return deadlines_.empty() ? wake : (std::min)(wake, deadlines_.begin()->first);
  }

  void stop() override {
    is_stopped_ = true;
    for (const std::uint64_t id : ids()) cancel(id);
  }

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Entry {
    AttemptOrder order;
    Done done;
    Time deadline{};
    Time wait_ends{};  // for credentials, if there are some that may have expired
    AttemptReport report{};
    Time sent_at{};
    std::optional<std::uint64_t> transfer{};  // its number in the transport, once it is there
  };

  /// Sends an attempt if there are credentials, else lets it wait for them.
  void serve(std::uint64_t id, CredentialsCache::Wait wait) {
    CredentialsCache& cache = *context_->credentials();
    const std::chrono::milliseconds timeout = context_->options().call_timeout;
    auto taken = refresh_ == CredentialsCache::Refresh::OnCaller
                     ? cache.get(timeout)
                     : cache.try_get(timeout, wait, on_refreshed_);
    if (!taken) return waiting_.push_back(id);
    if (!*taken) return end_soon(id, without_credentials(std::move(*taken).error()));
    send(id, entries_.at(id), **std::move(taken));
  }

  void send(std::uint64_t id, Entry& entry, CredentialsCache::Shared credentials) {
    Result<HttpRequest> request = context_->form(entry.order.path, entry.order.body);
    if (!request) return end_soon(id, unsent(std::move(request).error()));
    const WipedAtEnd wipe_token{request->headers};
    request->timeout = time_left(entry.deadline, now());
    if (request->timeout <= std::chrono::milliseconds{0}) {
      return end_soon(id, unsent(timed_out("timeout", "no time was left to send the request")));
    }
    entry.report = context_->sign(*request, std::move(credentials), name_of(entry));
    if (entry.report.error) return end_soon(id, std::move(entry.report));

    set_deadline(id, entry, entry.deadline + kTransportGrace);
    entry.sent_at = now();
    entry.transfer = transport_->start(
        *std::move(request), [weak = weak_from_this(), id](const Result<HttpResponse>& response) {
          if (const auto self = weak.lock()) self->finish(id, response);
        });
  }

  /// Judges an answer. That of an attempt which was given up comes too late.
  void finish(std::uint64_t id, const Result<HttpResponse>& response) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    const Entry& entry = found->second;
    AttemptReport report = entry.report;
    context_->judge(report, response, name_of(entry), now() - entry.sent_at, entry.order.body);
    end(id, std::move(report));
  }

  /// Ends an attempt that neither the credentials provider nor the transport ended in time.
  void give_up(std::uint64_t id) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    if (!found->second.transfer) {
      return end(id, unsent(is_stopped_ ? cancelled()
                                        : timed_out("credentials",
                                                    "the credentials provider did not return "
                                                    "within the attempt's timeout; check the "
                                                    "service that it asks")));
    }
    transport_->cancel(*found->second.transfer);
    Error error =
        is_stopped_ ? cancelled() : timed_out("transport", "it did not keep the request's timeout");
    error.may_have_been_delivered = true;
    finish(id, error);
  }

  /// Ends an attempt in the next step: not within `start` or `cancel`.
  void end_soon(std::uint64_t id, AttemptReport report) {
    ended_.emplace_back(id, std::move(report));
    loop_.wake();
  }

  void end(std::uint64_t id, AttemptReport report) {
    auto node = entries_.extract(id);
    if (!node) return;  // it has ended
    loop_.note_work();
    deadlines_.erase({node.mapped().deadline, id});
    report.body = std::move(node.mapped().order.body);
    if (node.mapped().done) node.mapped().done(std::move(report));
  }

  void set_deadline(std::uint64_t id, Entry& entry, Time deadline) {
    deadlines_.erase({entry.deadline, id});
    entry.deadline = deadline;
    deadlines_.emplace(deadline, id);
  }

  [[nodiscard]] std::vector<std::uint64_t> ids() const {
    std::vector<std::uint64_t> all;
    all.reserve(entries_.size());
    for (const auto& [id, entry] : entries_) all.push_back(id);
    return all;
  }

  [[nodiscard]] static AttemptName name_of(const Entry& entry) {
    const AttemptOrder& order = entry.order;
    return {order.operation, order.invocation_id, order.number, order.max_attempts};
  }
  [[nodiscard]] static Error cancelled() { return cancelled_error("AttemptSender", false); }
  [[nodiscard]] Time now() const { return context_->platform().steady_now(); }

  const std::shared_ptr<CallContext> context_;
  const std::shared_ptr<AsyncTransport> transport_;
  const CredentialsCache::Refresh refresh_;
  const std::function<void()> on_refreshed_;
  Loop& loop_;
  std::uint64_t last_id_{0};
  std::map<std::uint64_t, Entry> entries_{};
  std::set<std::pair<Time, std::uint64_t>> deadlines_{};
  std::vector<std::uint64_t> waiting_{};  // for credentials
  std::vector<std::pair<std::uint64_t, AttemptReport>> ended_{};
  bool is_stopped_{false};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

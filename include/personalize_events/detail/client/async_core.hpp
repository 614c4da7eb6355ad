// SPDX-License-Identifier: Apache-2.0
//
// AsyncCore: the implementation of AsyncClient, what all copies of one share, and with them the
// recorders on its loop: the loop, the sender and the settings.
#ifndef PERSONALIZE_EVENTS_DETAIL_CLIENT_ASYNC_CORE_HPP
#define PERSONALIZE_EVENTS_DETAIL_CLIENT_ASYNC_CORE_HPP

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "personalize_events/async_client.hpp"
#include "personalize_events/detail/client/async_calls.hpp"
#include "personalize_events/detail/client/attempt_sender.hpp"
#include "personalize_events/detail/client/call_context.hpp"
#include "personalize_events/detail/client/loop.hpp"
#include "personalize_events/detail/http/inline_transport.hpp"
#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/providers/cached.hpp"
#include "personalize_events/detail/signing/digest.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"
#include "personalize_events/worker_transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Who runs a loop.
enum class LoopDriver : std::uint8_t {
  OwnThread,  ///< a thread of the loop, and one more while credentials are refreshed
  Manual,     ///< the callers of Loop::run_once; no thread is started
};

/// At most so many threads carry the requests of a Transport that an application gave.
inline constexpr int kMaxTransportWorkers = 8;

/// The parts of one process. The destructor ends every call with Cancelled and joins the loop's
/// thread; on that thread itself both come once the callback that destroys it has returned.
struct AsyncParts {
  AsyncParts(const ClientOptions& options, LoopDriver driver)
      : context(std::make_shared<CallContext>(options, Carrier::AsyncTransport)),
        loop(std::make_shared<Loop>(options.async_transport, options.platform)),
        sender(std::make_shared<AttemptSender>(context, options.async_transport,
                                               driver == LoopDriver::Manual
                                                   ? CredentialsCache::Refresh::OnCaller
                                                   : CredentialsCache::Refresh::OnThread,
                                               *loop)),
        calls(std::make_shared<AsyncCalls>(context, sender, *loop)) {
    loop->add(calls);
    loop->add(sender);
  }
  AsyncParts(const AsyncParts&) = delete;
  AsyncParts& operator=(const AsyncParts&) = delete;
  ~AsyncParts() { loop->stop(); }

  const std::shared_ptr<CallContext> context;
  const std::shared_ptr<Loop> loop;
  const std::shared_ptr<AttemptSender> sender;
  const std::shared_ptr<AsyncCalls> calls;
};

/// The settings of an AsyncClient, and its parts in the process that uses them: a forked child
/// makes its own at its first call, and what its parent had in flight is the parent's alone.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class AsyncCore final : public AsyncClientImpl {
 public:
  AsyncCore(ClientOptions options, LoopDriver driver)
      : options_(with_transport(std::move(options), driver)), driver_(driver) {
    crypto::initialise();  // before anybody else, libcurl for one, who would plan its end
  }

  void put(const PutEventsRequest& request, Callback done) override {
    submit(request, std::move(done));
  }
  void put(const PutActionInteractionsRequest& request, Callback done) override {
    submit(request, std::move(done));
  }
  void put(const PutUsersRequest& request, Callback done) override {
    submit(request, std::move(done));
  }
  void put(const PutItemsRequest& request, Callback done) override {
    submit(request, std::move(done));
  }
  void put(const PutActionsRequest& request, Callback done) override {
    submit(request, std::move(done));
  }

  [[nodiscard]] const ClientOptions& options() const { return options_; }
  [[nodiscard]] LoopDriver driver() const { return driver_; }

  /// The parts of this process, with their thread running unless the driver is Manual. Errors:
  /// Configuration, when there is no transport or no thread to be had.
  [[nodiscard]] Result<AsyncParts*> parts() {
    if (options_.async_transport == nullptr) {
      return CallContext{options_, Carrier::AsyncTransport}.check_usable().error();
    }
    AsyncParts& parts =
        parts_.own([this] { return std::make_unique<AsyncParts>(options_, driver_); });
    if (driver_ == LoopDriver::Manual) return &parts;
    if (auto started = parts.loop->start(); !started) return std::move(started).error();
    return &parts;
  }

 private:
  template <class Request>
  void submit(const Request& request, Callback&& done) {
    using Description = model::Description<Request>;
    const Result<AsyncParts*> found = parts();
    if (!found) {
      if (done) done(found.error());
      return;
    }
    (*found)->calls->submit(Description::operation, Description::path,
                            body_of(*(*found)->context, request), std::move(done));
  }

  /// With an AsyncTransport, and with the number of requests that it carries at once.
  static ClientOptions with_transport(ClientOptions options, LoopDriver driver) {
    if (options.platform == nullptr) options.platform = system_platform();
    if (options.async_transport != nullptr || options.transport == nullptr) return options;
    int& workers = options.http.max_connections;
    if (driver == LoopDriver::Manual) {
      workers = 1;
      options.async_transport = std::make_shared<InlineTransport>(options.transport);
    } else {
      workers = std::clamp(workers, 1, kMaxTransportWorkers);
      options.async_transport = std::make_shared<WorkerTransport>(options.transport, workers);
    }
    return options;
  }

  const ClientOptions options_;
  const LoopDriver driver_;
  PerProcess<AsyncParts> parts_{};
};

/// What a recorder that shares the loop of a client takes from it, and a client on a loop that an
/// application drives.
struct AsyncClientAccess {
  [[nodiscard]] static std::shared_ptr<AsyncCore> core(const AsyncClient& client) {
    return std::static_pointer_cast<AsyncCore>(client.impl_);
  }
  [[nodiscard]] static AsyncClient client(std::shared_ptr<AsyncCore> core) {
    return AsyncClient(std::move(core));
  }
};

}  // namespace detail

inline AsyncClient::AsyncClient(ClientOptions options)
    : impl_(
          std::make_shared<detail::AsyncCore>(std::move(options), detail::LoopDriver::OwnThread)) {}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

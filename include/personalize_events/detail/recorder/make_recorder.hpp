// SPDX-License-Identifier: Apache-2.0
//
// make_recorder for a recorder on the loop of an AsyncClient, and what all recorders are made with.
// make_recorder.hpp and core.hpp include it.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_MAKE_RECORDER_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_MAKE_RECORDER_HPP

#include <memory>
#include <string>
#include <utility>

#include "personalize_events/async_client.hpp"
#include "personalize_events/detail/client/async_core.hpp"
#include "personalize_events/detail/platform/system_files.hpp"
#include "personalize_events/detail/recorder/recorder_core.hpp"
#include "personalize_events/detail/recorder/spool/spool.hpp"
#include "personalize_events/detail/wire/path.hpp"
#include "personalize_events/detail/wire/validate.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/recorder_options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

struct EventRecorderAccess {
  [[nodiscard]] static EventRecorder recorder(std::shared_ptr<AsyncCore> client,
                                              std::shared_ptr<RecorderCore> core) {
    return EventRecorder(std::move(client), std::move(core));
  }
};

[[nodiscard]] inline Result<void> check_recorder_options(const RecorderOptions& options) {
  const PutEventsRequest request{options.tracking_id, "session", {Event{"type"}}};
  const bool is_tracking_id = detail::wire::Validator{Validation::Model}
                                  .validate(request, detail::wire::Path{})
                                  .has_value();
  const SpoolOptions spool = options.spool.value_or(SpoolOptions{"."});
  const struct {
    bool is_met;
    const char* member;
    const char* rule;
  } rules[] = {
      {is_tracking_id, "tracking_id", "must be the 1 to 256 characters of an event tracker's id"},
      {options.linger.count() >= 0, "linger", "must not be negative"},
      {options.max_pending_events > 0, "max_pending_events", "must be at least 1"},
      {options.max_pending_bytes > 0, "max_pending_bytes", "must be at least 1"},
      {options.max_in_flight > 0, "max_in_flight", "must be at least 1"},
      {options.max_requests_per_second >= 0, "max_requests_per_second",
       "must be a number of at least 0; 0 is no limit"},
      {options.delivery_timeout.count() > 0, "delivery_timeout", "must be positive"},
      {options.block_timeout.count() >= 0, "block_timeout", "must not be negative"},
      {!spool.directory.empty(), "spool.directory", "must name a folder"},
      {spool.write_after.count() >= 0, "spool.write_after", "must not be negative"},
      {!spool.sync_interval || spool.sync_interval->count() > 0, "spool.sync_interval",
       "must be positive, or empty"},
      {spool.max_bytes >= detail::spool::kLeastSpoolBytes, "spool.max_bytes",
       "must be at least 1 MiB"},
      {spool.max_age.count() > 0, "spool.max_age", "must be positive"},
      {spool.account.size() <= detail::spool::kMaxAccountSize, "spool.account",
       "must be at most 4 096 bytes"},
  };
  for (const auto& [is_met, member, rule] : rules) {
    if (is_met) continue;
    return make_error(ErrorKind::Configuration, std::string{"RecorderOptions."}.append(member),
                      rule);
  }
  return {};
}

/// `files` has the spool; null: the system's files.
[[nodiscard]] inline Result<EventRecorder> make_recorder(
    RecorderOptions options, std::shared_ptr<AsyncCore> client,
    std::shared_ptr<FileSystem> files = nullptr) {
  if (auto valid = check_recorder_options(options); !valid) return std::move(valid).error();
  const Result<AsyncParts*> parts = client->parts();
  if (!parts) return parts.error();
  const std::shared_ptr<CallContext>& context = (*parts)->context;
  if (auto usable = context->check_usable(); !usable) return std::move(usable).error();
  std::shared_ptr<detail::spool::Spool> spool;
  if (options.spool) {
    if (files == nullptr) files = std::make_shared<detail::SystemFiles>();
    spool = std::make_shared<detail::spool::Spool>(
        std::move(files), *options.spool,
        detail::spool::Scope{context->options().region, context->endpoint_url(),
                             options.spool->account, options.tracking_id},
        options.max_pending_bytes, context->options().platform);
  }
  auto core = std::make_shared<RecorderCore>(std::move(options), context, (*parts)->loop,
                                             (*parts)->sender, std::move(spool));
  if (auto started = core->start(); !started) return std::move(started).error();
  (*parts)->loop->add(core);
  return EventRecorderAccess::recorder(std::move(client), std::move(core));
}

}  // namespace detail

/// Makes a recorder on the thread of an AsyncClient, which it keeps. Any number of recorders may
/// share the thread, connections and credentials of one client; all their callbacks are invoked on
/// that thread. A recorder with a spool has an additional thread that waits for the disk.
///
/// @par Error Handling
/// Configuration: an invalid setting, named in `where`; Driver::Manual, because the client has a
/// thread; a client without region, credentials or transport.
[[nodiscard]] inline Result<EventRecorder> make_recorder(RecorderOptions options,
                                                         const AsyncClient& client) {
  if (options.driver == Driver::Manual) {
    return detail::make_error(ErrorKind::Configuration, "RecorderOptions.driver",
                              "Manual needs a loop without a thread, and this client has one; "
                              "give make_recorder ClientOptions instead");
  }
  return detail::make_recorder(std::move(options), detail::AsyncClientAccess::core(client));
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

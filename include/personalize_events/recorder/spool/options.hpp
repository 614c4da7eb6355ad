// SPDX-License-Identifier: Apache-2.0
//
// SpoolOptions: what an application can say of a spool, the folder that keeps a recorder's events
// over a crash. RecorderOptions::spool is one.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_OPTIONS_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_OPTIONS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// The settings of a spool. Any number of processes and recorders may share one directory: each
/// writes to a folder of its own in it, and takes over those of writers that are gone, if they are
/// of the same region, endpoint, account label and tracking id.
struct SpoolOptions {
  /// Required. Made when it is absent, for its owner alone (0700). On a network file system nothing
  /// is promised.
  std::string directory;
  /// 0: an event is written before `record` returns (write-ahead). Else it is written only when it
  /// is still undelivered after this long, when there is no room in memory, or at close: this
  /// spares flash.
  std::chrono::milliseconds write_after{0};
  /// How often what was written is brought to the disk (fdatasync), by a thread of the spool's.
  /// Empty: the system decides when.
  std::optional<std::chrono::milliseconds> sync_interval{500};
  /// Most bytes of the directory. Beyond that the oldest events that are on the disk only end as
  /// Dropped.
  std::uint64_t max_bytes{256U << 20U};
  /// How long an event may wait; then it ends as Expired. It takes the place of
  /// RecorderOptions::delivery_timeout.
  std::chrono::hours max_age{168};
  /// What must stay free on the disk, or 5 % of it, whichever is less. Below that, as beyond
  /// `max_bytes`.
  std::uint64_t min_free_bytes{1U << 30U};
  /// A label of the application's own: whose events these are. At most 4 096 bytes.
  std::string account{};

  /// For flash memory: written when undelivered after a minute, synced every 30 s, 16 MiB.
  [[nodiscard]] static SpoolOptions device(std::string directory) {
    SpoolOptions options;
    options.directory = std::move(directory);
    options.write_after = std::chrono::seconds{60};
    options.sync_interval = std::chrono::seconds{30};
    options.max_bytes = 16U << 20U;
    return options;
  }
};

namespace spool {

/// The least SpoolOptions::max_bytes, and the longest SpoolOptions::account.
inline constexpr std::uint64_t kLeastSpoolBytes = 1U << 20U;
inline constexpr std::size_t kMaxAccountSize = 4'096;

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif

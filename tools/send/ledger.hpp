// SPDX-License-Identifier: Apache-2.0
//
// Ledger: what became of each row, written down: rejected rows in the file of `--rejects`, all that
// are done in the file of `--resume`.
#ifndef TOOLS_SEND_LEDGER_HPP
#define TOOLS_SEND_LEDGER_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "identity.hpp"
#include "rejects.hpp"
#include "rows.hpp"
#include "run_state.hpp"
#include "state_file.hpp"

namespace tools::send {

/// One thread at a time.
class Ledger {
 public:
  Ledger() = default;
  Ledger(RunState state, StateFile file) : state_(std::move(state)), file_(std::move(file)) {}

  /// Opens the file of rejected rows, behind those of the runs before if it is the same one.
  /// Errors: Configuration; Signing, when libcrypto fails.
  [[nodiscard]] pe::Result<void> open_rejects(const std::string& path) {
    auto digest = Names{}.digest(path);
    if (!digest) return std::move(digest).error();
    const bool goes_on = state_.rejects_path == *digest;
    state_.rejects_path = *std::move(digest);
    auto opened = rejects_.open(path, goes_on ? state_.rejects_size : 0);
    state_.rejects_size = rejects_.size();
    return opened;
  }

  void set_rows(std::uint64_t rows) { state_.rows = rows; }

  void sent(const std::vector<Origin>& rows) {
    for (const Origin& row : rows) state_.done.add(row.number);
    state_.sent += rows.size();
    note(file_.keep(state_));
  }
  void rejected(const Origin& row, const std::string& reason) {
    note(rejects_.write(row.line, reason, row.text));
    state_.rejects_size = rejects_.size();
    state_.done.add(row.number);
    ++state_.rejected;
    note(file_.keep(state_));
  }
  void finish() { note(file_.save(state_)); }

  [[nodiscard]] const RunState& state() const { return state_; }

  /// What could not be written; nothing while all could.
  [[nodiscard]] const std::optional<pe::Error>& failure() const { return failure_; }

 private:
  void note(pe::Result<void> written) {
    if (!written && !failure_) failure_ = std::move(written).error();
  }

  RunState state_{};
  StateFile file_{};
  Rejects rejects_{};
  std::optional<pe::Error> failure_{};
};

}  // namespace tools::send

#endif

// SPDX-License-Identifier: Apache-2.0
//
// StateFile: the file of `--resume`. It is replaced as a whole about once a second, so that there
// is always one that can be gone on from.
#ifndef TOOLS_SEND_STATE_FILE_HPP
#define TOOLS_SEND_STATE_FILE_HPP

#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "run_state.hpp"

namespace tools::send {

namespace pe = personalize_events;

/// One thread at a time. Errors: Configuration, `where` is the path.
class StateFile {
 public:
  /// Without a path nothing is kept.
  explicit StateFile(std::string path = {},
                     std::shared_ptr<pe::Platform> platform = pe::system_platform())
      : path_(std::move(path)), platform_(std::move(platform)) {}

  /// The state that is there, or a new one. It is refused when it belongs to another input.
  [[nodiscard]] pe::Result<RunState> load(const InputIdentity& input) const {
    RunState fresh;
    fresh.input = input;
    if (path_.empty()) return fresh;
    const auto text = platform_->read_file(path_);
    if (!text && text.error().code == "NotFound") return fresh;
    if (!text) return text.error();
    auto state = run_state_from(*text);
    if (!state) return at_path(state.error().message);
    const std::string difference = state->input.difference(input);
    if (difference.empty()) return state;
    return at_path("belongs to another run: " + difference +
                   " is not the same; go on with the same file and options, or remove the state "
                   "to begin anew");
  }

  /// Keeps the state if the last time is a second ago.
  [[nodiscard]] pe::Result<void> keep(const RunState& state) {
    if (path_.empty()) return {};
    const auto now = platform_->steady_now();
    if (kept_ && now - *kept_ < std::chrono::seconds{1}) return {};
    kept_ = now;
    return save(state);
  }

  /// Keeps the state now.
  [[nodiscard]] pe::Result<void> save(const RunState& state) const {
    if (path_.empty()) return {};
    return platform_->replace_file(path_, to_json(state));
  }

 private:
  [[nodiscard]] pe::Error at_path(std::string message) const {
    return pe::detail::make_error(pe::ErrorKind::Configuration, path_, std::move(message));
  }

  std::string path_;
  std::shared_ptr<pe::Platform> platform_;
  std::optional<std::chrono::steady_clock::time_point> kept_{};
};

}  // namespace tools::send

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Sending rejected events again, as "spool resend" does: an EventRecorder without a spool
// records the lines of rejected/*.jsonl, and the lines that were not delivered stay in their files.
#ifndef TOOLS_SPOOL_RESEND_HPP
#define TOOLS_SPOOL_RESEND_HPP

#include <personalize_events/detail/json/reader.hpp>
#include <personalize_events/detail/wire/read.hpp>
#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "folders.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "tables.hpp"

namespace tools::spool {

/// A line of a file of rejected events, or the reason why it is malformed.
struct RejectedLine {
  std::string tracking_id{};
  pe::Session session{};
  pe::Event event{};
  std::string problem{};
};

namespace resend_detail {

[[nodiscard]] inline bool is_member_of_event(std::string_view name) {
  return !pe::detail::model::for_each_member<pe::Event>(
      [name](const auto& member) { return member.wire_name != name; });
}

[[nodiscard]] inline std::string described(const pe::Error& error) {
  return error.where.empty() ? error.message : error.where + ": " + error.message;
}

}  // namespace resend_detail

/// Reads a line without its line feed. An event without its id or time is malformed, because it
/// would be sent under another one.
[[nodiscard]] inline RejectedLine read_rejected_line(std::string_view text) {
  RejectedLine line;
  const auto refuse = [&line](std::string problem) {
    line.problem = std::move(problem);
    return line;
  };
  const auto value = pe::detail::json::parse(text);
  if (!value) return refuse(resend_detail::described(value.error()));
  const std::string* tracking_id = value->find_string("trackingId");
  if (tracking_id == nullptr) return refuse("trackingId: missing");
  const std::string* session_id = value->find_string("sessionId");
  if (session_id == nullptr) return refuse("sessionId: missing");
  const pe::detail::json::Value* event = value->find("event");
  if (event == nullptr) return refuse("event: missing");
  for (const auto& member : event->members) {
    if (!resend_detail::is_member_of_event(member.first)) return refuse("event: unknown member");
  }
  line.tracking_id = *tracking_id;
  line.session.session_id = *session_id;
  if (const std::string* user_id = value->find_string("userId")) line.session.user_id = *user_id;
  auto read = pe::detail::wire::read<pe::Event>(*event);
  if (!read) return refuse("event: " + resend_detail::described(read.error()));
  if (!read->event_id) return refuse("event: eventId: missing");
  line.event = *std::move(read);
  return line;
}

/// The outcomes of the events that were recorded, by their ids.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class Outcomes {
 public:
  struct One {
    pe::Outcome outcome{pe::Outcome::Dropped};
    std::string reason{};
  };

  /// For RecorderOptions::on_delivery.
  void add(const pe::Delivery& delivery) {
    const std::string reason = delivery.error ? pe::to_string(*delivery.error) : std::string{};
    const std::lock_guard<std::mutex> lock{mutex_};
    for (const std::string& id : delivery.event_ids) outcomes_[id] = {delivery.outcome, reason};
    events_ += delivery.event_ids.size();
    completed_.notify_all();
  }

  /// Waits until so many events have completed; false after `deadline`.
  bool wait(std::uint64_t events, std::chrono::steady_clock::time_point deadline) {
    std::unique_lock<std::mutex> lock{mutex_};
    return completed_.wait_until(lock, deadline, [&] { return events_ >= events; });
  }

  /// The outcome of an event; Dropped if it has not completed.
  [[nodiscard]] One of(const std::string& id) const {
    const std::lock_guard<std::mutex> lock{mutex_};
    const auto found = outcomes_.find(id);
    return found == outcomes_.end() ? One{} : found->second;
  }

 private:
  mutable std::mutex mutex_{};
  std::condition_variable completed_{};
  std::map<std::string, One> outcomes_{};
  std::uint64_t events_{0};
};

/// The result of sending rejected events again.
struct Resend {
  std::uint64_t delivered{0};
  /// The service refused them once more.
  std::uint64_t rejected{0};
  /// Of another tracking id.
  std::uint64_t others{0};
  std::uint64_t malformed{0};
  /// Lines that are still in the files, of those that were read.
  std::uint64_t left{0};
  /// Files whose lines were all delivered.
  std::uint64_t removed_files{0};
  /// What was refused and which files were not read, one sentence each. No content of an event.
  std::vector<std::string> problems{};
};

/// Chooses the lines to send.
struct ResendScope {
  std::string tracking_id{};
  /// Takes also lines of other tracking ids. They are sent under `tracking_id`.
  bool any_tracking_id{false};
};

namespace resend_detail {

[[nodiscard]] inline pe::Result<std::string> content_of(pe::File& file) {
  std::string text;
  std::array<char, 65'536> buffer{};
  for (;;) {
    const auto got = file.read_at(text.size(), buffer.data(), buffer.size());
    if (!got) return got.error();
    if (*got == 0) return text;
    text.append(buffer.data(), *got);
  }
}

/// Puts `text` in place of a file, at once and whole.
[[nodiscard]] inline pe::Result<void> replace(pe::FileSystem& files, const std::string& path,
                                              std::string_view text) {
  const std::string fresh_path = path + ".new";
  // Left by a process that was killed here.
  static_cast<void>(files.remove_file(fresh_path));
  const auto fresh = files.open(fresh_path, pe::OpenFor::AppendToNew);
  if (!fresh) return fresh.error();
  while (!text.empty()) {
    const auto written = (*fresh)->append(text);
    if (!written) return written.error();
    text.remove_prefix(*written);
  }
  if (const auto synced = (*fresh)->sync(); !synced) return synced.error();
  return files.rename(fresh_path, path);
}

struct Line {
  std::size_t number{0};  ///< from 1
  std::string_view text{};
  std::string event_id{};  ///< empty: it was not recorded
};

/// Records the lines of a file. Empty lines are left out.
inline std::vector<Line> record_lines(pe::EventRecorder& recorder, const std::string& name,
                                      std::string_view text, const ResendScope& scope,
                                      Resend& resend) {
  std::vector<Line> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty()) continue;
    std::string& recorded_id = lines.emplace_back(Line{number, line, {}}).event_id;
    const auto refuse = [&](const std::string& problem) {
      ++resend.malformed;
      resend.problems.push_back(name + ":" + std::to_string(number) + ": " + problem);
    };
    RejectedLine read = read_rejected_line(line);
    if (!read.problem.empty()) {
      refuse(read.problem);
      continue;
    }
    if (read.tracking_id != scope.tracking_id && !scope.any_tracking_id) {
      ++resend.others;
      continue;
    }
    std::string event_id = *read.event.event_id;
    const auto recorded = recorder.record(read.session, std::move(read.event));
    if (recorded) {
      recorded_id = std::move(event_id);
    } else if (recorded.error().kind == pe::ErrorKind::InvalidArgument) {
      refuse(described(recorded.error()));
    }
  }
  return lines;
}

/// The lines that stay, with their line feeds.
[[nodiscard]] inline std::string lines_left(const std::vector<Line>& lines, const std::string& name,
                                            const Outcomes& outcomes, Resend& resend) {
  std::string text;
  for (const Line& line : lines) {
    if (!line.event_id.empty()) {
      const Outcomes::One one = outcomes.of(line.event_id);
      if (one.outcome == pe::Outcome::Delivered) {
        ++resend.delivered;
        continue;
      }
      if (one.outcome == pe::Outcome::Rejected) {
        ++resend.rejected;
        resend.problems.push_back(name + ":" + std::to_string(line.number) +
                                  ": rejected again: " + one.reason);
      }
    }
    ++resend.left;
    text.append(line.text).append("\n");
  }
  return text;
}

}  // namespace resend_detail

/// Sends the lines of `directory`/rejected, each event under its own id and time, until `deadline`.
/// `recorder` has no spool, and its on_delivery adds to `outcomes`, which is empty. A file that a
/// living recorder has open is left as it is. Errors: Storage; the folder cannot be listed, or a
/// file cannot be replaced after its events were sent.
inline pe::Result<Resend> resend(pe::EventRecorder& recorder, Outcomes& outcomes,
                                 pe::FileSystem& files, const std::string& directory,
                                 const ResendScope& scope,
                                 std::chrono::steady_clock::time_point deadline) {
  Resend resend;
  const std::string folder = directory + "/" + pe::detail::spool::kRejectedFolder;
  const auto names = files.list_folder(folder);
  if (!names && names.error().code == "NotFound") return resend;
  if (!names) return names.error();
  const auto leave = [&](const std::string& name, const std::string& reason) {
    resend.problems.push_back(name + ": " + reason);
  };
  constexpr std::string_view suffix = ".jsonl";
  for (const std::string& name : *names) {
    if (name.size() < suffix.size() ||
        std::string_view{name}.substr(name.size() - suffix.size()) != suffix) {
      continue;
    }
    const std::string path = folder + "/" + name;
    const auto file = files.open(path, pe::OpenFor::Read);
    if (!file) {
      leave(name, pe::to_string(file.error()));
      continue;
    }
    const auto is_locked = (*file)->try_lock();
    if (!is_locked || !*is_locked) {
      leave(name, "in use by a recorder; run resend again after it was closed");
      continue;
    }
    // Another resend may have replaced it before this one took the lock.
    const auto status = (*file)->status();
    const auto now = files.status(path);
    if (!status || !now || !status->is_same_file(*now)) {
      leave(name, "was replaced meanwhile; run resend again");
      continue;
    }
    const auto text = resend_detail::content_of(**file);
    if (!text) {
      leave(name, pe::to_string(text.error()));
      continue;
    }
    const auto lines = resend_detail::record_lines(recorder, name, *text, scope, resend);
    recorder.flush_soon();
    // What is pending at the deadline completes as Dropped.
    if (!outcomes.wait(recorder.stats().recorded, deadline)) {
      static_cast<void>(recorder.close(std::chrono::milliseconds{0}));
    }
    const std::string left = resend_detail::lines_left(lines, name, outcomes, resend);
    pe::Result<void> written;
    if (left.empty()) {
      written = files.remove_file(path);
      if (written) ++resend.removed_files;
    } else if (left != *text) {
      written = resend_detail::replace(files, path, left);
    }
    if (!written) return written.error();
  }
  if (const auto synced = files.sync_folder(folder); !synced) return synced.error();
  return resend;
}

[[nodiscard]] inline std::string resend_text(const Resend& resend) {
  std::string text;
  for (const auto& [name, number] :
       {std::pair{"delivered  ", resend.delivered}, std::pair{"rejected   ", resend.rejected},
        std::pair{"others     ", resend.others}, std::pair{"malformed  ", resend.malformed},
        std::pair{"left       ", resend.left}}) {
    text.append(name).append(std::to_string(number)).append("\n");
  }
  return text;
}

[[nodiscard]] inline std::string resend_json(const Resend& resend) {
  using tables_detail::member;
  return tables_detail::json_line([&](pe::detail::json::Writer& writer) {
    member(writer, "delivered", resend.delivered);
    member(writer, "rejected", resend.rejected);
    member(writer, "others", resend.others);
    member(writer, "malformed", resend.malformed);
    member(writer, "left", resend.left);
    member(writer, "removedFiles", resend.removed_files);
  });
}

}  // namespace tools::spool

#endif

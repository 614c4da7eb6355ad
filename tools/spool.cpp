// SPDX-License-Identifier: Apache-2.0
//
// personalize-events spool: maintains the spool of EventRecorders, the directory that
// SpoolOptions::directory names. Its parts are in spool/.
#include <personalize_events/personalize_events.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "connection_options.hpp"
#include "messages.hpp"
#include "program.hpp"
#include "spool/drain.hpp"
#include "spool/exported_event.hpp"
#include "spool/folders.hpp"
#include "spool/purge.hpp"
#include "spool/resend.hpp"
#include "spool/tables.hpp"

namespace tools::spool {

/// The command line.
struct Options {
  std::string directory{};
  bool is_json{false};
  bool is_sure{false};
  bool any_tracking_id{false};
  std::optional<int> older_than_hours{};
  std::string tracking_id{};
  std::string endpoint_url{};
  std::string region{};
  std::string profile{};
  std::string account{};
  int timeout_seconds{60};
  int max_age_hours{168};
};

int fail(const std::string& sentence) { return tools::fail("spool", sentence); }
int fail(const pe::Error& error) { return tools::fail("spool", error); }

/// Flushes the output and returns the status if that succeeded.
int finish(int status) {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return fail("standard output cannot be written");
  }
  return status;
}
int print(const std::string& text, int status) {
  std::fputs(text.c_str(), stdout);
  return finish(status);
}

std::int64_t now_ms() {
  using std::chrono::milliseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

int list(const Options& options) {
  pe::detail::SystemFiles files;
  const auto spool = read_spool(files, options.directory);
  if (!spool) return fail(spool.error());
  return print(options.is_json ? listing_json(*spool, now_ms()) : listing_text(*spool, now_ms()),
               kSuccess);
}

int check(const Options& options) {
  pe::detail::SystemFiles files;
  const auto spool = read_spool(files, options.directory);
  if (!spool) return fail(spool.error());
  return print(options.is_json ? check_json(*spool) : check_text(*spool),
               spool->is_damaged() ? kIncomplete : kSuccess);
}

int export_events(const Options& options) {
  pe::detail::SystemFiles files;
  std::uint64_t unwritable = 0;
  const auto spool =
      read_spool(files, options.directory, [&](const pe::detail::spool::Entry& entry) {
        const std::string line = exported_event(entry);
        if (line.empty()) ++unwritable;
        std::fwrite(line.data(), 1, line.size(), stdout);
      });
  if (!spool) return fail(spool.error());
  if (unwritable > 0) fail(count_of(unwritable, "event") + " that are not UTF-8 left out");
  if (spool->is_damaged()) fail("damage was found, see personalize-events spool check");
  return finish(unwritable == 0 && !spool->is_damaged() ? kSuccess : kIncomplete);
}

int purge(const Options& options) {
  pe::detail::SystemFiles files;
  std::optional<std::int64_t> before_ms;
  if (options.older_than_hours) {
    before_ms = now_ms() - std::int64_t{*options.older_than_hours} * 60 * 60 * 1000;
  }
  if (!options.is_sure) {
    const auto spool = read_spool(files, options.directory);
    if (!spool) return fail(spool.error());
    const Purge preview = purge_preview(*spool, before_ms);
    print(
        options.is_json ? purge_json(preview, false) : "would remove " + purge_text(preview) + "\n",
        kSuccess);
    return fail("nothing was removed; pass --yes to remove them");
  }
  const auto purged = purge(files, options.directory, before_ms);
  if (!purged) return fail(purged.error());
  for (const std::string& reason : purged->left) fail(reason);
  return print(
      options.is_json ? purge_json(*purged, true) : "removed " + purge_text(*purged) + "\n",
      purged->left.empty() ? kSuccess : kIncomplete);
}

/// Prints faults while events are sent.
void print_fault(const pe::Fault& fault) {
  const std::string kind{pe::to_string(fault.kind)};
  print_message("spool", {}, fault.cleared ? Severity::Note : Severity::Warning,
                kind + (fault.cleared ? " is over: " : " began: ") + sentence_of(fault.error));
}

pe::ClientOptions client_options(const Options& options) {
  pe::ClientOptions client;
  client.endpoint_url = options.endpoint_url;
  client.region = options.region;
  client.profile = options.profile;
  return client;
}

int drain(const Options& options) {
  pe::detail::SystemFiles files;
  if (const auto there = writers(files, options.directory); !there) return fail(there.error());
  pe::RecorderOptions settings = pe::RecorderOptions::server(options.tracking_id);
  settings.spool =
      drain_spool(options.directory, options.account, std::chrono::hours{options.max_age_hours});
  settings.on_fault = print_fault;
  auto recorder = pe::make_recorder(std::move(settings), client_options(options));
  if (!recorder) return fail(recorder.error());
  const auto drained = drain(*std::move(recorder), files, options.directory,
                             std::chrono::seconds{options.timeout_seconds});
  if (!drained) return fail(drained.error());
  return print(options.is_json ? drain_json(*drained) : drain_text(*drained),
               drained->folders.empty() ? kSuccess : kIncomplete);
}

int resend(const Options& options) {
  pe::detail::SystemFiles files;
  if (const auto there = writers(files, options.directory); !there) return fail(there.error());
  const std::chrono::seconds timeout{options.timeout_seconds};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  Outcomes outcomes;
  pe::RecorderOptions settings = pe::RecorderOptions::server(options.tracking_id);
  settings.when_full = pe::WhenFull::Block;
  settings.block_timeout = timeout;
  settings.delivery_timeout = timeout;
  settings.on_fault = print_fault;
  settings.on_delivery = [&outcomes](const pe::Delivery& delivery) { outcomes.add(delivery); };
  auto recorder = pe::make_recorder(std::move(settings), client_options(options));
  if (!recorder) return fail(recorder.error());
  const auto resent = resend(*recorder, outcomes, files, options.directory,
                             {options.tracking_id, options.any_tracking_id}, deadline);
  if (!resent) return fail(resent.error());
  for (const std::string& problem : resent->problems) fail(problem);
  return print(options.is_json ? resend_json(*resent) : resend_text(*resent),
               resent->left == 0 && resent->problems.empty() ? kSuccess : kIncomplete);
}

constexpr const char* kMoreHelp =
    "A folder is live while a process holds its lock: the recorder that writes to it, or a drain. "
    "Otherwise it is orphaned. ls, check and export only read, also live folders; purge and drain "
    "change only orphaned ones.\n\n"
    "A folder of another format version is listed as such and left untouched. Use the "
    "personalize-events of the version of the library that wrote it.";

constexpr const char* kTimes =
    "Ages and times are by the wall clock of the process that recorded the event. Recorders "
    "measure "
    "SpoolOptions::max_age by clocks that do not jump.\n\n";

}  // namespace tools::spool

namespace tools {

void add_spool(CLI::App& program, Command& chosen) {
  const auto options = std::make_shared<spool::Options>();
  CLI::App& group = *program.add_subcommand("spool", "Maintain the spool of EventRecorders");
  group.footer(spool::kMoreHelp);
  group.require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*run)(const spool::Options&),
                       const std::string& footer) {
    CLI::App* command = group.add_subcommand(name, help);
    command->footer(footer);
    command->callback(
        [&chosen, options, run] { chosen = [options, run] { return run(*options); }; });
    command->add_option("DIRECTORY", options->directory, "The spool's directory")->required();
    return command;
  };
  const auto add_json = [&](CLI::App* command) {
    command->add_flag("--json", options->is_json, "Print one line of JSON");
  };
  add_json(add("ls", "List the writers' folders", spool::list,
               spool::kTimes + std::string("Exit status: 0 success; 2 usage, or a directory that "
                                           "cannot be read.")));
  add_json(add("check", "Read everything and report damage", spool::check,
               "A torn frame is not damage: a process was killed while it recorded that event.\n\n"
               "Exit status: 0 success; 1 damage was found; 2 usage, or a directory that cannot be "
               "read."));
  add("export", "Print the open events, as lines of JSON", spool::export_events,
      "The output is user data.\n\n" + std::string(spool::kTimes) +
          "Exit status: 0 success; 1 damage was found; 2 usage, or a directory that cannot be "
          "read.");
  CLI::App* purge =
      add("purge", "Remove the folders of orphaned writers", spool::purge,
          "Removes only what no process holds.\n\n" + std::string(spool::kTimes) +
              "Exit status: 0 success; 1 something is left; 2 usage, a directory that "
              "cannot be read, or --yes was not given.");
  add_json(purge);
  purge->add_flag("--yes", options->is_sure,
                  "Remove them; without it, only print what would be removed");
  purge
      ->add_option("--older-than", options->older_than_hours,
                   "Only folders whose every open event is older than this number of hours")
      ->check(CLI::Range(0, 1'000'000));
  CLI::App* drain = add("drain", "Send the events of orphaned writers", spool::drain,
                        "Adopts the folders of its scope: --tracking-id, the region, the endpoint, "
                        "--account. The others count as left.\n\n"
                        "Exit status: 0 success; 1 something is left; 2 usage, configuration, or a "
                        "directory that cannot be read.");
  CLI::App* resend = add(
      "resend", "Send rejected events again", spool::resend,
      "Sends the lines of rejected/*.jsonl again, each event under its ID and time; correct them "
      "first. Lines of another trackingId count as others and stay, unless --any-tracking-id is "
      "given; malformed lines are reported with file and line number and stay. A delivered line "
      "is removed from its file, an empty file is removed. Files of live recorders are left.\n\n"
      "Exit status: 0 success; 1 something is left; 2 usage, configuration, or a directory that "
      "cannot be read.");
  for (CLI::App* command : {drain, resend}) {
    add_json(command);
    command->add_option("--tracking-id", options->tracking_id, "The event tracker's ID")
        ->required();
    add_connection_options(*command, *options);
    command->add_option("--timeout", options->timeout_seconds, "The maximum of seconds to take")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
  }
  drain->add_option("--account", options->account, "The writers' SpoolOptions::account");
  drain
      ->add_option("--max-age", options->max_age_hours,
                   "Hours after which an event is not sent any more, but completes as expired")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  resend->add_flag("--any-tracking-id", options->any_tracking_id,
                   "Send also lines of other tracking IDs, under --tracking-id");
}

}  // namespace tools

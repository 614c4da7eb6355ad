// SPDX-License-Identifier: Apache-2.0
//
// process_credentials: keys that a program prints, the `credential_process` of a profile. The
// profile provider uses it; an application may name a program of its own.
// Source: AWS SDKs and Tools Reference Guide, "Process credential provider".
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_PROCESS_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_PROCESS_HPP

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

inline constexpr const char* kProcessSource = "credential_process";

/// How long the program may run. AWS names no limit; a person may have to touch a security key.
inline constexpr std::chrono::milliseconds kProcessTimeout{60'000};

/// Reads what the program printed. Pure. Errors: Credentials, without a part of the text.
[[nodiscard]] inline Result<Credentials> credentials_of_process(std::string_view output) {
  Result<detail::json::Value> printed = json_of(output, kProcessSource);
  if (!printed) return std::move(printed).error();
  const detail::WipedAtEnd wipe{*printed};
  const detail::json::Value* version = find_in_any_case(*printed, "Version");
  const bool known = version != nullptr && version->is(detail::json::Value::Type::Number) &&
                     parse_double(version->text) == 1.0;
  if (!known) {
    return failed_source(kProcessSource,
                         "its answer is unusable: the program must print a JSON object whose "
                         "Version is the number 1");
  }
  CredentialNames names;
  names.session_token = "SessionToken";
  names.needs_session_token = false;
  names.needs_expiration = false;
  return credentials_of(*printed, names, kProcessSource);
}

/// Runs the program and reads what it prints.
[[nodiscard]] inline Result<Credentials> ask_process(Platform& platform, const std::string& command,
                                                     std::chrono::milliseconds timeout) {
  if (trim(command).empty()) {
    return misconfigured_source(kProcessSource, "the command is empty; name a program");
  }
  Result<std::string> output = platform.run_process(command, timeout);
  if (!output) return failed_source(kProcessSource, output.error().message);
  const detail::WipedAtEnd wipe{*output};
  return credentials_of_process(*output);
}

}  // namespace detail

/// A provider that runs `command` at each call and reads the JSON object that it prints: `Version`
/// (1), `AccessKeyId`, `SecretAccessKey`, and if need be `SessionToken`, `Expiration` (RFC 3339)
/// and `AccountId`. It runs without a shell unless it has shell syntax, for at most a minute and
/// no longer than the call that needs the keys. It may ask a person for an MFA code or a
/// passphrase: it inherits standard error, and a terminal on standard input (see run_process).
///
/// @par Error Handling
/// Credentials, `where` is "credential_process": it cannot be started, fails, is killed at the end
/// of its time, or prints something else. The command, its output and what it writes to standard
/// error may be secret and are not part of the message.
[[nodiscard]] inline CredentialsProvider process_credentials(std::string command,
                                                             ProviderContext context = {}) {
  if (context.platform == nullptr) context.platform = system_platform();
  return [command = std::move(command),
          platform = std::move(context.platform)](const CredentialsRequest& request) {
    return detail::ask_process(*platform, command,
                               (std::min)(request.timeout, detail::kProcessTimeout));
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The options of every command that makes a client: where it sends, and as whom.
#ifndef TOOLS_CONNECTION_OPTIONS_HPP
#define TOOLS_CONNECTION_OPTIONS_HPP

#include <CLI/CLI.hpp>

namespace tools {

/// Adds them; `options` has the members of ClientOptions that they set.
template <class Options>
void add_connection_options(CLI::App& command, Options& options) {
  command.add_option("--endpoint-url", options.endpoint_url, "The endpoint, in place of AWS's");
  command.add_option("--region", options.region, "The AWS region");
  command.add_option("--profile", options.profile, "A profile of the shared AWS files");
}

}  // namespace tools

#endif

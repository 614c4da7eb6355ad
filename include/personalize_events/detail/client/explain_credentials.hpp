// SPDX-License-Identifier: Apache-2.0
//
// What explain() says of credentials: each provider of the default chain, and whether it would
// supply some, from the environment and the files alone. The providers report of themselves.
#ifndef PERSONALIZE_EVENTS_DETAIL_CLIENT_EXPLAIN_CREDENTIALS_HPP
#define PERSONALIZE_EVENTS_DETAIL_CLIENT_EXPLAIN_CREDENTIALS_HPP

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/detail/client/report.hpp"
#include "personalize_events/detail/providers/default_chain.hpp"
#include "personalize_events/detail/providers/provider_context.hpp"
#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Writes each provider of the default chain, and which of them the credentials would come from:
/// the first that is configured. Nothing is sent, run or written.
inline void explain_credentials(ReportWriter& writer, const SourceContext& context) {
  std::vector<std::pair<const char*, ProviderReport>> reports;
  for (const ChainLink& link : default_chain_links(context)) {
    reports.emplace_back(link.name, link.report());
  }
  const auto is_configured = [&reports](std::size_t i) {
    return reports[i].second.state != ProviderReport::State::NotConfigured;
  };
  std::size_t chosen = 0;
  while (chosen < reports.size() && !is_configured(chosen)) ++chosen;
  const bool has_any = chosen < reports.size();
  writer.line("credentials", has_any ? reports[chosen].first : "NONE: no provider has any",
              "default chain");
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto& [name, report] = reports[i];
    constexpr const char* kWords[] = {"none: ", "has ", "would use ", "WRONG: "};
    std::string text{i > chosen && is_configured(i) ? "not reached; " : ""};
    text.append(kWords[static_cast<std::size_t>(report.state)]).append(report.what);
    writer.line("  " + std::to_string(i + 1) + " " + name, text, report.where);
  }
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Endpoints: from a region, or from a URL of the user's, to the place where requests go. Pure
// functions; settings.hpp finds their inputs, and the clients form URLs and Host headers from what
// they answer. The rules and partitions are those of the service's endpoint rule set (2025-10-23).
#ifndef PERSONALIZE_EVENTS_DETAIL_CONFIG_ENDPOINT_HPP
#define PERSONALIZE_EVENTS_DETAIL_CONFIG_ENDPOINT_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Where requests go. A request's URL is `url` + "/events" or the like.
struct Endpoint {
  /// "https" or "http".
  std::string scheme{};
  /// As in the Host header: lower case, the scheme's own port left out, IPv6 in brackets.
  std::string host{};
  /// Empty, or beginning with a slash and not ending in one.
  std::string base_path{};
  /// scheme + "://" + host + base_path.
  std::string url{};
};

/// A set of regions that share their domain names.
struct Partition {
  /// "aws", "aws-cn".
  std::string_view id;
  /// First parts of its regions' names, parted by blanks.
  std::string_view region_prefixes;
  /// The name that stands for the whole partition; may be empty.
  std::string_view global_region;
  /// "amazonaws.com".
  std::string_view dns_suffix;
  /// "api.aws".
  std::string_view dual_stack_dns_suffix;
};

/// AWS's partitions. The first is also that of regions that match none.
inline constexpr std::array<Partition, 8> kPartitions{{
    {"aws", "us eu ap sa ca me af il mx", "aws-global", "amazonaws.com", "api.aws"},
    {"aws-cn", "cn", "aws-cn-global", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"aws-eusc", "eusc-de", "", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"aws-us-gov", "us-gov", "aws-us-gov-global", "amazonaws.com", "api.aws"},
    {"aws-iso", "us-iso", "aws-iso-global", "c2s.ic.gov", "api.aws.ic.gov"},
    {"aws-iso-b", "us-isob", "aws-iso-b-global", "sc2s.sgov.gov", "api.aws.scloud"},
    {"aws-iso-e", "eu-isoe", "aws-iso-e-global", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"aws-iso-f", "us-isof", "aws-iso-f-global", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
}};

/// The text up to the first `separator`, which is cut off `rest` with it.
[[nodiscard]] constexpr std::string_view take_until(std::string_view& rest,
                                                    char separator) noexcept {
  const std::size_t at = rest.find(separator);
  const std::string_view head = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return head;
}

// Whether a region matches `^<prefix>-\w+-\d+$`, the form of all the rule set's expressions.
[[nodiscard]] inline bool region_has_prefix(std::string_view region, std::string_view prefix) {
  if (region.substr(0, prefix.size()) != prefix) return false;
  region.remove_prefix(prefix.size());
  if (region.empty() || region.front() != '-') return false;
  region.remove_prefix(1);
  const std::string_view word = take_until(region, '-');
  return !word.empty() &&
         all_of(word, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; }) &&
         !region.empty() && all_of(region, is_digit);
}

[[nodiscard]] inline bool is_region_of(std::string_view region, const Partition& partition) {
  if (!region.empty() && region == partition.global_region) return true;
  for (std::string_view prefixes = partition.region_prefixes; !prefixes.empty();) {
    if (region_has_prefix(region, take_until(prefixes, ' '))) return true;
  }
  return false;
}

/// Whether `text` is an IPv6 address as RFC 4291, section 2.2, writes it, without a zone.
[[nodiscard]] inline bool is_ipv6_address(std::string_view text) {
  const std::size_t gap = text.find("::");
  const bool has_gap = gap != std::string_view::npos;
  if (has_gap && text.find("::", gap + 1) != std::string_view::npos) return false;

  // Counts the 16-bit groups of one side of the gap; a negative number for a broken side.
  const auto count_groups = [](std::string_view side, bool is_last) {
    if (!side.empty() && side.back() == ':') return -100;
    int groups = 0;
    while (!side.empty()) {
      const std::string_view group = take_until(side, ':');
      if (is_last && side.empty() && group.find('.') != std::string_view::npos) {
        int numbers = 0;
        for (std::string_view dotted = group; !dotted.empty(); ++numbers) {
          const std::string_view number = take_until(dotted, '.');
          if (number.empty() || number.size() > 3 || !all_of(number, is_digit)) return -100;
          if (number.size() == 3 && number > "255") return -100;
        }
        if (numbers != 4 || group.back() == '.') return -100;
        return groups + 2;
      }
      if (group.empty() || group.size() > 4 || !all_of(group, is_hex_digit)) return -100;
      ++groups;
    }
    return groups;
  };
  if (!has_gap) return count_groups(text, true) == 8;
  const int before = count_groups(text.substr(0, gap), false);
  const int after = count_groups(text.substr(gap + 2), true);
  return before >= 0 && after >= 0 && before + after <= 7;
}

/// Whether `text` is a host name or an IPv4 address: labels of letters, digits, `-` and `_`.
[[nodiscard]] inline bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.back() == '.') return false;
  while (!text.empty()) {
    const std::string_view label = take_until(text, '.');
    if (label.empty() || label.size() > 63) return false;
    if (!all_of(label,
                [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; })) {
      return false;
    }
  }
  return true;
}

/// Whether `path`, empty or beginning with a slash, is encoded (RFC 3986, section 3.3) and free of
/// `.` and `..`, which a transport may resolve after the path was signed.
[[nodiscard]] inline bool is_encoded_path(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '%') {
      if (path.size() - i < 3 || !is_hex_digit(path[i + 1]) || !is_hex_digit(path[i + 2])) {
        return false;
      }
    } else if (!is_letter(c) && !is_digit(c) &&
               std::string_view{"/-._~!$&'()*+,;=:@"}.find(c) == std::string_view::npos) {
      return false;
    }
  }
  while (!path.empty()) {
    const std::string_view segment = take_until(path, '/');
    if (segment == "." || segment == "..") return false;
  }
  return true;
}

/// The host of Endpoint::host.
[[nodiscard]] constexpr std::string_view without_port(std::string_view host) noexcept {
  const std::size_t port = host.rfind(':');
  const bool has_port = port != std::string_view::npos && host.back() != ']';
  return has_port ? host.substr(0, port) : host;
}

/// Whether Endpoint::host is this machine: localhost, 127.0.0.0/8 or [::1]. Other spellings of an
/// address are other hosts.
[[nodiscard]] inline bool is_loopback_host(std::string_view host) {
  host = without_port(host);
  if (host == "localhost" || host == "[::1]") return true;
  int numbers = 0;
  const bool is_loopback = host.substr(0, 4) == "127.";
  for (std::string_view rest = host; !rest.empty(); ++numbers) {
    const std::string_view number = take_until(rest, '.');
    const bool is_plain = !number.empty() && number.size() <= 3 && all_of(number, is_digit) &&
                          (number.size() == 1 || number.front() != '0') &&
                          (number.size() < 3 || number <= "255");
    if (!is_plain) return false;
  }
  return is_loopback && numbers == 4;
}

/// Whether no other host can read or change what is exchanged with an endpoint: TLS, or this
/// machine.
[[nodiscard]] inline bool is_private_endpoint(const Endpoint& endpoint) {
  return endpoint.scheme == "https" || is_loopback_host(endpoint.host);
}

/// An error about the URL, which is not shown: it may hold a password.
[[nodiscard]] inline Error endpoint_error(const char* what) {
  return make_error(ErrorKind::Configuration, "endpoint_url",
                    std::string{"not a usable endpoint URL: "}.append(what).append(
                        "; write it like https://example.com or http://127.0.0.1:8080/base"));
}

/// The partition of a region, by the rule set's order; that of unknown regions is the first.
[[nodiscard]] inline const Partition& find_partition(std::string_view region) {
  for (const Partition& partition : kPartitions) {
    if (detail::is_region_of(region, partition)) return partition;
  }
  return kPartitions.front();
}

/// Checks that a region can stand in a host name: 1-63 letters, digits and hyphens, none at either
/// end, not digits alone. Errors: Configuration, `where` is "region".
[[nodiscard]] inline Result<void> check_region(std::string_view region) {
  const auto allowed = [](char c) {
    return detail::is_letter(c) || detail::is_digit(c) || c == '-';
  };
  const bool good = !region.empty() && region.size() <= 63 && region.front() != '-' &&
                    region.back() != '-' && detail::all_of(region, allowed) &&
                    !detail::all_of(region, detail::is_digit);
  if (good) return {};
  return detail::make_error(
      ErrorKind::Configuration, "region",
      "not a region; a region looks like us-east-1: letters, digits and hyphens");
}

/// Checks the application's name for the User-Agent, because it becomes part of a header. Errors:
/// Configuration, `where` is "app_id".
[[nodiscard]] inline Result<void> check_app_id(std::string_view app_id) {
  if (app_id.empty() || (app_id.size() <= 50 && is_http_token(app_id))) return {};
  return make_error(ErrorKind::Configuration, "app_id",
                    "must be at most 50 letters, digits and characters of !#$%&'*+-.^_`|~");
}

/// Reads an endpoint URL: http or https, a host name or address, and if need be a port and a base
/// path, which is kept without a slash at its end. Errors: Configuration, `where` is
/// "endpoint_url"; the message says what is wrong and never shows the URL.
[[nodiscard]] inline Result<Endpoint> parse_endpoint_url(std::string_view url) {
  using detail::endpoint_error;
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) {
    return endpoint_error("it does not begin with https:// or http://");
  }
  Endpoint endpoint;
  endpoint.scheme = detail::to_lower(url.substr(0, scheme_end));
  if (endpoint.scheme != "https" && endpoint.scheme != "http") {
    return endpoint_error("it does not begin with https:// or http://");
  }
  url.remove_prefix(scheme_end + 3);
  if (url.find_first_of("?#") != std::string_view::npos) {
    return endpoint_error("it has a query or a fragment");
  }

  const std::size_t path_start = (std::min)(url.find('/'), url.size());
  const std::string_view authority = url.substr(0, path_start);
  std::string_view path = url.substr(path_start);
  if (authority.find('@') != std::string_view::npos) {
    return endpoint_error("it has a user name or password");
  }

  const bool bracketed = !authority.empty() && authority.front() == '[';
  const std::size_t bracket = bracketed ? authority.find(']') : std::string_view::npos;
  if (bracketed && bracket == std::string_view::npos) {
    return endpoint_error("a bracket is not closed");
  }
  const std::size_t host_end =
      bracketed ? bracket + 1 : (std::min)(authority.find(':'), authority.size());
  const std::string_view host = authority.substr(0, host_end);
  if (host.empty()) return endpoint_error("it has no host");
  if (bracketed && !detail::is_ipv6_address(host.substr(1, host.size() - 2))) {
    return endpoint_error("there is no IPv6 address between its brackets");
  }
  if (!bracketed && !detail::is_host_name(host)) {
    return endpoint_error(
        "its host is neither a name (other than ASCII in its xn-- form) nor an address");
  }
  endpoint.host = detail::to_lower(host);

  std::string_view port = authority.substr(host_end);
  if (!port.empty()) {
    if (port.front() != ':') return endpoint_error("something stands between its host and port");
    port.remove_prefix(1);
    while (port.size() > 1 && port.front() == '0') port.remove_prefix(1);
    const bool in_range = !port.empty() && detail::all_of(port, detail::is_digit) && port != "0" &&
                          (port.size() < 5 || (port.size() == 5 && port <= "65535"));
    if (!in_range) return endpoint_error("its port is not a number from 1 to 65535");
    if (port != (endpoint.scheme == "https" ? "443" : "80")) endpoint.host.append(":").append(port);
  }

  if (!detail::is_encoded_path(path)) {
    return endpoint_error(
        "its path has a character that must be percent-encoded, or a . or .. segment");
  }
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  endpoint.base_path = std::string{path};
  endpoint.url = endpoint.scheme + "://" + endpoint.host + endpoint.base_path;
  return endpoint;
}

/// What an endpoint is made from.
struct EndpointParameters {
  std::string region{};        ///< May be empty when `endpoint_url` is not.
  std::string endpoint_url{};  ///< A custom endpoint; empty: the region's.
  bool use_fips{false};        ///< `prefix`-fips; not with a custom endpoint.
  bool use_dual_stack{false};  ///< IPv4 and IPv6; not with a custom endpoint.
};

/// The endpoint of one of AWS's services, by the rules that all share: the custom endpoint, or a
/// host name that begins with `prefix`, for example "sts". Errors: Configuration, `where` names the
/// member of EndpointParameters.
[[nodiscard]] inline Result<Endpoint> resolve_service_endpoint(
    std::string_view prefix, const EndpointParameters& parameters) {
  using detail::make_error;
  if (!parameters.endpoint_url.empty()) {
    if (parameters.use_fips) {
      return make_error(ErrorKind::Configuration, "use_fips",
                        "Invalid Configuration: FIPS and custom endpoint are not supported "
                        "together; leave out one");
    }
    if (parameters.use_dual_stack) {
      return make_error(ErrorKind::Configuration, "use_dual_stack",
                        "Invalid Configuration: Dualstack and custom endpoint are not supported "
                        "together; leave out one");
    }
    return parse_endpoint_url(parameters.endpoint_url);
  }
  if (parameters.region.empty()) {
    return make_error(ErrorKind::Configuration, "region",
                      "Invalid Configuration: Missing Region; set ClientOptions::region, "
                      "AWS_REGION, or region in the profile");
  }
  if (Result<void> checked = check_region(parameters.region); !checked) return checked.error();

  const Partition& partition = find_partition(parameters.region);
  std::string url{"https://"};
  url.append(prefix).append(parameters.use_fips ? "-fips." : ".");
  url.append(parameters.region).append(".");
  url.append(parameters.use_dual_stack ? partition.dual_stack_dns_suffix : partition.dns_suffix);
  return parse_endpoint_url(url);
}

/// The endpoint that the rule set of Personalize Events gives. Errors: as above.
[[nodiscard]] inline Result<Endpoint> resolve_endpoint(const EndpointParameters& parameters) {
  return resolve_service_endpoint("personalize-events", parameters);
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

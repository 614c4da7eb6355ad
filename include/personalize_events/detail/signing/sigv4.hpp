// SPDX-License-Identifier: Apache-2.0
//
// AWS Signature Version 4 in the Authorization header: each intermediate as a pure function, and
// Signer, which signs a request with cached keys and reused contexts. The client signs each attempt
// with it; credential providers sign their own requests with it.
// Source:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#ifndef PERSONALIZE_EVENTS_DETAIL_SIGNING_SIGV4_HPP
#define PERSONALIZE_EVENTS_DETAIL_SIGNING_SIGV4_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/base/uri.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/signing/crypto.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::sigv4 {

inline constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

/// How a request is signed.
struct SigningOptions {
  std::string_view region;
  std::string_view service;         ///< the signing name: "personalize", not the endpoint's
  std::string_view payload_hash{};  ///< hex; empty: of the request's own body
  bool normalize_path{true};        ///< off for services that take dots and slashes as they are
  bool sign_session_token{true};    ///< off: the token is added unsigned
};

/// The path and the query of an absolute URL, as they are sent.
struct Target {
  std::string_view path;
  std::string_view query;
};

[[nodiscard]] inline Target target_of(std::string_view url) {
  const std::size_t authority = url.find("://");
  const std::size_t path =
      url.find_first_of("/?", authority == std::string_view::npos ? 0 : authority + 3);
  if (path == std::string_view::npos) return {};
  url.remove_prefix(path);
  url = url.substr(0, url.find('#'));
  const std::size_t query = url.find('?');
  if (query == std::string_view::npos) return {url, {}};
  return {url.substr(0, query), url.substr(query + 1)};
}

/// The path, normalized, then percent-encoded as it is sent; this is the "double encoding" of all
/// services but S3.
[[nodiscard]] inline std::string canonical_uri(std::string_view path, bool normalize) {
  if (path.empty()) return "/";
  if (!normalize) return detail::percent_encode(path, detail::Slash::Keep);
  return detail::percent_encode(detail::normalize_path(path), detail::Slash::Keep);
}

/// The query's names and values encoded, sorted as pairs.
[[nodiscard]] inline std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix((std::min)(query.size(), parameter.size() + 1));
    if (parameter.empty()) continue;
    const std::size_t equals = parameter.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? "" : parameter.substr(equals + 1);
    pairs.emplace_back(detail::percent_encode(detail::percent_decode(parameter.substr(0, equals))),
                       detail::percent_encode(detail::percent_decode(value)));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string canonical;
  for (const auto& [name, value] : pairs) {
    if (!canonical.empty()) canonical.push_back('&');
    canonical.append(name).append("=").append(value);
  }
  return canonical;
}

/// Whether a header takes part in the signature. The ones that do not are those that proxies and
/// HTTP stacks change on the way.
[[nodiscard]] inline bool is_signed_header(std::string_view name) {
  constexpr std::string_view unsigned_headers[] = {"authorization",
                                                   "connection",
                                                   "expect",
                                                   "keep-alive",
                                                   "proxy-authenticate",
                                                   "proxy-authorization",
                                                   "te",
                                                   "trailer",
                                                   "transfer-encoding",
                                                   "upgrade",
                                                   "user-agent",
                                                   "x-amzn-trace-id"};
  return std::none_of(std::begin(unsigned_headers), std::end(unsigned_headers),
                      [name](std::string_view other) { return equal_header_names(name, other); });
}

/// A header value without space at its ends, and with one space for each run of white space.
[[nodiscard]] inline std::string canonical_header_value(std::string_view value) {
  std::string canonical;
  canonical.reserve(value.size());  // growing would leave copies of a token behind
  bool gap = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      gap = true;
      continue;
    }
    if (gap && !canonical.empty()) canonical.push_back(' ');
    gap = false;
    canonical.push_back(c);
  }
  return canonical;
}

/// Headers in canonical form: "name:value\n" lines sorted by name, and "name;name". The lines hold
/// the session token.
struct CanonicalHeaders {
  std::string lines;
  std::string names;
};

[[nodiscard]] inline CanonicalHeaders canonical_headers(const Headers& headers) {
  // With the position, because the values of a repeated header are joined in the order in which
  // they are sent. (std::stable_sort calls what newer compilers report as deprecated.)
  std::vector<std::tuple<std::string, std::size_t, std::string>> sorted;
  sorted.reserve(headers.size());
  std::size_t size = 0;
  for (const auto& [name, value] : headers) {
    if (!is_signed_header(name)) continue;
    sorted.emplace_back(detail::to_lower(name), sorted.size(), canonical_header_value(value));
    size += name.size() + value.size() + 2;
  }
  std::sort(sorted.begin(), sorted.end());
  CanonicalHeaders canonical;
  canonical.lines.reserve(size);
  std::string_view previous;
  for (auto& [name, position, value] : sorted) {
    if (!canonical.names.empty() && name == previous) {
      canonical.lines.back() = ',';
      canonical.lines.append(value).append("\n");
    } else {
      canonical.lines.append(name).append(":").append(value).append("\n");
      if (!canonical.names.empty()) canonical.names.push_back(';');
      canonical.names.append(name);
      previous = name;
    }
    wipe(value);
  }
  return canonical;
}

/// The canonical request: six parts on lines of their own.
[[nodiscard]] inline std::string canonical_request(const HttpRequest& request,
                                                   const CanonicalHeaders& headers,
                                                   std::string_view payload_hash,
                                                   bool normalize_path) {
  const Target target = target_of(request.url);
  const std::string uri = canonical_uri(target.path, normalize_path);
  const std::string query = canonical_query(target.query);
  std::string canonical;
  canonical.reserve(request.method.size() + uri.size() + query.size() + headers.lines.size() +
                    headers.names.size() + payload_hash.size() + 5);
  canonical.append(request.method).append("\n");
  canonical.append(uri).append("\n");
  canonical.append(query).append("\n");
  canonical.append(headers.lines).append("\n");
  canonical.append(headers.names).append("\n");
  canonical.append(payload_hash);
  return canonical;
}

/// The credential scope: "20150830/us-east-1/personalize/aws4_request".
[[nodiscard]] inline std::string credential_scope(std::string_view amz_date,
                                                  const SigningOptions& options) {
  std::string scope{amz_date.substr(0, 8)};
  return scope.append("/")
      .append(options.region)
      .append("/")
      .append(options.service)
      .append("/aws4_request");
}

/// The string to sign: the algorithm, the date, the scope and the hash of the canonical request.
[[nodiscard]] inline std::string string_to_sign(std::string_view amz_date, std::string_view scope,
                                                std::string_view canonical_request_hash) {
  std::string text{kAlgorithm};
  return text.append("\n").append(amz_date).append("\n").append(scope).append("\n").append(
      canonical_request_hash);
}

/// The key that signs for one secret, day, region and service: four HMACs in a row, kept in `hmac`.
/// Errors: Signing.
template <class Hmac>
[[nodiscard]] Result<void> derive_signing_key(Hmac& hmac, std::string_view secret_access_key,
                                              std::string_view scope) {
  std::string seed = "AWS4";
  seed.reserve(
      4 + secret_access_key.size());  // one block, so that no copy of the secret is left behind
  seed.append(secret_access_key);
  auto keyed = hmac.set_key(reinterpret_cast<const unsigned char*>(seed.data()), seed.size());
  wipe(seed);
  while (keyed && !scope.empty()) {
    const std::string_view part = scope.substr(0, scope.find('/'));
    scope.remove_prefix((std::min)(scope.size(), part.size() + 1));
    auto key = hmac.mac(part);
    if (!key) return std::move(key).error();
    keyed = hmac.set_key(key->data(), key->size());
    wipe(key->data(), key->size());
  }
  return keyed;
}

/// Signs requests. Holds a few contexts, each with the key it signed with last, so that signing
/// again on the same day with the same credentials derives nothing.
///
/// @par Thread Safety
/// Any thread; concurrent calls use a context each.
///
/// @par Error Handling
/// Signing, when libcrypto fails; the request is left as it was.
class Signer {
 public:
  /// Adds X-Amz-Date, X-Amz-Security-Token when there is one, and Authorization. Signs all headers
  /// that the request has by then, but for those that is_signed_header leaves out; what is added
  /// later is not signed.
  [[nodiscard]] Result<void> sign(HttpRequest& request, const Credentials& credentials,
                                  std::chrono::system_clock::time_point now,
                                  const SigningOptions& options) {
    std::unique_ptr<Context> context = take();
    const std::size_t before = request.headers.size();
    auto signed_request = sign_with(*context, request, credentials, now, options);
    if (!signed_request) drop_headers(request.headers, before);
    give_back(std::move(context));
    return signed_request;
  }

 private:
  struct Context {
    crypto::Sha256 sha256{};
    crypto::Hmac hmac{};
    std::string secret{};  // what `hmac` holds the signing key of, with `scope`
    std::string scope{};

    Context() = default;
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { wipe(secret); }
  };

  static Result<void> sign_with(Context& context, HttpRequest& request,
                                const Credentials& credentials,
                                std::chrono::system_clock::time_point now,
                                const SigningOptions& options) {
    const std::string date = detail::format_amz_date(now);
    const std::string scope = credential_scope(date, options);
    const bool has_token = !credentials.session_token.empty();

    request.headers.emplace_back("X-Amz-Date", date);
    if (has_token && options.sign_session_token) {
      request.headers.emplace_back("X-Amz-Security-Token", credentials.session_token);
    }

    auto payload_hash = hex_digest(context, options.payload_hash, request.body);
    if (!payload_hash) return std::move(payload_hash).error();
    CanonicalHeaders headers = canonical_headers(request.headers);
    const WipedAtEnd wipe_headers{headers.lines};
    std::string canonical =
        canonical_request(request, headers, *payload_hash, options.normalize_path);
    const WipedAtEnd wipe_canonical{canonical};
    auto hash = hex_digest(context, {}, canonical);
    if (!hash) return std::move(hash).error();

    if (auto keyed = use_key(context, credentials.secret_access_key, scope); !keyed) return keyed;
    auto signature = context.hmac.mac(string_to_sign(date, scope, *hash));
    if (!signature) return std::move(signature).error();

    std::string authorization{kAlgorithm};
    authorization.append(" Credential=")
        .append(credentials.access_key_id)
        .append("/")
        .append(scope);
    authorization.append(", SignedHeaders=").append(headers.names);
    authorization.append(", Signature=").append(crypto::to_hex(*signature));
    if (has_token && !options.sign_session_token) {
      request.headers.emplace_back("X-Amz-Security-Token", credentials.session_token);
    }
    request.headers.emplace_back("Authorization", std::move(authorization));
    return {};
  }

  static Result<std::string> hex_digest(Context& context, std::string_view known,
                                        std::string_view data) {
    if (!known.empty()) return std::string(known);
    return context.sha256.digest(data).transform(
        [](const crypto::Digest& digest) { return crypto::to_hex(digest); });
  }

  static Result<void> use_key(Context& context, const std::string& secret,
                              const std::string& scope) {
    if (!context.scope.empty() && context.scope == scope && context.secret == secret) return {};
    context.scope.clear();  // so that a key half derived is never used
    if (auto derived = derive_signing_key(context.hmac, secret, scope); !derived) return derived;
    wipe(context.secret);
    context.secret = secret;
    context.scope = scope;
    return {};
  }

  std::unique_ptr<Context> take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) return std::make_unique<Context>();
    std::unique_ptr<Context> context = std::move(free_.back());
    free_.pop_back();
    return context;
  }

  void give_back(std::unique_ptr<Context> context) {
    constexpr std::size_t kKept = 16;  // more sign at once only in bursts
    const std::lock_guard<std::mutex> lock(mutex_);
    if (free_.size() < kKept) free_.push_back(std::move(context));
  }

  std::mutex mutex_{};
  std::vector<std::unique_ptr<Context>> free_{};
};

}  // namespace detail::sigv4

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

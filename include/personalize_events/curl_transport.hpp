// SPDX-License-Identifier: Apache-2.0
//
// CurlTransport: the default Transport, on libcurl. make_client makes one; an application that
// shares one over several clients shares its connections too.
#ifndef PERSONALIZE_EVENTS_CURL_TRANSPORT_HPP
#define PERSONALIZE_EVENTS_CURL_TRANSPORT_HPP

#include <curl/curl.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "personalize_events/detail/http/curl_exchange.hpp"
#include "personalize_events/detail/http/curl_setup.hpp"
#include "personalize_events/detail/http/deadline.hpp"
#include "personalize_events/detail/http/kept_connections.hpp"
#include "personalize_events/detail/http/request_check.hpp"
#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/detail/platform/signal.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The libcurl handles of one process, each with at most one kept-alive connection. The handle
/// used last is lent first, so that under low load few connections are kept warm.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class CurlPool {
 public:
  /// At most `limit` handles are lent at the same time.
  explicit CurlPool(int limit) : limit_(limit) {}
  CurlPool(const CurlPool&) = delete;
  CurlPool& operator=(const CurlPool&) = delete;
  ~CurlPool() {
    const SigpipeGuard guard;
    for (CURL* handle : idle_) curl_easy_cleanup(handle);
  }

  /// Lends a handle without options. Errors: Timeout when none is free until `deadline`, Transport
  /// without resources for one.
  [[nodiscard]] Result<CURL*> lend(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock<std::mutex> lock{mutex_};
    if (!returned_.wait_until(lock, deadline, [this] { return lent_ < limit_; })) {
      return no_free_connection("CurlTransport");
    }
    CURL* handle = nullptr;
    if (idle_.empty()) {
      handle = curl_easy_init();
    } else {
      handle = idle_.back();
      idle_.pop_back();
    }
    if (handle == nullptr) return no_resources("CurlTransport");
    ++lent_;
    return handle;
  }

  [[nodiscard]] KeptConnections& kept() noexcept { return kept_; }

  /// Takes a lent handle back. Its options go, its connection stays.
  void take_back(CURL* handle) {
    curl_easy_reset(handle);
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      idle_.push_back(handle);
      --lent_;
    }
    returned_.notify_one();
  }

 private:
  const int limit_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<CURL*> idle_;
  int lent_{0};
  KeptConnections kept_{};
};

}  // namespace detail

/// Sends requests over libcurl, on HTTP/1.1 connections that are kept open for the next request.
/// Never follows a redirect, never adds `Expect`, `Accept` or `User-Agent`, never asks for
/// compression, never reads .netrc, never keeps cookies. Plain http goes out only for an http URL.
/// A response has at most 64 KiB of body, 64 KiB of header lines and 256 header fields.
///
/// A kept-alive connection that is known to be closed is replaced before anything is sent. One that
/// ends after the request has left, before the first byte of a response, is an Error with the code
/// "LostKeptConnection", and the next request gets a fresh connection. A client retries the first
/// such loss of a call at once, with the next number in `amz-sdk-request`. By itself libcurl sends
/// only a request without a body once more.
///
/// A process that was forked has connections of its own: what it inherited is left alone, and
/// leaks on purpose, because even closing it would disturb the parent's.
///
/// @par Thread Safety
/// `send` may be called from any number of threads; more than `HttpOptions::max_connections` wait
/// for their turn within their own timeout. Signals are left alone, and no SIGPIPE comes of it. No
/// thread is in `send` when the transport is destroyed.
///
/// @par Error Handling
/// - InvalidArgument: a method, header or URL that would break the message.
/// - Configuration: a URL that is not http or https, a PEM file, proxy URL or option that cannot be
///   used; `where` names it. A client key must have no password.
/// - Transport: no connection, or lost before a response. Not retryable: an untrusted certificate,
///   a client certificate that the server misses or rejects (under TLS 1.3 too, where its alert
///   comes after the handshake), a port that speaks no TLS 1.2 or newer, a proxy that requires
///   credentials. Codes: "NoDescriptors" or "NoMemory" (this process lacked a resource),
///   "ClockSkew" (the clock makes the server's certificate invalid), "LostKeptConnection".
/// - Timeout: `request.timeout`, or `connect_timeout`, the smaller of the request's and the
///   options', or a minute in which less than a byte a second came.
/// - Response: cut short, malformed, too large, or not HTTP.
///
/// `where` is host and port, "proxy" for a proxy that cannot be reached. What an alert of TLS means
/// is known of libcurl with OpenSSL, LibreSSL or BoringSSL. A failing allocation in a callback ends
/// the program.
///
/// With a libcurl that resolves names in a thread, a name server that does not answer can hold a
/// call beyond its timeout: libcurl waits for that thread.
class CurlTransport : public Transport {
 public:
  /// Opens nothing; connections come with the first requests, and are kept.
  explicit CurlTransport(HttpOptions options = {}) : options_(std::move(options)) {}

  [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request) override {
    if (Result<void> sound = detail::check_request(request, options_); !sound) {
      return std::move(sound).error();
    }
    if (Result<void> ready = detail::initialise_curl(); !ready) return std::move(ready).error();
    const auto deadline = detail::deadline_of(request, std::chrono::steady_clock::now());

    detail::CurlPool& pool =
        pool_.own([this] { return std::make_unique<detail::CurlPool>(options_.max_connections); });
    detail::CurlExchange exchange{request, options_, pool.kept()};
    Result<CURL*> lent = pool.lend(deadline);
    if (!lent) return std::move(lent).error();
    const std::unique_ptr<CURL, TakeBack> handle{*lent, TakeBack{&pool}};

    const auto left = detail::time_left(deadline, std::chrono::steady_clock::now());
    if (Result<void> prepared = exchange.prepare(handle.get(), left); !prepared) {
      return std::move(prepared).error();
    }
    return exchange.finish(handle.get(), perform(handle.get()));
  }

 private:
  struct TakeBack {
    detail::CurlPool* pool;
    void operator()(CURL* handle) const { pool->take_back(handle); }
  };

  static CURLcode perform(CURL* handle) {
    const detail::SigpipeGuard guard;
    return curl_easy_perform(handle);
  }

  const HttpOptions options_;
  detail::PerProcess<detail::CurlPool> pool_{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

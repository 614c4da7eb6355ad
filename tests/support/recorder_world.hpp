// SPDX-License-Identifier: Apache-2.0
//
// A recorder on real threads, over libcurl, against a LocalEndpoint: what its tests share.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_RECORDER_WORLD_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_RECORDER_WORLD_HPP

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/curl_async_transport.hpp"
#include "personalize_events/make_recorder.hpp"
#include "personalize_events/options.hpp"
#include "support/sanitizers.hpp"

namespace test {

/// So many, times PERSONALIZE_EVENTS_SCALE; a tenth of it under sanitizers.
inline std::size_t scaled(std::size_t count) {
  const char* text = std::getenv("PERSONALIZE_EVENTS_SCALE");
  const double scale = text == nullptr ? 1 : std::strtod(text, nullptr);
  return static_cast<std::size_t>(static_cast<double>(count) * scale / (kIsSanitized ? 10 : 1));
}

/// Carries each request over libcurl, and through no proxy of the environment.
class DirectAsyncTransport : public personalize_events::AsyncTransport {
 public:
  explicit DirectAsyncTransport(personalize_events::HttpOptions options = {})
      : curl_(std::move(options)) {}
  std::uint64_t start(personalize_events::HttpRequest request, Done done) override {
    request.direct = true;
    return curl_.start(std::move(request), std::move(done));
  }
  void cancel(std::uint64_t request) override { curl_.cancel(request); }
  void poll(std::chrono::milliseconds at_most) override { curl_.poll(at_most); }
  void wake() override { curl_.wake(); }

 private:
  personalize_events::CurlAsyncTransport curl_;
};

/// The options of a recorder's client of the endpoint at this URL.
inline personalize_events::ClientOptions recorder_client(const std::string& url) {
  personalize_events::ClientOptions options;
  options.region = "us-east-1";
  options.endpoint_url = url;
  options.credentials =
      personalize_events::static_credentials({"AKIDLOCAL", "local-secret-access-key"});
  options.async_transport = std::make_shared<DirectAsyncTransport>(options.http);
  return options;
}

inline bool adds_up(const personalize_events::RecorderStats& stats) {
  return stats.recorded + stats.adopted == stats.delivered + stats.rejected + stats.expired +
                                               stats.dropped + stats.spooled + stats.pending;
}

/// What a recorder told. Its callbacks add, on their thread; the test asks and waits.
class Told {
 public:
  /// Of each wait: long, because only a failure needs it.
  static constexpr std::chrono::seconds kPatience{120};

  /// Options whose callbacks tell this, which outlives their recorder.
  personalize_events::RecorderOptions options() {
    auto options = personalize_events::RecorderOptions::server("tracker");
    options.linger = std::chrono::milliseconds{20};
    options.on_delivery = [this](const personalize_events::Delivery& told) { add(told); };
    options.on_fault = [this](const personalize_events::Fault& told) { add(told); };
    return options;
  }

  void add(const personalize_events::Delivery& told) {
    const std::lock_guard<std::mutex> lock{mutex_};
    deliveries_.push_back(told);
    events_ += told.event_ids.size();
    changed_.notify_all();
  }
  void add(const personalize_events::Fault& told) {
    const std::lock_guard<std::mutex> lock{mutex_};
    faults_.push_back(told);
    changed_.notify_all();
  }

  [[nodiscard]] bool wait_for_events(std::size_t count) const {
    std::unique_lock<std::mutex> lock{mutex_};
    return changed_.wait_for(lock, kPatience, [&] { return events_ >= count; });
  }
  /// Waits for a fault that begins, or for its end.
  [[nodiscard]] bool wait_for_fault(personalize_events::FaultKind kind, bool cleared,
                                    std::chrono::milliseconds at_most = kPatience) const {
    std::unique_lock<std::mutex> lock{mutex_};
    return changed_.wait_for(lock, at_most, [&] {
      for (const personalize_events::Fault& fault : faults_) {
        if (fault.kind == kind && fault.cleared == cleared) return true;
      }
      return false;
    });
  }
  /// Waits for so many reports of faults, at most so long.
  bool wait_for_faults(std::size_t count, std::chrono::milliseconds at_most) const {
    std::unique_lock<std::mutex> lock{mutex_};
    return changed_.wait_for(lock, at_most, [&] { return faults_.size() >= count; });
  }
  [[nodiscard]] std::vector<personalize_events::Delivery> deliveries() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return deliveries_;
  }
  [[nodiscard]] std::vector<personalize_events::Fault> faults() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return faults_;
  }
  /// Events that ended in this way, as told.
  [[nodiscard]] std::size_t events(personalize_events::Outcome outcome) const {
    std::size_t count = 0;
    for (const auto& delivery : deliveries()) {
      if (delivery.outcome == outcome) count += delivery.event_ids.size();
    }
    return count;
  }

 private:
  mutable std::mutex mutex_{};
  mutable std::condition_variable changed_{};
  std::vector<personalize_events::Delivery> deliveries_{};
  std::vector<personalize_events::Fault> faults_{};
  std::size_t events_{0};
};

}  // namespace test

#endif

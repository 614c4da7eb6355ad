// SPDX-License-Identifier: Apache-2.0
//
// ProviderGuard: lets a test's provider of credentials use the test's own objects, although clients
// leave a provider alone that has not returned at their end.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_PROVIDER_GUARD_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_PROVIDER_GUARD_HPP

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "personalize_events/credentials.hpp"

namespace test {

/// To be declared after what the providers use. The destructor waits until they have returned; from
/// then on they fail.
class ProviderGuard {
 public:
  ProviderGuard() = default;
  ProviderGuard(const ProviderGuard&) = delete;
  ProviderGuard& operator=(const ProviderGuard&) = delete;
  ~ProviderGuard() {
    std::unique_lock<std::mutex> lock{state_->mutex};
    state_->is_over = true;
    state_->changed.wait(lock, [this] { return state_->calls == 0; });
  }

  [[nodiscard]] personalize_events::CredentialsProvider guard(
      personalize_events::CredentialsProvider provider) const {
    return [state = state_,
            provider = std::move(provider)](const personalize_events::CredentialsRequest& request)
               -> personalize_events::Result<personalize_events::Credentials> {
      {
        const std::lock_guard<std::mutex> lock{state->mutex};
        if (state->is_over) return personalize_events::credentials_error("the test is over");
        ++state->calls;
      }
      auto result = provider(request);
      const std::lock_guard<std::mutex> lock{state->mutex};
      --state->calls;
      state->changed.notify_all();
      return result;
    };
  }

 private:
  struct State {
    std::mutex mutex{};
    std::condition_variable changed{};
    int calls{0};
    bool is_over{false};
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace test

#endif

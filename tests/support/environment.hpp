// SPDX-License-Identifier: Apache-2.0
//
// Environment: a variable of this process with another value, while a test wants it.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_ENVIRONMENT_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_ENVIRONMENT_HPP

#include <stdlib.h>

#include <optional>
#include <string>
#include <utility>

namespace test {

/// Sets a variable, or removes it when `value` is empty, until the end of the scope. No other
/// thread may read the environment meanwhile.
class Environment {
 public:
  Environment(std::string name, const std::optional<std::string>& value) : name_(std::move(name)) {
    if (const char* former = ::getenv(name_.c_str())) former_ = former;
    set(value);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { set(former_); }

 private:
  void set(const std::optional<std::string>& value) const {
#if defined(_WIN32)
    // It removes a variable whose value is empty.
    static_cast<void>(::_putenv_s(name_.c_str(), value.value_or("").c_str()));
#else
    static_cast<void>(value ? ::setenv(name_.c_str(), value->c_str(), 1)
                            : ::unsetenv(name_.c_str()));
#endif
  }

  std::string name_;
  std::optional<std::string> former_{};
};

}  // namespace test

#endif

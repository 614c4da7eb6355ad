// SPDX-License-Identifier: Apache-2.0
//
// or_throw: for applications that prefer exceptions. Opt-in; no other header includes it, and it is
// the only one that needs exceptions.
#ifndef PERSONALIZE_EVENTS_THROWING_HPP
#define PERSONALIZE_EVENTS_THROWING_HPP

#include <stdexcept>
#include <type_traits>
#include <utility>

#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// An Error as an exception; `what()` is its one line.
class Exception : public std::runtime_error {
 public:
  /// Keeps the error.
  explicit Exception(Error error)
      : std::runtime_error(to_string(error)), error_(std::move(error)) {}
  /// What went wrong.
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

/// The value of a result. Throws Exception in place of an error.
template <class T>
T or_throw(Result<T>&& result) {
  if (!result) throw Exception(std::move(result).error());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

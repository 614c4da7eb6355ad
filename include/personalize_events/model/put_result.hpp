// SPDX-License-Identifier: Apache-2.0
//
// PutResult: what each of the five operations answers when the service has taken the request.
#ifndef PERSONALIZE_EVENTS_MODEL_PUT_RESULT_HPP
#define PERSONALIZE_EVENTS_MODEL_PUT_RESULT_HPP

#include <string>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// The service took the whole request; it never takes a part of one.
struct PutResult {
  std::string request_id{};  ///< The service's `x-amzn-RequestId`, for AWS Support.
  int attempts{0};           ///< Requests sent, the first included.
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

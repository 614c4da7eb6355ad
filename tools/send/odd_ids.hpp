// SPDX-License-Identifier: Apache-2.0
//
// OddIds: user and session IDs that are probably the text of a missing value. The service accepts
// them, so that events of many users become those of one.
#ifndef TOOLS_SEND_ODD_IDS_HPP
#define TOOLS_SEND_ODD_IDS_HPP

#include <personalize_events/detail/base/ascii.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "rows.hpp"

namespace tools::send {

/// Whether an ID is "null", "undefined", "NaN" or "None", in any letter case.
[[nodiscard]] inline bool is_odd_id(std::string_view id) {
  constexpr std::string_view words[] = {"null", "undefined", "nan", "none"};
  return std::any_of(std::begin(words), std::end(words), [id](std::string_view word) {
    return pe::detail::equal_ignoring_case(id, word);
  });
}

/// Looks at rows one after the other.
class OddIds {
 public:
  /// A sentence if the row is the first with an odd ID of its kind; else empty.
  [[nodiscard]] std::string check(const Row& row) {
    if (!has_reported_user_ && is_odd_id(row.user_id)) {
      has_reported_user_ = true;
      return sentence("userId", row.user_id);
    }
    if (!has_reported_session_ && is_odd_id(row.session_id)) {
      has_reported_session_ = true;
      return sentence("sessionId", row.session_id);
    }
    return {};
  }

 private:
  static std::string sentence(const char* member, const std::string& id) {
    return std::string("the ") + member + " is \"" + id +
           "\", probably for a missing value; the service takes it for an ID (reported once)";
  }

  bool has_reported_user_{false};
  bool has_reported_session_{false};
};

}  // namespace tools::send

#endif

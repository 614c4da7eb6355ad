// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/shape.hpp"

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
namespace model = pe::detail::model;

namespace {

struct Sample {
  std::string name;
  std::optional<double> value{};
  std::vector<std::string> tags{};
};
struct Undescribed {};

/// The expression of kArn, followed letter by letter with every choice tried.
bool reference_matches_arn(std::string_view text) {
  const auto in_partition = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  const auto no_line_end = [](std::string_view part) {
    return part.find_first_of("\r\n") == std::string_view::npos;
  };
  for (std::size_t start = 0; start < text.size(); ++start) {
    if (text.substr(start, 4) != "arn:") continue;
    for (std::size_t end = start + 5; end <= text.size() && in_partition(text[end - 1]); ++end) {
      if (text.substr(end, 13) != ":personalize:") continue;
      const std::string_view rest = text.substr(end + 13);
      for (std::size_t first = 0; first < rest.size(); ++first) {
        if (rest[first] != ':' || !no_line_end(rest.substr(0, first))) continue;
        for (std::size_t second = first + 1; second < rest.size(); ++second) {
          if (rest[second] != ':' || !no_line_end(rest.substr(first + 1, second - first - 1)))
            continue;
          if (second + 1 < rest.size() && no_line_end(rest.substr(second + 1, 1))) return true;
        }
      }
    }
  }
  return false;
}

/// The expression of kAttributionSource: some place is in the middle class, all in the outer one.
bool reference_matches_source(std::string_view text) {
  for (std::size_t middle = 0; middle < text.size(); ++middle) {
    bool matches = text[middle] >= 0x21 && text[middle] <= 0x7E;
    for (const char c : text) matches = matches && c >= 0x20 && c <= 0x7E;
    if (matches) return true;
  }
  return false;
}

/// Calls `look(text)` for every text of up to `most` of the pieces.
template <class Look>
void for_each_text(const std::vector<std::string_view>& pieces, std::size_t most, Look look,
                   const std::string& so_far = {}) {
  look(so_far);
  if (most == 0) return;
  for (const std::string_view piece : pieces)
    for_each_text(pieces, most - 1, look, so_far + std::string(piece));
}

}  // namespace

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::model {
template <>
struct Description<Sample> {
  static constexpr std::string_view name = "Sample";
  static constexpr bool is_sensitive = false;
  static constexpr auto members =
      std::make_tuple(member("name", &Sample::name, text(1, 5).required()),
                      member("value", &Sample::value, plain()),
                      member("tags", &Sample::tags, list(2, 3, text(4, 6).sensitive())));
};
}  // namespace detail::model
PERSONALIZE_EVENTS_NAMESPACE_END

TEST_CASE("rules hold what they were made with") {
  constexpr model::Rules plain = model::plain();
  static_assert(plain.length.least == 0 &&
                plain.length.most == std::numeric_limits<std::size_t>::max());
  static_assert(plain.count.least == 0 &&
                plain.count.most == std::numeric_limits<std::size_t>::max());
  static_assert(plain.pattern == nullptr && plain.fill == model::Fill::Nothing);
  static_assert(!plain.is_required && !plain.is_sensitive);

  constexpr model::Rules all = model::text(1, 9)
                                   .required()
                                   .sensitive()
                                   .matching(model::kArn)
                                   .filled_with(model::Fill::EventId);
  static_assert(all.length.least == 1 && all.length.most == 9);
  static_assert(all.is_required && all.is_sensitive && all.fill == model::Fill::EventId);
  CHECK(all.pattern == &model::kArn);

  constexpr model::Rules list = model::list(2, 3, model::text(4, 6).sensitive()).required();
  static_assert(list.count.least == 2 && list.count.most == 3);
  static_assert(list.length.least == 4 && list.length.most == 6);
  static_assert(list.is_required && list.is_sensitive);
}

TEST_CASE("members are visited in order until one answers false") {
  std::vector<std::string_view> names;
  CHECK(model::for_each_member<Sample>([&names](const auto& member) {
    names.push_back(member.wire_name);
    return true;
  }));
  CHECK(names == std::vector<std::string_view>{"name", "value", "tags"});

  names.clear();
  CHECK_FALSE(model::for_each_member<Sample>([&names](const auto& member) {
    names.push_back(member.wire_name);
    return member.wire_name != "value";
  }));
  CHECK(names == std::vector<std::string_view>{"name", "value"});
}

TEST_CASE("a member is reached through its description") {
  Sample sample{"text"};
  const auto& [name, value, tags] = model::Description<Sample>::members;
  sample.*name.pointer += "s";
  sample.*value.pointer = 2.5;
  (sample.*tags.pointer).push_back("tag");
  CHECK(sample.name == "texts");
  CHECK(sample.value == 2.5);
  CHECK(sample.tags.size() == 1);
  CHECK(model::Description<Sample>::name == "Sample");
  CHECK_FALSE(model::Description<Sample>::is_sensitive);
  static_assert(model::is_shape<Sample>);
  static_assert(!model::is_shape<Undescribed>);
  static_assert(!model::is_shape<std::string>);
}

TEST_CASE("dataset ARNs match the model's pattern") {
  for (const char* text :
       {"arn:aws:personalize:eu-west-1:123456789012:dataset/shop/USERS", "arn:aws:personalize:::x",
        "arn:aws-us-gov:personalize:us-gov-west-1:1:d", "arn:a:personalize:a:b:c:d:e",
        "before arn:aws:personalize:::x", "arn:arn:aws:personalize:::x", "arn:7-:personalize:::x",
        "arn:aws:personalize::::", "arn:aws:personalize:\xC3\xA4::x",
        "arn:aws:personalize:::x\ny"}) {
    CAPTURE(text);
    CHECK(model::kArn.matches(text));
  }
  for (const char* text :
       {"", "arn:", "arn:aws:s3:::bucket", "arn::personalize:::x", "arn:AWS:personalize:::x",
        "arn:aws:personalize:", "arn:aws:personalize::", "arn:aws:personalize:::",
        "arn:aws:personalize:a:b", "ARN:aws:personalize:::x", "arn:aws:personalize-events:::x",
        "arn:aws:personalize:\n::x", "arn:aws:personalize::\r:x", "arn:aws:personalize:::\nx",
        "arn:a_b:personalize:::x"}) {
    CAPTURE(text);
    CHECK_FALSE(model::kArn.matches(text));
  }
  static_assert(model::matches_arn("arn:aws:personalize:::x"));
}

TEST_CASE("attribution sources match the model's pattern") {
  for (const char* text : {"a", "~", "!", " a", "a ", " a b ", "com.example.home"}) {
    CAPTURE(text);
    CHECK(model::kAttributionSource.matches(text));
  }
  for (const char* text : {"", " ", "   ", "\n", "a\n", "\ta", "a\x7F", "\xC3\xA4", "a\xC3\xA4"}) {
    CAPTURE(text);
    CHECK_FALSE(model::kAttributionSource.matches(text));
  }
  CHECK_FALSE(model::kAttributionSource.matches(std::string_view("a\0", 2)));
}

TEST_CASE("the two patterns match what their expressions match, over all texts of their pieces") {
  std::size_t texts = 0, matches = 0, wrong = 0;
  for_each_text({"arn:", "aws", "-", ":personalize:", ":", "x", "\n", "A"}, 6,
                [&](const std::string& text) {
                  const bool expected = reference_matches_arn(text);
                  ++texts;
                  matches += expected;
                  wrong += model::kArn.matches(text) != expected;
                });
  CHECK(texts == 299'593);
  CHECK(matches > 100);
  CHECK(wrong == 0);

  matches = 0;
  for_each_text({" ", "!", "~", "\x7F", "\x1F", "\x80", "a"}, 5, [&](const std::string& text) {
    const bool expected = reference_matches_source(text);
    matches += expected;
    wrong += model::kAttributionSource.matches(text) != expected;
  });
  CHECK(matches > 100);
  CHECK(wrong == 0);
}

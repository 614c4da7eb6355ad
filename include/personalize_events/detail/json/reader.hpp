// SPDX-License-Identifier: Apache-2.0
//
// json::parse: foreign JSON text to a json::Value, within bounds. It drives RapidJSON's SAX Reader,
// iteratively (1.1.0 overflows the stack on deep nesting) and with numbers left as text (its
// number parser overflows an int on tiny exponents). Never the DOM header.
#ifndef PERSONALIZE_EVENTS_DETAIL_JSON_READER_HPP
#define PERSONALIZE_EVENTS_DETAIL_JSON_READER_HPP

// Xlib.h defines Bool, which RapidJSON's handlers have as a function.
#pragma push_macro("Bool")
#undef Bool

#include <rapidjson/error/error.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/rapidjson.h>
#include <rapidjson/reader.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/base/utf8.hpp"
#include "personalize_events/detail/base/wipe.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::json {

/// How deep arrays and objects may nest in foreign JSON.
inline constexpr std::size_t kMaxDepth = 32;

/// Builds a Value from RapidJSON's events. Each open array or object stands on a stack by value,
/// and moves into the one around it when it ends. What is left of a text that breaks off, perhaps a
/// part of a token file, is wiped.
class ValueBuilder {
 public:
  ValueBuilder() = default;
  ValueBuilder(const ValueBuilder&) = delete;
  ValueBuilder& operator=(const ValueBuilder&) = delete;
  ~ValueBuilder() {
    for (Value& value : open_) wipe(value);
    wipe(root_);
  }

  bool Null() { return add(Value{}); }
  bool Bool(bool value) {
    Value node;
    node.type = Value::Type::Boolean;
    node.boolean = value;
    return add(std::move(node));
  }
  bool RawNumber(const char* text, RAPIDJSON_NAMESPACE::SizeType length, bool) {
    if (!detail::is_json_number({text, length})) return false;
    return add_text(Value::Type::Number, {text, length});
  }
  bool String(const char* text, RAPIDJSON_NAMESPACE::SizeType length, bool) {
    // "\udc00" alone decodes to bytes that are no UTF-8, and RapidJSON 1.1.0 lets it pass.
    if (!detail::is_utf8({text, length})) return false;
    return add_text(Value::Type::String, {text, length});
  }
  bool Key(const char* text, RAPIDJSON_NAMESPACE::SizeType length, bool) {
    if (!detail::is_utf8({text, length})) return false;
    open_.back().members.emplace_back(std::string(text, length), Value{});
    return true;
  }
  bool StartObject() { return begin(Value::Type::Object); }
  bool StartArray() { return begin(Value::Type::Array); }
  bool EndObject(RAPIDJSON_NAMESPACE::SizeType) { return end(); }
  bool EndArray(RAPIDJSON_NAMESPACE::SizeType) { return end(); }

  // Asked for by RapidJSON's concept; with numbers kept as text none is ever called.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  [[nodiscard]] bool too_deep() const { return too_deep_; }
  [[nodiscard]] Value take() { return std::move(root_); }

 private:
  bool begin(Value::Type type) {
    too_deep_ = open_.size() >= kMaxDepth;
    if (too_deep_) return false;
    open_.emplace_back().type = type;
    return true;
  }
  bool end() {
    Value node = std::move(open_.back());
    open_.pop_back();
    return add(std::move(node));
  }
  bool add_text(Value::Type type, std::string_view text) {
    Value node;
    node.type = type;
    node.text = text;
    return add(std::move(node));
  }
  bool add(Value node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.back().is(Value::Type::Array)) {
      open_.back().items.push_back(std::move(node));
    } else {
      open_.back().members.back().second = std::move(node);
    }
    return true;
  }

  static void wipe(Value& value) noexcept {
    detail::wipe(value.text);
    for (Value& item : value.items) wipe(item);
    for (auto& [name, member] : value.members) wipe(member);
  }

  std::vector<Value> open_{};
  Value root_{};
  bool too_deep_{false};
};

/// Reads one whole JSON text (RFC 8259), at most kMaxDepth levels deep.
///
/// @par Error Handling
/// InvalidArgument with the byte offset in `message`, never with the text; `where` is empty, and a
/// caller that knows the source puts it there.
[[nodiscard]] inline Result<Value> parse(std::string_view text) {
  const auto refuse = [](std::string message) {
    return detail::make_error(ErrorKind::InvalidArgument, {}, std::move(message));
  };
  if (!detail::is_utf8(text)) return refuse("not JSON: not well-formed UTF-8");
  // RapidJSON takes a NUL for the end of the text.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return refuse("not JSON at byte " + std::to_string(nul));
  }
  RAPIDJSON_NAMESPACE::MemoryStream stream(text.data(), text.size());
  RAPIDJSON_NAMESPACE::GenericReader<RAPIDJSON_NAMESPACE::UTF8<>, RAPIDJSON_NAMESPACE::UTF8<>>
      reader;
  ValueBuilder builder;
  const RAPIDJSON_NAMESPACE::ParseResult parsed =
      reader.Parse<RAPIDJSON_NAMESPACE::kParseIterativeFlag |
                   RAPIDJSON_NAMESPACE::kParseNumbersAsStringsFlag>(stream, builder);
  if (builder.too_deep())
    return refuse("nested deeper than " + std::to_string(kMaxDepth) + " levels");
  if (parsed.Code() == RAPIDJSON_NAMESPACE::kParseErrorNumberTooBig) {
    return refuse("a number too large at byte " + std::to_string(parsed.Offset()));
  }
  if (parsed.IsError()) return refuse("not JSON at byte " + std::to_string(parsed.Offset()));
  return builder.take();
}

}  // namespace detail::json

PERSONALIZE_EVENTS_NAMESPACE_END

#pragma pop_macro("Bool")

#endif

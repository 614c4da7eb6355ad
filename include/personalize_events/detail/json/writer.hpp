// SPDX-License-Identifier: Apache-2.0
//
// json::Writer: RapidJSON's Writer behind a small face of our own, writing onto a std::string.
// wire/ writes request bodies with it. It checks every result and refuses what JSON cannot say;
// UTF-8 is checked by the caller (detail/utf8.hpp) before a byte comes here.
#ifndef PERSONALIZE_EVENTS_DETAIL_JSON_WRITER_HPP
#define PERSONALIZE_EVENTS_DETAIL_JSON_WRITER_HPP

// Xlib.h defines Bool, which RapidJSON's handlers have as a function.
#pragma push_macro("Bool")
#undef Bool

#include <rapidjson/rapidjson.h>
#include <rapidjson/writer.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/json/shortest.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::json {

/// Appends one compact JSON text to a string. After a value that cannot be written, `good()` is
/// false and stays so, and the text must be thrown away.
class Writer {
 public:
  explicit Writer(std::string& out) : sink_{&out}, writer_(sink_) {}

  /// Begins another text, in the same string, which the caller has emptied. Keeps the memory.
  void reset() {
    writer_.Reset(sink_);
    good_ = true;
  }

  void begin_object() {
    write([this] { return writer_.StartObject(); });
  }
  void end_object() {
    write([this] { return writer_.EndObject(); });
  }
  void begin_array() {
    write([this] { return writer_.StartArray(); });
  }
  void end_array() {
    write([this] { return writer_.EndArray(); });
  }
  void key(std::string_view name) {
    write([this, name] { return writer_.Key(name.data(), size_of(name)); });
  }
  void string(std::string_view text) {
    write([this, text] { return writer_.String(text.data(), size_of(text)); });
  }
  void boolean(bool value) {
    write([this, value] { return writer_.Bool(value); });
  }
  void null() {
    write([this] { return writer_.Null(); });
  }
  void number(std::int64_t value) {
    write([this, value] { return writer_.Int64(value); });
  }
  void number(std::uint64_t value) {
    write([this, value] { return writer_.Uint64(value); });
  }
  /// Shortest round-trip digits; what is not finite makes the text bad.
  void number(double value) { floating(value); }
  void number(float value) { floating(value); }
  /// A JSON text that was checked before, verbatim.
  void raw(std::string_view text) {
    write([this, text] {
      return writer_.RawValue(text.data(), text.size(), RAPIDJSON_NAMESPACE::kObjectType);
    });
  }

  /// Whether all that was asked has been written, and the text is one whole value.
  [[nodiscard]] bool good() const { return good_ && writer_.IsComplete(); }

 private:
  struct Sink {
    using Ch = char;
    std::string* out;
    void Put(char c) { out->push_back(c); }
    void Flush() {}
  };

  static RAPIDJSON_NAMESPACE::SizeType size_of(std::string_view text) {
    return static_cast<RAPIDJSON_NAMESPACE::SizeType>(text.size());
  }

  template <class Floating>
  void floating(Floating value) {
    write([this, value] {
      if (!detail::is_finite(value)) return false;
      const std::string digits = shortest(value);
      return !digits.empty() &&
             writer_.RawValue(digits.data(), digits.size(), RAPIDJSON_NAMESPACE::kNumberType);
    });
  }

  /// Does one step, unless one failed before: RapidJSON ends the program at a key after a key.
  template <class Step>
  void write(Step step) {
    good_ = good_ && step();
  }

  Sink sink_;
  RAPIDJSON_NAMESPACE::Writer<Sink, RAPIDJSON_NAMESPACE::UTF8<>, RAPIDJSON_NAMESPACE::UTF8<>,
                              RAPIDJSON_NAMESPACE::CrtAllocator, RAPIDJSON_NAMESPACE::kWriteNoFlags>
      writer_;
  bool good_{true};
};

}  // namespace detail::json

PERSONALIZE_EVENTS_NAMESPACE_END

#pragma pop_macro("Bool")

#endif

// SPDX-License-Identifier: Apache-2.0
//
// json::Writer: RapidJSON's Writer behind a small face of our own, writing onto a std::string.
// wire/ writes request bodies with it. It checks every result and refuses what JSON cannot say;
// UTF-8 is checked by the caller (detail/utf8.hpp) before a byte comes here.
#ifndef PERSONALIZE_EVENTS_JSON_WRITER_HPP
#define PERSONALIZE_EVENTS_JSON_WRITER_HPP

#include <rapidjson/rapidjson.h>
#include <rapidjson/writer.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "personalize_events/detail/number.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace json {

/// Appends one compact JSON text to a string. After a value that cannot be written, `good()` is
/// false and stays so, and the text must be thrown away.
class Writer {
 public:
  explicit Writer(std::string& out) : sink_{&out}, writer_(sink_) {}

  void begin_object() { note(writer_.StartObject()); }
  void end_object() { note(writer_.EndObject()); }
  void begin_array() { note(writer_.StartArray()); }
  void end_array() { note(writer_.EndArray()); }
  void key(std::string_view name) { note(writer_.Key(name.data(), size_of(name))); }
  void string(std::string_view text) { note(writer_.String(text.data(), size_of(text))); }
  void boolean(bool value) { note(writer_.Bool(value)); }
  void null() { note(writer_.Null()); }
  void number(std::int64_t value) { note(writer_.Int64(value)); }
  void number(std::uint64_t value) { note(writer_.Uint64(value)); }
  /// Shortest round-trip digits; what is not finite makes the text bad.
  void number(double value) { floating(value); }
  void number(float value) { floating(value); }
  /// A JSON text that was checked before, verbatim.
  void raw(std::string_view text) {
    note(writer_.RawValue(text.data(), text.size(), rapidjson::kObjectType));
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

  static rapidjson::SizeType size_of(std::string_view text) {
    return static_cast<rapidjson::SizeType>(text.size());
  }

  template <class Floating>
  void floating(Floating value) {
    if (!std::isfinite(value)) return note(false);
    const std::string digits = detail::shortest(value);
    note(!digits.empty() && writer_.RawValue(digits.data(), digits.size(), rapidjson::kNumberType));
  }

  void note(bool written) { good_ = good_ && written; }

  Sink sink_;
  rapidjson::Writer<Sink, rapidjson::UTF8<>, rapidjson::UTF8<>, rapidjson::CrtAllocator,
                    rapidjson::kWriteNoFlags>
      writer_;
  bool good_{true};
};

}  // namespace json
PERSONALIZE_EVENTS_NAMESPACE_END

#endif

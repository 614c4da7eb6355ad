// SPDX-License-Identifier: Apache-2.0
//
// find_xml_text: the text of one element of an XML answer, which is walked through and never kept
// as a tree. STS answers in XML; sts_query.hpp reads it.
// Source: Extensible Markup Language (XML) 1.0, without document type declarations.
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_XML_TEXT_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_XML_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/utf8.hpp"
#include "personalize_events/detail/base/wipe.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The most elements within each other that a document may have.
inline constexpr int kMostXmlDepth = 32;

/// Whether a character may stand in the name of an element; the rules for the first one are finer.
[[nodiscard]] constexpr bool is_xml_name(char c) noexcept {
  return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == ':' ||
         static_cast<unsigned char>(c) >= 0x80;
}

[[nodiscard]] constexpr bool is_xml_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// Whether a document may hold this scalar value (XML 1.0, section 2.2).
[[nodiscard]] constexpr bool is_xml_scalar(std::uint32_t scalar) noexcept {
  if (scalar < 0x20) return scalar == '\t' || scalar == '\n' || scalar == '\r';
  if (scalar >= 0xD800 && scalar <= 0xDFFF) return false;
  return scalar != 0xFFFE && scalar != 0xFFFF && scalar <= 0x10FFFF;
}

/// Walks through a document once, in one pass, and gathers the text at a path on the way.
class XmlWalk {
 public:
  /// Both must outlive the walk. `path` is "/Root/Child".
  XmlWalk(std::string_view document, std::string_view path) : rest_(document), path_(path) {}
  XmlWalk(const XmlWalk&) = delete;
  XmlWalk& operator=(const XmlWalk&) = delete;
  ~XmlWalk() { wipe(text_); }

  /// Whether the document is well formed to its end.
  [[nodiscard]] bool run() {
    if (!is_utf8(rest_)) return false;
    for (const char c : rest_) {
      if (!is_xml_scalar(static_cast<unsigned char>(c))) return false;
    }
    take("\xEF\xBB\xBF");
    while (!rest_.empty()) {
      if (!read_next()) return false;
    }
    return has_root_ && open_.empty();
  }

  /// The text of the first element at the path, after `run`.
  [[nodiscard]] std::optional<std::string> text() {
    if (!was_found_ || !is_plain_) return std::nullopt;
    return std::move(text_);
  }

 private:
  bool take(std::string_view expected) noexcept {
    if (rest_.substr(0, expected.size()) != expected) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  /// Cuts off the text before `end`, and `end` too. Nothing when there is no end.
  std::optional<std::string_view> take_to(std::string_view end) noexcept {
    const std::size_t at = rest_.find(end);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view head = rest_.substr(0, at);
    rest_.remove_prefix(at + end.size());
    return head;
  }

  template <class Test>
  std::string_view take_while(Test test) noexcept {
    std::size_t length = 0;
    while (length < rest_.size() && test(rest_[length])) ++length;
    const std::string_view head = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return head;
  }

  bool read_next() {
    if (rest_.front() != '<') return read_text();
    if (take("<!--")) return take_to("-->").has_value();
    if (take("<?")) return take_to("?>").has_value();
    if (take("<![CDATA[")) return read_cdata();
    // Any other declaration could name entities that expand without end.
    if (take("<!")) return false;
    if (take("</")) return read_end();
    take("<");
    return read_start();
  }

  bool read_cdata() {
    const std::optional<std::string_view> text = take_to("]]>");
    if (!text || open_.empty()) return false;
    keep(*text);
    return true;
  }

  bool read_text() {
    std::string_view text = take_while([](char c) { return c != '<'; });
    if (open_.empty()) return all_of(text, is_xml_space);
    while (!text.empty()) {
      const std::size_t plain = text.find('&');
      keep(text.substr(0, plain));
      if (plain == std::string_view::npos) break;
      text.remove_prefix(plain + 1);
      const std::size_t end = text.find(';');
      if (end == std::string_view::npos || !read_reference(text.substr(0, end))) return false;
      text.remove_prefix(end + 1);
    }
    return true;
  }

  /// What stands between `&` and `;`.
  bool read_reference(std::string_view name) {
    struct Entity {
      std::string_view name;
      std::string_view text;
    };
    constexpr Entity entities[] = {
        {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}};
    for (const Entity& entity : entities) {
      if (name != entity.name) continue;
      keep(entity.text);
      return true;
    }
    if (name.empty() || name.front() != '#') return false;
    name.remove_prefix(1);
    const bool is_hex = !name.empty() && name.front() == 'x';
    if (is_hex) name.remove_prefix(1);
    if (name.empty() || name.size() > 8) return false;
    std::uint32_t scalar = 0;
    for (const char c : name) {
      if (is_hex ? !is_hex_digit(c) : !is_digit(c)) return false;
      const int digit = is_digit(c) ? c - '0' : to_lower(c) - 'a' + 10;
      scalar = scalar * (is_hex ? 16 : 10) + static_cast<std::uint32_t>(digit);
    }
    if (!is_xml_scalar(scalar)) return false;
    keep_scalar(scalar);
    return true;
  }

  /// Appends a scalar value as UTF-8.
  void keep_scalar(std::uint32_t scalar) {
    const auto continued = [scalar](unsigned shift) {
      return static_cast<char>(0x80U | ((scalar >> shift) & 0x3FU));
    };
    char bytes[4] = {static_cast<char>(scalar), continued(0), continued(0), continued(0)};
    std::size_t length = 1;
    if (scalar >= 0x10000) {
      bytes[0] = static_cast<char>(0xF0U | (scalar >> 18U));
      bytes[1] = continued(12);
      bytes[2] = continued(6);
      length = 4;
    } else if (scalar >= 0x800) {
      bytes[0] = static_cast<char>(0xE0U | (scalar >> 12U));
      bytes[1] = continued(6);
      length = 3;
    } else if (scalar >= 0x80) {
      bytes[0] = static_cast<char>(0xC0U | (scalar >> 6U));
      length = 2;
    }
    keep({bytes, length});
  }

  std::string_view take_name() noexcept {
    const bool begins = !rest_.empty() && is_xml_name(rest_.front()) && !is_digit(rest_.front()) &&
                        rest_.front() != '-' && rest_.front() != '.';
    return begins ? take_while(is_xml_name) : std::string_view{};
  }

  bool read_start() {
    const std::string_view name = take_name();
    if (name.empty() || (open_.empty() && has_root_) || depth_ == kMostXmlDepth) return false;
    if (!skip_attributes()) return false;
    const bool is_empty = take("/");
    if (!take(">")) return false;

    if (is_within()) is_plain_ = false;
    has_root_ = true;
    ++depth_;
    open_.append("/").append(name);
    return !is_empty || close(name);
  }

  bool skip_attributes() noexcept {
    for (;;) {
      const bool has_space = !take_while(is_xml_space).empty();
      if (rest_.empty()) return false;
      if (rest_.front() == '>' || rest_.front() == '/') return true;
      if (!has_space || take_name().empty()) return false;
      take_while(is_xml_space);
      if (!take("=")) return false;
      take_while(is_xml_space);
      const std::string_view quote = rest_.substr(0, 1);
      if (quote != "\"" && quote != "'") return false;
      rest_.remove_prefix(1);
      const std::optional<std::string_view> value = take_to(quote);
      if (!value || value->find('<') != std::string_view::npos) return false;
    }
  }

  bool read_end() {
    const std::string_view name = take_name();
    take_while(is_xml_space);
    return !name.empty() && take(">") && close(name);
  }

  /// Closes the innermost element, which must have this name.
  bool close(std::string_view name) {
    const std::size_t slash = open_.rfind('/');
    if (slash == std::string::npos || std::string_view{open_}.substr(slash + 1) != name) {
      return false;
    }
    if (open_ == path_) was_found_ = true;
    open_.resize(slash);
    --depth_;
    return true;
  }

  /// Whether the innermost element is the first one at the path.
  [[nodiscard]] bool is_within() const noexcept { return !was_found_ && open_ == path_; }

  void keep(std::string_view text) {
    if (is_within()) append_wiping(text_, text);
  }

  std::string_view rest_;
  std::string_view path_;
  std::string open_{};  // "/Root/Child", of the elements that are open
  int depth_{0};
  bool has_root_{false};
  bool was_found_{false};
  bool is_plain_{true};  // no element stands in the one that is looked for
  std::string text_{};
};

/// Whether this is one whole XML document in UTF-8: well formed, without a document type
/// declaration, at most kMostXmlDepth elements deep.
[[nodiscard]] inline bool is_xml(std::string_view document) { return XmlWalk{document, {}}.run(); }

/// The text of the first element at `path`, "/Root/Child" for example, with its references and
/// CDATA sections decoded. Nothing when there is no such element, when it holds others, or when the
/// document is not is_xml. The caller wipes a secret.
[[nodiscard]] inline std::optional<std::string> find_xml_text(std::string_view document,
                                                              std::string_view path) {
  XmlWalk walk{document, path};
  if (!walk.run()) return std::nullopt;
  return walk.text();
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif

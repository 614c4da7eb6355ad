// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/xml_text.hpp"

#include <optional>
#include <string>
#include <string_view>

#include "catch.hpp"

using personalize_events::detail::find_xml_text;
using personalize_events::detail::is_xml;
using personalize_events::detail::kMostXmlDepth;
using Text = std::optional<std::string>;

namespace {

// `count` elements within each other.
std::string nested(int count) {
  std::string document;
  for (int i = 0; i < count; ++i) document += "<a>";
  document += "x";
  for (int i = 0; i < count; ++i) document += "</a>";
  return document;
}

Text text_of(const std::string& content) { return find_xml_text("<a>" + content + "</a>", "/a"); }

}  // namespace

TEST_CASE("the text of an element is found by its path") {
  const std::string document =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- said <first> -->\n"
      "<r xmlns=\"https://example.com/doc/\" a='>\"'>\n  <b>other</b>\n  <c><b k = \"v\" >one</b >"
      "<b>two</b></c>\n  <c><b>three</b></c><d/><e></e>\n</r>\n<?end?> ";
  CHECK(is_xml(document));
  CHECK(find_xml_text(document, "/r/c/b") == Text{"one"});
  CHECK(find_xml_text(document, "/r/b") == Text{"other"});
  CHECK(find_xml_text(document, "/r/d") == Text{""});
  CHECK(find_xml_text(document, "/r/e") == Text{""});
  for (const char* path :
       {"/b", "/r/x", "/r/c/b/b", "/r/c", "/r", "/", "", "r/b", "/r/b/", "/R/b"}) {
    CAPTURE(path);
    CHECK_FALSE(find_xml_text(document, path).has_value());
  }
  CHECK(find_xml_text("\xEF\xBB\xBF<a>x</a>", "/a") == Text{"x"});
}

TEST_CASE("an element that comes again does not change what was found") {
  CHECK(find_xml_text("<r><a>one</a><a>two</a></r>", "/r/a") == Text{"one"});
  CHECK(find_xml_text("<r><a>one</a><a><b/></a></r>", "/r/a") == Text{"one"});
  CHECK(find_xml_text("<r><a/><a>two</a></r>", "/r/a") == Text{""});
}

TEST_CASE("the same names elsewhere are other elements") {
  CHECK(find_xml_text("<r><x><a>no</a></x><a>yes</a></r>", "/r/a") == Text{"yes"});
  CHECK(find_xml_text("<r><r><a>no</a></r><a>yes</a></r>", "/r/a") == Text{"yes"});
  CHECK_FALSE(find_xml_text("<r><ab>no</ab></r>", "/r/a").has_value());
}

TEST_CASE("references and CDATA sections are decoded") {
  CHECK(text_of("&amp;&lt;&gt;&quot;&apos;") == Text{"&<>\"'"});
  CHECK(text_of("x&#x41;&#66;&#x00043;y") == Text{"xABCy"});
  CHECK(text_of("&#xe9;&#x20AC;&#x1F600;&#9;") == Text{"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\t"});
  CHECK(text_of("1<![CDATA[<&amp;>]]>2<!-- no -->3<?no?>4") == Text{"1<&amp;>234"});
  CHECK(text_of("&amp;amp;") == Text{"&amp;"});
}

TEST_CASE("a reference to what no document may hold is an error") {
  for (const char* reference :
       {"&",        "&;",         "&amp",          "& amp;",        "&nbsp;",
        "&AMP;",    "&#;",        "&#x;",          "&#xG;",         "&#0;",
        "&#x0;",    "&#1;",       "&#xB;",         "&#xD800;",      "&#xDFFF;",
        "&#xFFFE;", "&#x110000;", "&#4294967361;", "&#x100000041;", "&#-65;",
        "&#+65;",   "&#X41;",     "&#x4 1;",       "&am<p;"}) {
    CAPTURE(reference);
    CHECK_FALSE(text_of(reference).has_value());
    // Nor elsewhere, so that a document is read as a whole or not at all.
    CHECK_FALSE(is_xml("<r><a>x</a><b>" + std::string{reference} + "</b></r>"));
  }
}

TEST_CASE("what is not well formed is no document") {
  for (const char* document : {"",
                               " ",
                               "x",
                               "<",
                               "<>",
                               "</a>",
                               "<a>",
                               "<a",
                               "<a/",
                               "<a / >",
                               "< a/>",
                               "<a></b>",
                               "<a></A>",
                               "<a></a",
                               "<a></a x>",
                               "<a><b></a></b>",
                               "<a/><b/>",
                               "<a/>x",
                               "x<a/>",
                               "<a/>&amp;",
                               "<![CDATA[x]]><a/>",
                               "<a/><![CDATA[x]]>",
                               "<a>]]<![CDATA[x</a>",
                               "<a><!-- </a>",
                               "<a><? </a>",
                               "<1/>",
                               "<-a/>",
                               "<.a/>",
                               "<a<b/>",
                               "<a b/>",
                               "<a b=/>",
                               "<a b=c/>",
                               "<a b=\"c/>",
                               "<a b=\"c'/>",
                               "<a b=\"<\"/>",
                               "<a b=\"c\"d=\"e\"/>",
                               "<a =\"c\"/>",
                               "<!DOCTYPE a><a/>",
                               "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
                               "<a><!ELEMENT a></a>",
                               "<a>\xFF</a>",
                               "<a>\xC3</a>",
                               "\xEF\xBB<a/>",
                               "{\"a\":\"x\"}"}) {
    CAPTURE(document);
    CHECK_FALSE(is_xml(document));
    CHECK_FALSE(find_xml_text(document, "/a").has_value());
  }
}

TEST_CASE("control characters are in no document") {
  for (char c = 0; c < ' '; ++c) {
    CAPTURE(static_cast<int>(c));
    const bool is_space = c == '\t' || c == '\n' || c == '\r';
    CHECK(text_of(std::string{"x"} + c + "y").has_value() == is_space);
    CHECK(is_xml(std::string{"<a b='"} + c + "'/>") == is_space);
  }
}

TEST_CASE("the depth has a limit") {
  CHECK(is_xml(nested(kMostXmlDepth)));
  CHECK_FALSE(is_xml(nested(kMostXmlDepth + 1)));
  CHECK_FALSE(is_xml(nested(100'000)));
}

TEST_CASE("a document that is cut anywhere gives nothing") {
  const std::string document =
      "<?xml version='1.0'?><!--x--><r a='b'><c>t&amp;<![CDATA[u]]>v</c><d/></r>";
  REQUIRE(find_xml_text(document, "/r/c") == Text{"t&uv"});
  for (std::size_t size = 0; size < document.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(is_xml(document.substr(0, size)));
    CHECK_FALSE(find_xml_text(document.substr(0, size), "/r/c").has_value());
  }
}

TEST_CASE("64 KiB of one and the same end quickly and in nothing") {
  for (const char* piece : {"<", ">", "&", "<a>", "</a>", "<!", "<!--", "<?", "<![CDATA[", "<a b='",
                            "<a b=", "&#x41;", "<a><!---->", "\"", "/"}) {
    CAPTURE(piece);
    std::string document;
    while (document.size() < 64 * 1024) document += piece;
    CHECK_FALSE(is_xml(document));
    CHECK_FALSE(is_xml("<a>" + document));
  }
}

TEST_CASE("a byte that is another leaves a whole document or none") {
  const std::string document = "<r><c k='v'>t&#x41;</c><!--x--><d/></r>";
  int whole = 0;
  for (std::size_t at = 0; at < document.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = document;
      changed[at] = static_cast<char>(byte);
      const Text text = find_xml_text(changed, "/r/c");
      if (!is_xml(changed)) CHECK_FALSE(text.has_value());
      whole += is_xml(changed) ? 1 : 0;
    }
  }
  CHECK(whole > 0);
}

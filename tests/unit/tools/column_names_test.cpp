// SPDX-License-Identifier: Apache-2.0

#include "send/column_names.hpp"

#include <string>

#include "catch.hpp"

using tools::send::clean_name;
using tools::send::folded_name;
using tools::send::shown_name;

TEST_CASE("a name is compared without case, blanks, punctuation and invisible characters") {
  for (const char* name :
       {"ITEM_ID", "item_id", "itemId", "ITEM-ID", "Item Id", " ITEM_ID ", "ITEM_ID\xc2\xa0",
        "\xef\xbb\xbfITEM_ID", "ITEM_ID\xe2\x80\x8b", "ITEM\xe2\x80\x93ID", "ITEM.ID", "ITEM_ID\t",
        "ITEM_ID\r", "ITEM_ID\xa0", "\"ITEM_ID\""}) {
    CAPTURE(name);
    CHECK(folded_name(name) == "ITEMID");
  }
  CHECK(folded_name("ITEM_ID2") == "ITEMID2");
  CHECK(folded_name("\xc3\x9c_b") ==
        "\xc3\x9c"
        "B");
  CHECK(folded_name("").empty());
}

TEST_CASE("a clean name has its blanks only inside, and no invisible characters") {
  CHECK(clean_name(" NUM RATINGS\xc2\xa0") == "NUM RATINGS");
  CHECK(clean_name("NUM\xe2\x80\x8b_RATINGS\xef\xbb\xbf") == "NUM_RATINGS");
  CHECK(clean_name(" \xe2\x80\x8b\xc2\xa0").empty());
  CHECK(clean_name("\xe8\x8c\xb6") == "\xe8\x8c\xb6");
}

TEST_CASE("a name is shown with the codes of what cannot be seen") {
  CHECK(shown_name("ITEM ID ") == "\"ITEM ID \"");
  CHECK(shown_name("ITEM\xc2\xa0ID\xef\xbb\xbf") == "\"ITEM\\u00a0ID\\ufeff\"");
  CHECK(shown_name("\xf0\x9f\x8c\x80") == "\"\xf0\x9f\x8c\x80\"");
}

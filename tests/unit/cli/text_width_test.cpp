#include "sandbox/cli/text_width.h"

#include <catch2/catch.hpp>

using namespace sandbox::cli;  // NOLINT(google-build-using-namespace): a test of this namespace

TEST_CASE("Hangul and emoji take two columns, combining marks none", "[cli]") {
  CHECK(text_width("") == 0);
  CHECK(text_width("abc") == 3);
  CHECK(text_width("실험 하나") == 9);
  CHECK(text_width("日本") == 4);
  CHECK(text_width("ｆ") == 2);
  CHECK(text_width("é") == 1);
  CHECK(text_width("e\u0301") == 1);
  CHECK(text_width("\u1112\u1161\u11AB") == 2);  // 한, decomposed
  CHECK(text_width("😀") == 2);
  CHECK(text_width("│─") == 2);
  CHECK(text_width("a\xFF\xC3") == 3);  // bytes that begin no character
}

TEST_CASE("nothing a terminal would obey is left in a line", "[cli]") {
  CHECK(one_line("a\nb\tc\r\x1b[31m한") == "a\\nb\\tc\\r\\x1b[31m한");
}

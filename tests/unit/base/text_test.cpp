#include "sandbox/base/text.h"

#include <limits>

#include <catch2/catch.hpp>

#include "sandbox/base/html.h"
#include "sandbox/base/time.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace

TEST_CASE("percent decoding refuses broken escapes", "[base]") {
  CHECK(percent_decode("a%2Fb+c") == "a/b+c");
  CHECK(percent_decode("a+b", true) == "a b");
  CHECK_FALSE(percent_decode("%"));
  CHECK_FALSE(percent_decode("%4"));
  CHECK_FALSE(percent_decode("%zz"));
}

TEST_CASE("percent encoding keeps unreserved characters only", "[base]") {
  CHECK(percent_encode("a b/é~") == "a%20b%2F%C3%A9~");
  CHECK(percent_encode("a/b", "/") == "a/b");
}

TEST_CASE("base64 round-trips every length of padding", "[base]") {
  for (const std::string text : {"", "a", "ab", "abc", "abcd", "\xff\x01"}) {
    CHECK(unbase64(base64(std::string_view(text))) == text);
  }
  CHECK(base64(std::string_view("foobar")) == "Zm9vYmFy");
  CHECK_FALSE(unbase64("a==="));
  CHECK_FALSE(unbase64("ab"));
  CHECK_FALSE(unbase64("a=bc"));
}

TEST_CASE("UTF-8 counts characters, not bytes", "[base]") {
  CHECK(utf8_length("héllo 한글") == 8);
  CHECK(utf8_prefix("한글x", 2) == "한글");
  CHECK(is_valid_utf8("한글"));
  CHECK_FALSE(is_valid_utf8("\xc0\xaf"));
  CHECK_FALSE(is_valid_utf8("\xed\xa0\x80"));
}

TEST_CASE("capital letters of European scripts have small ones", "[base]") {
  CHECK(lower_utf8("ÀÉß×ŸĀŁŹ ΑΩΣ ЁЖЯ 한글 Az") == "àéß×ÿāłź αωσ ёжя 한글 az");
}

TEST_CASE("numbers are read whole or not at all", "[base]") {
  CHECK(parse_int64("-42") == -42);
  CHECK_FALSE(parse_int64("42x"));
  CHECK_FALSE(parse_int64(""));
  CHECK_FALSE(parse_int64("9223372036854775808"));
  CHECK(parse_double("1.5e3") == 1500.0);
  CHECK_FALSE(parse_double("1.5.2"));
}

TEST_CASE("times are written and read in the three protocol forms", "[base]") {
  const std::int64_t when = 1'440'938'160'123;
  CHECK(iso8601_ms(when) == "2015-08-30T12:36:00.123Z");
  CHECK(iso8601_basic(when) == "20150830T123600Z");
  CHECK(http_date(when) == "Sun, 30 Aug 2015 12:36:00 GMT");
  CHECK(iso8601_ms(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(iso8601_ms(std::numeric_limits<std::int64_t>::min()).ends_with("T16:47:04.192Z"));
  CHECK(parse_iso8601("2015-08-30T12:36:00.123Z") == when);
  CHECK(parse_iso8601("2015-08-30T12:36:00Z") == when - 123);
  CHECK(parse_iso8601_basic("20150830T123600Z") == when - 123);
  CHECK(parse_http_date("Sun, 30 Aug 2015 12:36:00 GMT") == when - 123);
  CHECK_FALSE(parse_iso8601("2015-02-30T12:36:00Z"));
  CHECK_FALSE(parse_iso8601_basic("20150830"));
  CHECK_FALSE(parse_http_date("yesterday"));
}

TEST_CASE("text inside pages is no markup", "[base]") {
  CHECK(html_escaped("<a b=\"c\">&'ü") == "&lt;a b=&quot;c&quot;&gt;&amp;'ü");
}

#include "sandbox/tracking/filter.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace
using namespace sandbox::tracking;  // NOLINT(google-build-using-namespace): a test of this
                                    // namespace

TEST_CASE("a filter is split into its comparisons", "[tracking]") {
  const auto clauses = parse_filter(
      "metrics.acc >= 0.9 and params.`a b` != 'x' AND tags.\"mlflow.user\" ILIKE \"%Bob%\" AND "
      "tags.mlflow.parentRunId = '1' AND run_id IN ('a', 'b') AND tags.t IS NOT NULL AND n<-1e3");
  REQUIRE(clauses.size() == 7);
  CHECK(clauses[0].prefix == "metrics");
  CHECK(clauses[0].key == "acc");
  CHECK(clauses[0].comparator == ">=");
  CHECK(clauses[0].values.at(0).text == "0.9");
  CHECK(clauses[0].values.at(0).is_number);
  CHECK(clauses[1].key == "a b");
  CHECK(clauses[2].key == "mlflow.user");
  CHECK(clauses[2].comparator == "ILIKE");
  CHECK(clauses[2].values.at(0).text == "%Bob%");
  CHECK(clauses[3].key == "mlflow.parentRunId");
  CHECK(clauses[4].comparator == "IN");
  CHECK(clauses[4].values.size() == 2);
  CHECK(clauses[5].comparator == "IS NOT NULL");
  CHECK(clauses[6].values.at(0).text == "-1e3");
}

TEST_CASE("quotes inside quoted values are kept, two words name a run", "[tracking]") {
  CHECK(parse_filter("tags.t = \"it's AND (x)\"").at(0).values.at(0).text == "it's AND (x)");
  CHECK(parse_filter("`run name` = 'a'").at(0).key == "run name");
  CHECK(parse_filter("run name = 'a'").at(0).key == "run name");
  CHECK(parse_filter("run_id IN ('a',)").at(0).values.size() == 1);
  CHECK(parse_filter("").empty());
  // Doubled and escaped quotes do not end a text and stay in it, as sqlparse leaves them.
  CHECK(parse_filter("a = 'it''s'").at(0).values.at(0).text == "it''s");
  CHECK(parse_filter(R"(a = "say ""hi"" \" b")").at(0).values.at(0).text == R"(say ""hi"" \" b)");
  CHECK(parse_filter(R"(a = 'x\')").at(0).values.at(0).text == R"(x\)");
  CHECK(parse_filter("a = 'x' AND b = ''").at(1).values.at(0).text.empty());
  CHECK(parse_filter("tags.`a``b` = 'x'").at(0).key == "a``b");
}

TEST_CASE("what is no list of comparisons is refused with the part that is none", "[tracking]") {
  const auto refused = [](const char* filter, const char* part) {
    INFO(filter);
    CHECK_THROWS_WITH(parse_filter(filter), Catch::Contains(part));
  };
  refused("metrics.a > 1 OR metrics.b > 1", "filter string: 'OR'");
  refused("(metrics.a > 1)", "filter string: '(metrics.a > 1)'");
  refused("metrics.a", "filter string: 'metrics.a'");
  refused("metrics.a >", "filter string: 'metrics.a', '>'");
  refused("NOT metrics.a > 1", "filter string: 'NOT'");
  refused("'x'", "filter string: ''x''");
  refused("params.a = 'b", "no closing '");
  refused("1 < metrics.a", "Expected 'Identifier' found '1'");
  refused("'a' = b", "Expected 'Identifier' found ''a''");
  refused("a = 'b';", "filter string: ';'");
  refused("a = 'b'; DROP TABLE runs", "multiple expression \"a = 'b'; DROP TABLE runs\"");
  refused("a = 'b' -- c", "filter string: '-- c'");
  refused("a = 'b' /* c */", "filter string: '/* c */'");
  refused(".a = 'b'", "filter string: '.a'");
  refused("  ", "Could not be parsed");
  CHECK_THROWS_WITH(parse_filter("a = '1' OR b = '2'", ""), Catch::EndsWith(": OR"));
}

TEST_CASE("values and comparators are held against the column's type", "[tracking]") {
  const auto text = [](const char* filter) {
    return text_condition("c", parse_filter(filter).at(0)).sql;
  };
  const auto number = [](const char* filter) {
    return number_condition("c", parse_filter(filter).at(0)).sql;
  };
  CHECK(text("a != 'x'") == "c != ?");
  CHECK(text("a ILIKE 'x'") == "lower(c) LIKE lower(?)");
  CHECK(text("a NOT IN ('x', 'y')") == "c NOT IN (?,?)");
  CHECK(number("a >= +1.5e3") == "c >= ?");
  for (const char* filter : {"a = 5", "a = x", "a > 'x'", "a IN ()", "a IN (5)", "a IN 'x'",
                             "a = ('x')", "a NOT LIKE 'x'", "a == 'x'"}) {
    INFO(filter);
    CHECK_THROWS_AS(text(filter), Error);
  }
  for (const char* filter : {"a = '5'", "a = NaN", "a LIKE 5", "a IN (5)", "a == 5", "a = 1.2.3"}) {
    INFO(filter);
    CHECK_THROWS_AS(number(filter), Error);
  }
}

TEST_CASE("an order is a key and a direction", "[tracking]") {
  CHECK(parse_order_by("metrics.acc DESC").ascending == false);
  CHECK(parse_order_by("metrics.`a b` asc").key == "a b");
  CHECK(parse_order_by("name").prefix.empty());
  for (const char* clause :
       {"", "a b c", "metrics.a down", "a, b", "1", "'a' DESC", "a;", "a DESC;", ".a"}) {
    INFO(clause);
    CHECK_THROWS_AS(parse_order_by(clause), Error);
  }
}

TEST_CASE("page tokens are the reference's", "[tracking]") {
  CHECK(offset_token(2) == "eyJvZmZzZXQiOiAyfQ==");
  CHECK(token_offset("eyJvZmZzZXQiOiAyfQ==") == 2);
  CHECK(token_offset("") == 0);
  for (const char* token : {"junk", "e30=", "WzFd", "eyJvZmZzZXQiOiAtMX0="}) {
    INFO(token);
    CHECK_THROWS_AS(token_offset(token), Error);
  }
  CHECK_THROWS_WITH(token_offset("x"), "Invalid page token, could not base64-decode");
  CHECK_THROWS_WITH(token_offset("nonsense"),
                    R"(Invalid page token, decoded value=b'\x9e\x89\xecz{\x1e')");
  CHECK_THROWS_WITH(token_offset("e30="), "Invalid page token, parsed value={}");
}

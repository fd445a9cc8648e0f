#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/graphql/check.h"
#include "sandbox/graphql/execute.h"
#include "sandbox/graphql/mlflow_schema.h"

using namespace sandbox;           // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::graphql;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::string_view library_schema = R"(
scalar String scalar Int scalar Float scalar Boolean scalar LongString
type Query { book(input: BookInput, copies: Int): Book @resolved  hello: String @resolved }
input BookInput { title: String! pages: LongString kinds: [Kind] }
enum Kind { NOVEL POEM }
type Book {
  title: String  firstPage: LongString  price: Float  isLent: Boolean  kind: Kind
  chapters: [Chapter!]  note: Note @optional  author: Author @resolved
}
type Chapter { title: String }
type Note { text: String }
type Author { name: String }
)";

// What the resolver was asked, and the answer.
struct Library {
  Schema schema{library_schema};
  std::string asked;
  std::string book = R"({"title":"One","first_page":9007199254740993,"price":1.5,"is_lent":true,
    "kind":"POEM","chapters":[{"title":"a"},{"title":"b"}]})";

  std::string ask(const std::string& text,
                  const std::string& variables = "{}",
                  const std::string& operation = "") {
    const JsonDocument given(variables);
    return answer(schema, {text, operation, given.root()},
                  [&](std::string_view field, const JsonView& parent, const JsonView& arguments) {
                    asked += std::string(field) + arguments.dump();
                    if (field == "Query.hello") return std::string(R"("hi")");
                    if (field == "Query.book") return book;
                    std::string title;
                    parent.member("title")->read(title);
                    if (title.empty())
                      throw Error(Code::resource_does_not_exist, "Nobody wrote it");
                    return R"({"name":"of )" + title + "\"}";
                  });
  }
  std::string data(const std::string& text, const std::string& variables = "{}") {
    const JsonDocument document(ask(text, variables));
    INFO(document.root().dump());
    REQUIRE(document.root().member("errors")->is_null());
    return document.root().member("data")->dump();
  }
  // The first sentence of an answer without data.
  std::string mistake(const std::string& text, const std::string& variables = "{}") {
    const JsonDocument document(ask(text, variables));
    INFO(document.root().dump());
    CHECK(document.root().member("data")->is_null());
    std::string sentence;
    document.root().member("errors")->at(0).read(sentence);
    return sentence;
  }
};

std::string syntax_error(const std::string& text) {
  try {
    parse_document(text);
  } catch (const Error& error) {
    CHECK(error.code() == Code::bad_request);
    return error.message();
  }
  return "";
}

}  // namespace

TEST_CASE("fields come in the order they were asked, under the names they were given",
          "[graphql]") {
  Library library;
  CHECK(library.data("{ hello }") == R"({"hello":"hi"})");
  CHECK(library.data("query { a: book { isLent, t: title __typename } b: hello }") ==
        R"({"a":{"__typename":"Book","isLent":true,"t":"One"},"b":"hi"})");
  CHECK(library.ask("{ book { title isLent } hello }") ==
        R"({"data":{"book":{"title":"One","isLent":true},"hello":"hi"},"errors":null})");
}

TEST_CASE("long numbers are text, NaN is null, absent members are what protobuf says",
          "[graphql]") {
  Library library;
  const std::string all =
      "{ book { title firstPage price isLent kind chapters { title } note { text } } }";
  CHECK(
      library.ask(all) ==
      R"({"data":{"book":{"title":"One","firstPage":"9007199254740993","price":1.5,"isLent":true,)"
      R"("kind":"POEM","chapters":[{"title":"a"},{"title":"b"}],"note":null}},"errors":null})");
  library.book = R"({"price":"NaN","kind":"SONG"})";
  CHECK(library.ask(all) ==
        R"({"data":{"book":{"title":"","firstPage":"0","price":null,"isLent":false,)"
        R"("kind":null,"chapters":[],"note":null}},"errors":null})");
  library.book = "null";
  CHECK(library.ask(all) == R"({"data":{"book":null},"errors":null})");
}

TEST_CASE("a field that fails is null beside the others, and says why", "[graphql]") {
  Library library;
  CHECK(library.data("{ book { author { name } } }") == R"({"book":{"author":{"name":"of One"}}})");
  library.book = R"({"title":""})";
  CHECK(
      library.ask("{ book { author { name } title } hello }") ==
      R"({"data":{"book":{"author":null,"title":""},"hello":"hi"},"errors":["Nobody wrote it"]})");
}

TEST_CASE("fragments, with a name or in place, are part of what spreads them", "[graphql]") {
  Library library;
  CHECK(library.data(R"({ ...all }
    fragment all on Query { book { ...b ... on Book { isLent } ... { kind } } }
    fragment b on Book { title chapters { ...c } }
    fragment c on Chapter { title })") ==
        R"({"book":{"chapters":[{"title":"a"},{"title":"b"}],"isLent":true,"kind":"POEM",)"
        R"("title":"One"}})");
  // What several selections ask of one field is put together.
  CHECK(library.ask("{ book { title } book { title isLent } }") ==
        R"({"data":{"book":{"title":"One","isLent":true}},"errors":null})");
}

TEST_CASE("fields are left out by skip and include", "[graphql]") {
  Library library;
  const std::string text =
      "query($no: Boolean!) { hello @include(if: $no) book { title @skip(if: true) "
      "... @include(if: false) { kind } isLent } }";
  CHECK(library.data(text, R"({"no":false})") == R"({"book":{"isLent":true}})");
  CHECK(library.data(text, R"({"no":true})") == R"({"book":{"isLent":true},"hello":"hi"})");
}

TEST_CASE("arguments reach the resolver, written in the query or as variables", "[graphql]") {
  Library library;
  const auto asked = [&](const std::string& text, const std::string& variables = "{}") {
    library.asked.clear();
    library.data(text, variables);
    return library.asked;
  };
  CHECK(
      asked(
          R"({ book(copies: 3, input: {title: "\u00e4\n", kinds: POEM, pages: 7}) { title } })") ==
      R"(Query.book{"copies":3,"input":{"kinds":["POEM"],"pages":7,"title":"ä\n"}})");
  CHECK(asked("query($i: BookInput) { book(input: $i) { title } }",
              R"({"i":{"title":"x","kinds":["NOVEL"],"pages":"12"}})") ==
        R"(Query.book{"input":{"kinds":["NOVEL"],"pages":12,"title":"x"}})");
  CHECK(asked("query($n: Int = 4) { book(copies: $n) { title } }") == R"(Query.book{"copies":4})");
  CHECK(asked("query($n: Int) { book(copies: $n) { title } }") == "Query.book{}");
  CHECK(asked(R"(query($t: String!) { book(input: {title: $t}) { title } })", R"({"t":"y"})") ==
        R"(Query.book{"input":{"title":"y"}})");
  CHECK(asked("{ book(input: {title: \"\"\"\n    two\n      lines\n  \"\"\"}) { title } }") ==
        R"(Query.book{"input":{"title":"two\n  lines"}})");
}

TEST_CASE("a query that makes no sense says what is wrong with it", "[graphql]") {
  Library library;
  CHECK(library.mistake("{ helo }") ==
        "Cannot query field 'helo' on type 'Query'. Did you mean 'hello'?");
  CHECK(library.mistake("{ hello(x: 1) }") == "Unknown argument 'x' on field 'Query.hello'.");
  CHECK(library.mistake("{ book }") ==
        "Field 'book' of type 'Book' must have a selection of subfields. Did you mean 'book { ... "
        "}'?");
  CHECK(library.mistake("{ hello { x } }") ==
        "Field 'hello' must not have a selection since type 'String' has no subfields.");
  CHECK(library.mistake("{ ...f }") == "Unknown fragment 'f'.");
  CHECK(library.mistake("{ ...f } fragment f on Query { ...f }") ==
        "Cannot spread fragment 'f' within itself.");
  CHECK(library.mistake("{ hello } fragment f on Query { hello }") ==
        "Fragment 'f' is never used.");
  CHECK(library.mistake("{ book { ... on Query { hello } } }") ==
        "Fragment cannot be spread here as objects of type 'Book' can never be of type 'Query'.");
  CHECK(library.mistake("{ hello @loud }") == "Unknown directive '@loud'.");
  CHECK(library.mistake("{ a: hello a: __typename }") ==
        "Fields 'a' conflict because 'hello' and '__typename' are different fields. Use different "
        "aliases on the fields to fetch both if this was intentional.");
  CHECK(library.mistake("query A { hello } query B { hello }") ==
        "Must provide operation name if query contains multiple operations.");
  CHECK(library.mistake("subscription { hello }") ==
        "Schema is not configured to execute subscription operation.");
}

TEST_CASE("values that do not fit are named", "[graphql]") {
  Library library;
  CHECK(library.mistake(R"({ book(copies: "3") { title } })") ==
        R"(Int cannot represent non-integer value: "3")");
  CHECK(library.mistake("{ book(copies: 3000000000) { title } }") ==
        "Int cannot represent non 32-bit signed integer value: 3000000000");
  CHECK(library.mistake("{ book(input: {titel: \"x\"}) { title } }") ==
        "Field 'titel' is not defined by type 'BookInput'. Did you mean 'title'?");
  CHECK(library.mistake("{ book(input: {title: \"x\", kinds: [SONG]}) { title } }") ==
        "Value 'SONG' does not exist in 'Kind' enum.");
  CHECK(library.mistake("{ book(copies: $n) { title } }") == "Variable '$n' is not defined.");
  const std::string text = "query Q($i: BookInput!) { book(input: $i) { title } }";
  CHECK(library.mistake(text) == "Variable '$i' of required type 'BookInput!' was not provided.");
  CHECK(library.mistake(text, R"({"i":5})") ==
        "Variable '$i' got invalid value 5; Expected type 'BookInput' to be a mapping.");
  CHECK(library.mistake(text, R"({"i":{"title":"x","kinds":["SONG"]}})") ==
        "Variable '$i' got invalid value 'SONG' at 'i.kinds[0]'; Value 'SONG' does not exist in "
        "'Kind' enum.");
  CHECK(library.mistake("query($n: String) { book(copies: $n) { title } }") ==
        "Variable '$n' of type 'String' used in position expecting type 'Int'.");
  CHECK(library.mistake("query Q($n: Int) { hello }") ==
        "Variable '$n' is never used in operation 'Q'.");
}

TEST_CASE("an input's required member must be there", "[graphql]") {
  Library library;
  CHECK(library.mistake("{ book(input: {pages: 3}) { title } }") ==
        "Field 'BookInput.title' of required type 'String!' was not provided.");
}

TEST_CASE("text that is no query names the place", "[graphql]") {
  CHECK(syntax_error("{") == "Syntax Error: Expected Name, found <EOF> at line 1, column 2.");
  CHECK(syntax_error("") == "Syntax Error: Unexpected <EOF> at line 1, column 1.");
  CHECK(syntax_error("{\n  a(b: \"c)\n}") ==
        "Syntax Error: Unterminated string at line 2, column 11.");
  CHECK(syntax_error("{ a ? }") == "Syntax Error: Unexpected character '?' at line 1, column 5.");
  CHECK(syntax_error("{ a(b: 01) }").starts_with("Syntax Error: Invalid number"));
  CHECK(syntax_error("# only a remark\n{ a } # and the end").empty());
  CHECK(syntax_error("{ a(b: " + std::string(100'000, '[') + ") }")
            .starts_with("Syntax Error: Nested too deep"));
  CHECK_FALSE(syntax_error("{ a(b: \"\\x\") }").empty());
}

TEST_CASE("queries that ask for too much are refused before they are answered", "[graphql]") {
  const auto excess = [](const std::string& text) { return find_excess(parse_document(text)); };
  std::string aliases;
  for (int i = 0; i < 11; ++i) aliases += " a" + std::to_string(i) + ":x";
  CHECK(excess("{ b {" + aliases + "} }") ==
        "GraphQL queries should have at most 10 aliases, got 11 aliases.");
  CHECK(excess("{" + aliases + "}") ==
        "GraphQL queries should have at most 10 root fields, got 11 root fields.");
  std::string deep = "x";
  for (int i = 0; i < 10; ++i) deep = "x { " + deep + " }";
  CHECK(excess("{" + deep + "}") == "Query exceeds maximum depth of 10");
  CHECK(excess("{ ...f } fragment f on A { x { ...f } }") == "Query exceeds maximum depth of 10");
  std::string wide;
  for (int i = 0; i < 1001; ++i) wide += " x";
  CHECK(excess("{ a {" + wide + "} }") == "Query exceeds maximum total selections of 1000");
  std::string fragments = "{ x }";
  for (int i = 0; i < 201; ++i) fragments += " fragment f" + std::to_string(i) + " on A { x }";
  CHECK(excess(fragments) == "Query exceeds maximum total fragments of 200");
  CHECK(excess("{ a { b c d } }").empty());
}

TEST_CASE("MLflow's schema can be read, and every field's type is in it", "[graphql]") {
  const Schema schema(mlflow_schema);
  REQUIRE(schema.root("query") != nullptr);
  for (const SchemaField& field : schema.root("query")->fields) {
    INFO(field.name);
    CHECK(schema.type(field.type.named()) != nullptr);
    CHECK(field.has_directive("resolved"));
  }
  CHECK(schema.type("MlflowRunExtension")->field("modelVersions")->type.written() ==
        "[MlflowModelVersion!]");
  CHECK(schema.root("subscription") == nullptr);
}

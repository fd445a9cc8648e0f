// A GET's query string, read as the same kind of message, and page tokens.
#include <stdexcept>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/http/request.h"
#include "sandbox/tracking/filter.h"
#include "tests/fuzz/fuzz.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

struct Search {
  std::string run_id;
  std::optional<std::int64_t> max_results;
  double limit = 0;
  bool all = false;
  std::vector<std::string> order_by;
  std::vector<std::int64_t> numbers;
  std::optional<JsonText> anything;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &Search::run_id, "", "run_uuid"),
                      field("max_results", &Search::max_results),
                      field("limit", &Search::limit),
                      field("all", &Search::all),
                      field("order_by", &Search::order_by),
                      field("numbers", &Search::numbers),
                      field("anything", &Search::anything),
                      field("page_token", &Search::page_token)};
  }
};

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {"run_id=a&max_results=5&all=true&order_by=x+DESC&order_by=y%20ASC",
          "run_uuid=%ED%95%9C&limit=1e-3&numbers=1&numbers=-2",
          "run_id=a&anything=%7B%22x%22%3A%5B1%5D%7D&page_token=eyJvZmZzZXQiOiAyfQ==",
          "run_id&=&&run_id=%zz&limit=NaN&all=False",
          "run_id=b&page_token=eyJvZmZzZXQiOiAiOSJ9",
          "page_token=bnVsbA==&run_id=a&limit=%00",
          ""};
}

void fuzz_one(std::string_view input) {
  try {
    const auto message = from_query<Search>(http::Query::parse(input).all());
    if (tracking::token_offset(message.page_token) < 0) throw std::logic_error("an offset below 0");
  } catch (const Error& refusal) {
    if (http_status(refusal.code()) >= 500) throw std::logic_error(refusal.message());
  }
}

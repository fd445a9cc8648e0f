// The search language itself: a text is a list of comparisons or is refused with a sentence.
#include <stdexcept>

#include "sandbox/base/error.h"
#include "sandbox/tracking/filter.h"
#include "tests/fuzz/filter_seeds.h"
#include "tests/fuzz/fuzz.h"

using namespace sandbox::tracking;  // NOLINT(google-build-using-namespace): a test of this

namespace {

template <class Function>
void refused_or_done(Function function) {
  try {
    function();
  } catch (const sandbox::Error& refusal) {
    if (sandbox::http_status(refusal.code()) >= 500) throw std::logic_error(refusal.message());
  }
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds = filter_seeds();
  for (std::string& order : order_seeds()) seeds.push_back(std::move(order));
  return seeds;
}

void fuzz_one(std::string_view input) {
  refused_or_done([&] { parse_order_by(input); });
  refused_or_done([&] {
    for (const Comparison& comparison : parse_filter(input)) {
      if (input.find(comparison.clause) == std::string_view::npos) {
        throw std::logic_error("a clause that was not written: " + comparison.clause);
      }
      refused_or_done([&] { text_condition("c", comparison); });
      refused_or_done([&] { number_condition("c", comparison); });
    }
  });
}

// Which rows a model learns from and which it is tested on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trainers::tabular {

struct Split {
  std::vector<std::size_t> train;
  std::vector<std::size_t> validation;
  std::vector<std::size_t> test;
};

// Shuffles all rows by the seed, the same way everywhere, and takes ceil(fraction * rows) for the
// test, as scikit-learn counts them, then of the others as many again for validation; 0 takes none.
// Throws Error(invalid_parameter_value) when a part would have fewer than 2 rows.
Split split_rows(std::size_t rows,
                 double test_fraction,
                 double validation_fraction,
                 std::int64_t seed);

}  // namespace trainers::tabular

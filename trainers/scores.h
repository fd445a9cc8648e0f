// How good a classifier is: counts of what it said about what was true. No Torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trainers {

class Confusion {
 public:
  explicit Confusion(std::size_t classes);

  void add(std::size_t truth, std::size_t predicted);

  [[nodiscard]] std::size_t classes() const { return classes_; }
  [[nodiscard]] std::int64_t count(std::size_t truth, std::size_t predicted) const {
    return counts_[truth * classes_ + predicted];
  }
  [[nodiscard]] std::int64_t count_of(std::size_t truth) const;  // all that are of this class
  [[nodiscard]] std::int64_t total() const;

  // Part that was right, 0 where there is nothing.
  [[nodiscard]] double accuracy() const;
  // The same of one class: its recall.
  [[nodiscard]] double accuracy_of(std::size_t truth) const;
  // Mean of the classes' F1, as scikit-learn's f1_score(average="macro"): over the classes that are
  // true or predicted anywhere.
  [[nodiscard]] double macro_f1() const;

 private:
  std::size_t classes_;
  std::vector<std::int64_t> counts_;  // a row for each true class
};

}  // namespace trainers

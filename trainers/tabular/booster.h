// XGBoost behind one door: its C interface with owners and with failures as Errors.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace trainers::tabular {

// "1.7.4": the library's version.
std::string xgboost_version();

// How the library's things are given back.
struct FreeMatrix {
  void operator()(void* handle) const;
};
struct FreeBooster {
  void operator()(void* handle) const;
};

// Rows in the library's own form, with their labels.
class Matrix {
 public:
  // `values` are row after row, NaN where there is none; not kept.
  Matrix(std::span<const float> values,
         const std::vector<std::string>& columns,
         std::span<const float> labels,
         int threads);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] void* handle() const { return handle_.get(); }

 private:
  std::size_t rows_ = 0;
  std::unique_ptr<void, FreeMatrix> handle_;
};

// How much a column does for a model.
struct Importance {
  std::string column;
  double share = 0;       // of the gain of all splits; all shares together are 1
  double total_gain = 0;  // of all splits by this column
  double gain = 0;        // of one split, on average
  double cover = 0;       // rows a split decides about, on average, as second derivatives
  double splits = 0;
};

class Booster {
 public:
  using Options = std::vector<std::pair<std::string, std::string>>;

  // `known` are the matrices it will learn from and be asked about in between; they have to live as
  // long. Predictions for them are not computed anew after each round.
  Booster(const Options& options,
          const std::vector<std::string>& columns,
          const std::vector<const Matrix*>& known);
  // A model that was saved. Throws Error when the file is none.
  static Booster load(const std::filesystem::path& file,
                      const std::vector<std::string>& columns,
                      int threads);
  void learn_round(int round, const Matrix& from);
  // One value a row, or one a class and row, row after row.
  [[nodiscard]] std::vector<float> predict(const Matrix& rows) const;
  // The model of its first rounds only.
  [[nodiscard]] Booster first_rounds(int rounds) const;
  // All columns, the most important first.
  [[nodiscard]] std::vector<Importance> importances() const;
  // In the format that the file's name ends with: .ubj or .json.
  void save(const std::filesystem::path& file) const;

 private:
  Booster() = default;
  void name_columns();
  [[nodiscard]] std::map<std::string, double> scores(const std::string& kind) const;

  std::unique_ptr<void, FreeBooster> handle_;
  std::vector<std::string> columns_;
};

}  // namespace trainers::tabular

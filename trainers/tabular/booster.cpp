#include "trainers/tabular/booster.h"

#include <algorithm>
#include <new>

#include <xgboost/c_api.h>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"

namespace trainers::tabular {

using sandbox::Code;
using sandbox::Error;

namespace {

// What the library says goes on with a stack trace, which is no sentence for a person.
void check(int result, const std::string& doing) {
  if (result == 0) return;
  std::string why = XGBGetLastError();
  why = why.substr(0, why.find("\nStack trace"));
  if (why.starts_with('[')) why = why.substr(std::min(why.size(), why.find("] ") + 2));
  while (why.ends_with('\n')) why.pop_back();
  if (why.find("bad_alloc") != std::string::npos) throw std::bad_alloc();
  throw Error(Code::invalid_state, doing + " failed in XGBoost: " + why);
}

// The library's description of an array in memory (NumPy's __array_interface__).
std::string array_of(std::span<const float> values, std::size_t rows, std::size_t columns) {
  std::string out;
  sandbox::JsonWriter writer(out);
  writer.begin_object();
  writer.name("data");
  writer.begin_array();
  writer.value(static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(values.data())));
  writer.value(true);
  writer.end_array();
  writer.name("shape");
  writer.begin_array();
  writer.value(static_cast<std::uint64_t>(rows));
  writer.value(static_cast<std::uint64_t>(columns));
  writer.end_array();
  writer.name("typestr");
  writer.value("<f4");
  writer.name("version");
  writer.value(3);
  writer.end_object();
  return out;
}

}  // namespace

void FreeMatrix::operator()(void* handle) const {
  XGDMatrixFree(handle);
}

void FreeBooster::operator()(void* handle) const {
  XGBoosterFree(handle);
}

std::string xgboost_version() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  XGBoostVersion(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

Matrix::Matrix(std::span<const float> values,
               const std::vector<std::string>& columns,
               std::span<const float> labels,
               int threads)
    : rows_(labels.size()) {
  const std::string config = R"({"missing": NaN, "nthread": )" + std::to_string(threads) + "}";
  DMatrixHandle made = nullptr;
  check(XGDMatrixCreateFromDense(array_of(values, rows_, columns.size()).c_str(), config.c_str(),
                                 &made),
        "Taking in the rows");
  handle_.reset(made);
  check(XGDMatrixSetFloatInfo(made, "label", labels.data(), labels.size()), "Taking in the target");
  std::vector<const char*> names;
  for (const std::string& column : columns) names.push_back(column.c_str());
  check(XGDMatrixSetStrFeatureInfo(made, "feature_name", names.data(), names.size()),
        "Naming the columns");
}

Booster::Booster(const Options& options,
                 const std::vector<std::string>& columns,
                 const std::vector<const Matrix*>& known)
    : columns_(columns) {
  check(XGBSetGlobalConfig(R"({"verbosity": 0})"), "Setting up");
  std::vector<DMatrixHandle> handles;
  for (const Matrix* matrix : known) handles.push_back(matrix->handle());
  BoosterHandle made = nullptr;
  check(XGBoosterCreate(handles.data(), handles.size(), &made), "Making the model");
  handle_.reset(made);
  for (const auto& [name, value] : options) {
    check(XGBoosterSetParam(made, name.c_str(), value.c_str()), "Setting " + name);
  }
  name_columns();
}

Booster Booster::load(const std::filesystem::path& file,
                      const std::vector<std::string>& columns,
                      int threads) {
  BoosterHandle made = nullptr;
  check(XGBoosterCreate(nullptr, 0, &made), "Making the model");
  Booster loaded;
  loaded.handle_.reset(made);
  loaded.columns_ = columns;
  check(XGBoosterLoadModel(made, file.c_str()), "Reading " + file.string());
  check(XGBoosterSetParam(made, "nthread", std::to_string(threads).c_str()), "Setting nthread");
  return loaded;
}

// The model keeps the names with it, so that who loads it can be held to them.
void Booster::name_columns() {
  std::vector<const char*> names;
  for (const std::string& column : columns_) names.push_back(column.c_str());
  check(XGBoosterSetStrFeatureInfo(handle_.get(), "feature_name", names.data(), names.size()),
        "Naming the columns");
}

void Booster::learn_round(int round, const Matrix& from) {
  check(XGBoosterUpdateOneIter(handle_.get(), round, from.handle()), "Training");
}

std::vector<float> Booster::predict(const Matrix& rows) const {
  constexpr const char* config =
      R"({"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0,
          "strict_shape": true})";
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* values = nullptr;
  check(XGBoosterPredictFromDMatrix(handle_.get(), rows.handle(), config, &shape, &dimensions,
                                    &values),
        "Predicting");
  std::size_t count = 1;
  for (bst_ulong i = 0; i < dimensions; ++i) count *= shape[i];
  return {values, values + count};
}

Booster Booster::first_rounds(int rounds) const {
  BoosterHandle made = nullptr;
  check(XGBoosterSlice(handle_.get(), 0, rounds, 1, &made), "Keeping the best rounds");
  Booster kept;
  kept.handle_.reset(made);
  kept.columns_ = columns_;
  kept.name_columns();
  return kept;
}

std::map<std::string, double> Booster::scores(const std::string& kind) const {
  bst_ulong count = 0;
  const char** names = nullptr;
  bst_ulong dimensions = 0;
  const bst_ulong* shape = nullptr;
  const float* values = nullptr;
  const std::string config = R"({"importance_type": ")" + kind + "\"}";
  check(XGBoosterFeatureScore(handle_.get(), config.c_str(), &count, &names, &dimensions, &shape,
                              &values),
        "Weighing the columns");
  std::map<std::string, double> scores;
  for (bst_ulong i = 0; i < count; ++i) scores[names[i]] = static_cast<double>(values[i]);
  return scores;
}

std::vector<Importance> Booster::importances() const {
  auto total_gain = scores("total_gain");
  auto gain = scores("gain");
  auto cover = scores("cover");
  auto splits = scores("weight");
  double all = 0;
  for (const auto& [column, value] : total_gain) all += value;
  std::vector<Importance> list;
  for (const std::string& column : columns_) {
    const double total = total_gain[column];
    list.push_back(
        {column, all > 0 ? total / all : 0, total, gain[column], cover[column], splits[column]});
  }
  std::stable_sort(list.begin(), list.end(), [](const Importance& left, const Importance& right) {
    return left.total_gain > right.total_gain;
  });
  return list;
}

void Booster::save(const std::filesystem::path& file) const {
  check(XGBoosterSaveModel(handle_.get(), file.c_str()), "Writing " + file.string());
}

}  // namespace trainers::tabular

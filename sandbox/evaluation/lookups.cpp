#include "sandbox/evaluation/lookups.h"

#include <algorithm>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/tracking/names.h"

namespace sandbox::evaluation {

std::int64_t visible_experiment(db::Tx& tx, const std::string& experiment_id) {
  const std::int64_t number = tracking::parse_experiment_id(experiment_id);
  if (!tx.query("SELECT 1 FROM experiments WHERE experiment_id = ? AND lifecycle_stage = 'active'",
                number)
           .next()) {
    throw Error(Code::resource_does_not_exist,
                "No Experiment with id=" + experiment_id + " exists");
  }
  return number;
}

void check_page_size(std::int64_t max_results) {
  if (max_results >= 1 && max_results <= max_results_max) return;
  throw Error(Code::invalid_parameter_value,
              "max_results must be between 1 and " + std::to_string(max_results_max) +
                  ". See the API docs for more information about request parameters.");
}

std::optional<std::string> kept_word(std::string_view word) {
  if (word.empty() || word.ends_with("_UNSPECIFIED")) return std::nullopt;
  return lower(word);
}

std::string dashed(std::string_view id) {
  std::string out(id.substr(0, 8));
  for (const std::size_t start : {8u, 12u, 16u}) out.append("-").append(id.substr(start, 4));
  return out.append("-").append(id.substr(20));
}

void for_each_id_list(const std::vector<std::string>& ids,
                      const std::function<void(const std::vector<db::Value>& list)>& part) {
  for (std::size_t start = 0; start < ids.size(); start += id_list_max) {
    std::vector<db::Value> list;
    list.reserve(id_list_max);
    for (std::size_t i = 0; i < id_list_max; ++i) {
      list.emplace_back(ids[std::min(start + i, ids.size() - 1)]);
    }
    part(list);
  }
}

}  // namespace sandbox::evaluation

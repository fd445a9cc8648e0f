// Online scoring: which share of new traces a scorer shall judge by itself. This server keeps the
// setting; it judges nothing. Source of the rules: MLflow 3.17's tracking store.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"

namespace sandbox::evaluation {

struct OnlineConfig {
  std::string online_scoring_config_id;
  std::string scorer_id;
  double sample_rate = 0;  // 0 to 1
  std::string experiment_id;
  std::optional<std::string> filter_string;  // of traces
  static constexpr auto fields() {
    return std::tuple{field("online_scoring_config_id", &OnlineConfig::online_scoring_config_id),
                      field("scorer_id", &OnlineConfig::scorer_id),
                      field("sample_rate", &OnlineConfig::sample_rate),
                      field("experiment_id", &OnlineConfig::experiment_id),
                      field("filter_string", &OnlineConfig::filter_string)};
  }
};

// Every method may be called from every thread.
class OnlineConfigs {
 public:
  // Throws when a text is no filter of traces, which another room knows.
  using CheckTraceFilter = std::function<void(const std::string& filter)>;

  OnlineConfigs(Env& env, db::Database& database, CheckTraceFilter check_filter)
      : env_(env), database_(database), check_filter_(std::move(check_filter)) {}

  // Replaces what the scorer had. A rate above 0 wants a scorer with a gateway model and without
  // expectations.
  OnlineConfig set(const std::string& experiment_id,
                   const std::string& scorer_name,
                   double sample_rate,
                   const std::optional<std::string>& filter);
  // Scorers without a setting are left out.
  std::vector<OnlineConfig> of_scorers(const std::vector<std::string>& scorer_ids);

 private:
  Env& env_;
  db::Database& database_;
  CheckTraceFilter check_filter_;
};

}  // namespace sandbox::evaluation

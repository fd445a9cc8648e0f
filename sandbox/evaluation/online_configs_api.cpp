#include "sandbox/base/error.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/evaluation/api.h"
#include "sandbox/evaluation/online_configs.h"

namespace sandbox::evaluation {
namespace {

struct GetOnlineConfigs {
  std::vector<std::string> scorer_ids;
  static constexpr auto fields() {
    // Not required(): a blank id is an id here.
    return std::tuple{field("scorer_ids", &GetOnlineConfigs::scorer_ids)};
  }
};

struct OnlineConfigList {
  JsonText configs;  // a list; it is written also when it is empty
  static constexpr auto fields() {
    return std::tuple{field("configs", &OnlineConfigList::configs)};
  }
};

struct SetOnlineConfig {
  std::string experiment_id;
  std::string name;
  JsonText sample_rate;    // a number, true or false, or a number as text
  JsonText filter_string;  // "" : none
  static constexpr auto fields() {
    return std::tuple{
        required("experiment_id", &SetOnlineConfig::experiment_id),
        required("name", &SetOnlineConfig::name),
        required("sample_rate", &SetOnlineConfig::sample_rate, "From 0 to 1."),
        field("filter_string", &SetOnlineConfig::filter_string, "A filter of traces.")};
  }
};

struct OnlineConfigAnswer {
  OnlineConfig config;
  static constexpr auto fields() {
    return std::tuple{field("config", &OnlineConfigAnswer::config)};
  }
};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

double rate_of(const JsonText& json) {
  double rate = 0;
  if (!JsonDocument(json.json).root().read(rate)) {
    refuse("sample_rate must be a number, got " + json.json);
  }
  return rate;
}

std::optional<std::string> filter_of(const JsonText& json) {
  if (json.json.empty()) return std::nullopt;
  const PythonJson value = PythonJson::parse(json.json);
  if (value.is_text()) return value.text;
  refuse("Invalid value " + value.str() +
         " for parameter 'filter_string' supplied: Value was of type '" +
         std::string(value.type_name()) + "'. Expected type 'str' or None.");
}

std::string json_of(const std::vector<OnlineConfig>& configs) {
  std::string out;
  JsonWriter writer(out);
  write_value(writer, configs);
  return out;
}

}  // namespace

void install_online_configs(http::Api& api, OnlineConfigs& configs) {
  const std::string root = "3.0/mlflow/scorers";
  api.get<GetOnlineConfigs, OnlineConfigList>(
      root + "/online-configs", "Which share of new traces scorers judge by themselves.",
      [&](const GetOnlineConfigs& in) {
        if (in.scorer_ids.empty()) {
          refuse(
              "Missing value for required parameter 'scorer_ids'. See the API docs for more "
              "information about request parameters.");
        }
        return OnlineConfigList{{json_of(configs.of_scorers(in.scorer_ids))}};
      });
  api.add<SetOnlineConfig, OnlineConfigAnswer>(
      "PUT", root + "/online-config", "Set which share of new traces a scorer judges by itself.",
      [&](const SetOnlineConfig& in) {
        return OnlineConfigAnswer{configs.set(in.experiment_id, in.name, rate_of(in.sample_rate),
                                              filter_of(in.filter_string))};
      });
}

}  // namespace sandbox::evaluation

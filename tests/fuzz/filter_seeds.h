// Filters and orders of every search, for the targets that read them.
#pragma once

#include <string>
#include <vector>

inline std::vector<std::string> filter_seeds() {
  return {"metrics.acc >= 0.9 AND params.`a b` != 'x' and tags.\"mlflow.user\" ILIKE \"%Bob%\"",
          "tags.mlflow.parentRunId = '1' AND run_id IN ('a', 'b') AND tags.t IS NOT NULL",
          "attributes.status = 'FINISHED' AND start_time > 5 AND end_time <= 1e3",
          "run name LIKE 'a_%' AND `run name` ILIKE 'B' AND artifact_uri != ''",
          "dataset.name = 'd' AND datasets.digest IN ('x','y') AND dataset.context LIKE 't%'",
          "name NOT IN ('it''s', \"it\\'s\") AND params.p IS NULL",
          "name = 'a' AND experiment_id IN ('1', '2') AND creation_time < -1.5",
          "name ILIKE '%a%' AND tags.`k` = 'v' AND last_update_time != 0",
          "run_id = 'r' AND source_path LIKE 's3://%' AND version_number > 1",
          "attributes.model_type = 'LLM' AND status = 'READY' AND metrics.a < 1 AND params.b = 'c'",
          "source_run_id IN ('r') AND creation_timestamp >= 5 AND last_updated_timestamp = 7",
          "tags.mlflow.prompt.is_prompt = 'true' AND name != 'x'",
          "metrics.`nan` > -1 AND metrics.inf < 1e308 AND metric.x != +.5",
          "(metrics.a > 1) OR NOT name RLIKE 'x' -- c",
          "name = 'a'; DROP TABLE runs",
          "",
          " "};
}

inline std::vector<std::string> order_seeds() {
  return {"metrics.acc DESC",
          "params.`a b` ASC",
          "attributes.start_time",
          "name desc",
          "tags.\"k\"",
          "creation_time ASC",
          "version_number DESC",
          "last_updated_timestamp",
          "run_name",
          "timestamp DESC",
          "status",
          "metrics.`x y` ASC"};
}

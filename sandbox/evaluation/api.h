// The evaluation room's endpoints: each noun adds its rows to the one table.
#pragma once

#include "sandbox/http/api.h"

namespace sandbox::evaluation {

class DatasetRecords;
class Datasets;
class Issues;
class LabelSchemas;
class OnlineConfigs;
class ReviewItems;
class ReviewQueues;
class Scorers;

// The collaborators must outlive the Api.
void install_datasets(http::Api& api, Datasets& datasets);
void install_dataset_records(http::Api& api, DatasetRecords& records);
void install_scorers(http::Api& api, Scorers& scorers);
void install_online_configs(http::Api& api, OnlineConfigs& configs);
void install_issues(http::Api& api, Issues& issues);
void install_label_schemas(http::Api& api, LabelSchemas& schemas);
void install_review_queues(http::Api& api, ReviewQueues& queues);
void install_review_items(http::Api& api, ReviewItems& items);

}  // namespace sandbox::evaluation

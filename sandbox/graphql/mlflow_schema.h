// The part of MLflow's schema that its web UI asks for, as schema-language text (schema.h).
#pragma once

#include <string_view>

namespace sandbox::graphql {

extern const std::string_view mlflow_schema;

}  // namespace sandbox::graphql

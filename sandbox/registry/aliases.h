// Aliases: names of a registered model's versions that can be moved. "latest" always means the
// highest version. Source of the rules: MLflow 3.17's model registry store.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/db/database.h"
#include "sandbox/registry/events.h"
#include "sandbox/registry/model_versions.h"

namespace sandbox::registry {

class Aliases {
 public:
  explicit Aliases(db::Database& database, Announce announce = {})
      : database_(database), announce_(std::move(announce)) {}

  // Throws for reserved names and for versions that are not there.
  void set(std::string_view name, std::string_view alias, std::string_view version);
  // Deleting an absent alias is no error; an unknown model is.
  void remove(std::string_view name, std::string_view alias);
  // An absent alias is Error(invalid_parameter_value), as the reference has it.
  ModelVersion get(std::string_view name, std::string_view alias);

 private:
  db::Database& database_;
  Announce announce_;
};

// Aliases::get inside a transaction.
ModelVersion read_aliased_version(db::Tx& tx, std::string_view name, std::string_view alias);

}  // namespace sandbox::registry

// Which experiment a thing belongs to, read from MLflow's tables: most permissions are the
// experiment's. This room reads those tables itself, because it stands in front of the rooms that
// own them and has to answer before they are asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/db/database.h"

namespace sandbox::auth {

enum class Thing { run, logged_model, trace, issue, label_schema };

class Resources {
 public:
  explicit Resources(db::Database& database) : database_(database) {}

  // The experiment's id; nullopt when there is no such thing.
  [[nodiscard]] std::optional<std::string> experiment_of(Thing thing, std::string_view id) const;
  [[nodiscard]] std::optional<std::string> experiment_named(std::string_view name) const;
  // Empty for a dataset that does not exist or belongs to none.
  [[nodiscard]] std::vector<std::string> experiments_of_dataset(std::string_view id) const;
  [[nodiscard]] std::vector<std::string> experiments_of_scorer(std::string_view scorer_id) const;

  struct Queue {
    std::string experiment_id;
    std::string owner;  // lower case
    bool is_custom = false;
    bool has_member = false;  // `user` is among those it is assigned to
  };
  [[nodiscard]] std::optional<Queue> review_queue(std::string_view id, std::string_view user) const;
  [[nodiscard]] std::optional<std::string> review_queue_named(std::string_view experiment_id,
                                                              std::string_view name) const;

  enum class Entry { absent, model, prompt };
  [[nodiscard]] Entry registry_entry(std::string_view name) const;

 private:
  db::Database& database_;
};

}  // namespace sandbox::auth

// MLflow's tables as both engines have them: what there is to move, and in which order.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::migrate {

struct Column {
  // How the engines' types are compared: a BOOLEAN is 0 or 1 in SQLite, and JSON is text. A date is
  // read as text as well, but PostgreSQL orders it by itself.
  enum class Kind { integer, real, boolean, text, date };
  std::string name;
  Kind kind = Kind::text;
};

struct Table {
  std::string name;
  std::vector<Column> columns;   // without those the database computes
  std::vector<std::size_t> key;  // positions in `columns` of the primary key, in its order
  // Of a text that, beside the key, no other row may have, alone or with other columns: a name.
  std::optional<std::size_t> unique;

  // Position of a column; throws std::out_of_range for one that is not there.
  [[nodiscard]] std::size_t position(std::string_view column) const;
};

struct Schema {
  // Each table comes after those it refers to.
  std::vector<Table> tables;
  // Tables of MLflow's gateway with sealed bytes, which this program neither writes nor moves.
  std::vector<std::string> unmoved;
};

// Of MLflow's schema at the revision of this program (db/migrations), without alembic_version.
Schema mlflow_schema();

}  // namespace sandbox::migrate

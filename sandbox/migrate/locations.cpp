#include "sandbox/migrate/locations.h"

#include <array>

namespace sandbox::migrate {
namespace {

constexpr std::string_view scheme = "s3://";

struct Place {
  std::string_view table;
  std::string_view column;
  std::string_view only_key = "";  // of a table of keys and values
};

constexpr std::array places{
    Place{"experiments", "artifact_location"},
    Place{"runs", "artifact_uri"},
    Place{"logged_models", "artifact_location"},
    Place{"model_versions", "source"},
    Place{"model_versions", "storage_location"},
    Place{"trace_tags", "value", "mlflow.artifactLocation"},
};

std::string place_of(const std::string& bucket, const std::string& prefix) {
  return std::string(scheme) + bucket + "/" + prefix;
}

}  // namespace

std::string moved_uri(std::string_view uri, const std::vector<ObjectMove>& moves) {
  if (!uri.starts_with(scheme)) return std::string(uri);
  for (const ObjectMove& move : moves) {
    const std::string from = place_of(move.from_bucket, move.from_prefix);
    const std::string to = place_of(move.to_bucket, move.to_prefix);
    if (uri.starts_with(from)) return to + std::string(uri.substr(from.size()));
    // The place itself, written without '/' at its end.
    if (uri == from.substr(0, from.size() - 1)) return to.substr(0, to.size() - 1);
  }
  return std::string(uri);
}

RowChange move_locations(std::vector<ObjectMove> moves) {
  return [moves = std::move(moves)](const Table& table, Row& row) {
    for (const Place& place : places) {
      if (place.table != table.name) continue;
      if (!place.only_key.empty()) {
        const auto* key = std::get_if<std::string>(&row[table.position("key")]);
        if (key == nullptr || *key != place.only_key) continue;
      }
      Cell& cell = row[table.position(std::string(place.column))];
      if (auto* uri = std::get_if<std::string>(&cell)) *uri = moved_uri(*uri, moves);
    }
  };
}

}  // namespace sandbox::migrate

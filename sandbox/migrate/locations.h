// What the places that MLflow's tables name become when the files move.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/migrate/object_sync.h"
#include "sandbox/migrate/row.h"

namespace sandbox::migrate {

// An s3:// URI below the place one of the moves begins at, as it is after it; others stay as they
// are, mlflow-artifacts: among them, whose place a server's settings say.
std::string moved_uri(std::string_view uri, const std::vector<ObjectMove>& moves);

// The same for every such URI that is a whole string inside a JSON text.
std::string moved_json(std::string_view json, const std::vector<ObjectMove>& moves);

// The change of rows that belongs to those moves.
RowChange move_locations(std::vector<ObjectMove> moves);

}  // namespace sandbox::migrate

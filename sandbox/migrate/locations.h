// Where MLflow's tables say that files lie, and what those places become when the files move.
// Source of the list: the columns in which MLflow 3.17's stores keep an artifact URI.
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

// The change of rows that belongs to those moves.
RowChange move_locations(std::vector<ObjectMove> moves);

}  // namespace sandbox::migrate

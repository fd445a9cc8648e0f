#include "sandbox/migrate/report.h"

namespace sandbox::migrate {

Told told_of(const Result& result) {
  Told told;
  told.is_equal = result.is_equal();
  const auto note = [&](const std::string& key) {
    if (told.first_different.empty()) told.first_different = key;
  };
  for (const TableResult& one : result.tables) {
    const Difference& left = one.left;
    told.tables.push_back({one.table, left.rows, left.missing + left.different + left.surplus});
    note(left.first);
  }
  for (const MoveResult& one : result.moves) {
    told.files.push_back({"s3://" + one.move.from_bucket + "/" + one.move.from_prefix,
                          "s3://" + one.move.to_bucket + "/" + one.move.to_prefix, one.left.objects,
                          one.left.bytes, one.left.different});
    note(one.left.first_different);
  }
  return told;
}

}  // namespace sandbox::migrate

#include "sandbox/migrate/locations.h"

#include "sandbox/artifacts/uri_columns.h"

namespace sandbox::migrate {
namespace {

constexpr std::string_view scheme = "s3://";

std::string place_of(const std::string& bucket, const std::string& prefix) {
  return std::string(scheme) + bucket + "/" + prefix;
}

}  // namespace

std::string moved_json(std::string_view json, const std::vector<ObjectMove>& moves) {
  std::string out;
  // URIs have no quotes inside, so a JSON string that is one ends at the next quote.
  for (std::size_t begin = 0; begin < json.size();) {
    const std::size_t quote = json.find('"', begin);
    const std::size_t end = quote == std::string_view::npos ? quote : json.find('"', quote + 1);
    if (end == std::string_view::npos) return out.append(json.substr(begin));
    const std::string_view text = json.substr(quote + 1, end - quote - 1);
    if (text.starts_with(scheme)) {
      out.append(json.substr(begin, quote + 1 - begin)).append(moved_uri(text, moves)).append("\"");
      begin = end + 1;
    } else {
      out.append(json.substr(begin, quote + 1 - begin));
      begin = quote + 1;
    }
  }
  return out;
}

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
    for (const artifacts::UriColumn& place : artifacts::uri_columns) {
      if (place.table != table.name) continue;
      if (!place.only_key.empty()) {
        const auto* key = std::get_if<std::string>(&row[table.position("key")]);
        if (key == nullptr || *key != place.only_key) continue;
      }
      auto* text = std::get_if<std::string>(&row[table.position(place.column)]);
      if (text == nullptr) continue;
      *text = place.is_json ? moved_json(*text, moves) : moved_uri(*text, moves);
    }
  };
}

}  // namespace sandbox::migrate

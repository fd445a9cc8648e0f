#include "sandbox/migrate/order.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/private_file.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/migrate/locations.h"
#include "sandbox/migrate/migration.h"

namespace sandbox::migrate {
namespace {

struct Unfinished {
  std::string to_db;
  std::string to_s3;
  std::string endpoint;
  static constexpr auto fields() {
    return std::tuple{field("to_db", &Unfinished::to_db), field("to_s3", &Unfinished::to_s3),
                      field("endpoint", &Unfinished::endpoint)};
  }
};

std::string prefix_of(const S3Place& place) {
  return place.prefix.empty() ? "" : place.prefix + "/";
}

S3Place need_place(const std::string& uri) {
  const auto place = parse_s3_place(uri);
  if (place) return *place;
  throw Error(Code::invalid_parameter_value,
              "--to-s3 must be s3://bucket or s3://bucket/path, not '" + uri + "'.");
}

ObjectMove move_of_artifacts(const std::string& from, const std::string& to) {
  const S3Place old_place = need_place(from);
  const S3Place new_place = need_place(to);
  return {old_place.bucket, prefix_of(old_place), new_place.bucket, prefix_of(new_place)};
}

std::string root_after(const Order& order, const Config& from) {
  return moved_uri(from.default_artifact_root,
                   {move_of_artifacts(from.artifacts_destination, order.to_s3)});
}

}  // namespace

Settings settings_after(const Order& order, const Config& from) {
  Settings settings;
  settings["backend-store-uri"] = order.to_db;
  if (order.to_s3.empty()) return settings;
  settings["artifacts-destination"] = order.to_s3;
  settings["artifacts-endpoint"] = order.endpoint;
  settings["artifacts-region"] = order.endpoint.empty() ? "" : order.region;
  settings["artifacts-access-key"] = order.keep_keys ? order.access_key : "";
  settings["artifacts-secret-key"] = order.keep_keys ? order.secret_key : "";
  const std::string root = root_after(order, from);
  if (root != from.default_artifact_root) settings["default-artifact-root"] = root;
  return settings;
}

Config config_after(const Order& order, const Config& from) {
  if (from.backend_store_uri == order.to_db) {
    throw Error(Code::invalid_parameter_value,
                "The lab keeps its metadata at that --to-db already.");
  }
  Config to = from;
  to.backend_store_uri = order.to_db;
  if (order.to_s3.empty()) return to;
  to.artifacts_destination = order.to_s3;
  to.artifacts_endpoint = order.endpoint;
  to.artifacts_region = order.region;
  to.artifacts_access_key = order.access_key;
  to.artifacts_secret_key = Secret(order.secret_key);
  to.artifacts_session_token = Secret(order.session_token);
  to.artifacts_addressing = order.addressing;
  to.artifacts_ca_file = order.ca_file;
  to.artifacts_ignore_tls = order.ignore_tls;
  to.default_artifact_root = root_after(order, from);
  if (!moves_files(from, to) && from.artifacts_destination != to.artifacts_destination) {
    throw Error(Code::invalid_parameter_value, "The files are in that store already, at " +
                                                   from.artifacts_destination +
                                                   ". `relocate` moves them inside it.");
  }
  return to;
}

bool moves_files(const Config& from, const Config& to) {
  return from.artifacts_endpoint != to.artifacts_endpoint;
}

std::vector<ObjectMove> moves_between(const Config& from,
                                      const Config& to,
                                      store::ObjectStore& source) {
  if (!moves_files(from, to)) return {};
  std::vector<ObjectMove> moves{
      move_of_artifacts(from.artifacts_destination, to.artifacts_destination)};
  if (!from.artifacts_endpoint.empty()) return moves;
  for (const store::BucketInfo& bucket : source.buckets()) {
    if (bucket.name == moves.front().from_bucket || source.usage(bucket.name).objects == 0)
      continue;
    moves.push_back({bucket.name, "", bucket.name, ""});
  }
  return moves;
}

void make_buckets(store::ObjectStore& target,
                  const std::vector<ObjectMove>& moves,
                  const Config& to) {
  for (const ObjectMove& move : moves) {
    if (!target.find_bucket(move.to_bucket)) {
      target.create_bucket(move.to_bucket, to.artifacts_region);
    }
  }
}

Mark::Mark(const Order& order, const Config& from)
    : file_(from.data_dir + "/migration.json"),
      text_(to_json(Unfinished{db::without_password(order.to_db), order.to_s3, order.endpoint}) +
            "\n") {}

bool Mark::is_there() const {
  std::ifstream file(file_);
  std::stringstream text;
  text << file.rdbuf();
  return file && text.str() == text_;
}

void Mark::write() const {
  write_private_file(file_, text_);
}

void Mark::remove() const {
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
}

void need_free_target(db::Database& target, const Mark& mark) {
  if (is_unused(target) || mark.is_there()) return;
  throw Error(Code::invalid_state,
              "The database --to-db names holds experiments or runs of its own, which would be "
              "lost. Name an empty one.");
}

}  // namespace sandbox::migrate

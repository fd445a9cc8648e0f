#include "sandbox/upkeep/strays.h"

#include <algorithm>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/upkeep/objects.h"

namespace sandbox::upkeep {
namespace {

constexpr int page_keys = 1000;
constexpr std::size_t page_ids = 200;
constexpr std::int64_t page_rows = 500;

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_hex_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_run_id(std::string_view text) {
  return is_hex_id(text);
}
bool is_model_id(std::string_view text) {
  return text.starts_with("m-") && is_hex_id(text.substr(2));
}
bool is_trace_id(std::string_view text) {
  return text.starts_with("tr-") && is_hex_id(text.substr(3));
}

}  // namespace

// One of the three kinds of directories below an experiment's place.
struct Strays::Group {
  const char* what;
  std::string_view folder;  // below the experiment's place
  std::string_view below;   // the files of one lie below its directory and this
  bool (*is_id)(std::string_view text);
  std::string_view sql;
};

namespace {
constexpr std::string_view run_exists = "SELECT 1 FROM runs WHERE run_uuid = ?";
constexpr std::string_view model_exists = "SELECT 1 FROM logged_models WHERE model_id = ?";
constexpr std::string_view trace_exists = "SELECT 1 FROM trace_info WHERE request_id = ?";
}  // namespace

template <class Function>
void Strays::for_each_directory(const artifacts::Location& place, Function take) {
  store::ListQuery query;
  query.prefix = place.key.empty() ? "" : place.key + "/";
  query.delimiter = "/";
  query.keys_max = page_keys;
  while (!stop_.stop_requested()) {
    const store::ListPage page = store_.list(place.bucket, query);
    std::vector<std::string> names;
    for (const std::string& prefix : page.common_prefixes) {
      names.push_back(prefix.substr(query.prefix.size(), prefix.size() - query.prefix.size() - 1));
    }
    take(names);
    if (!page.truncated) return;
    query.after = page.next_after;
  }
}

std::vector<artifacts::Location> Strays::roots() {
  std::vector<artifacts::Location> places{artifacts_.destination()};
  if (default_artifact_root_.starts_with("s3://")) {
    places.push_back(artifacts::parse_s3_uri(default_artifact_root_));
  }
  return places;
}

// Where experiments with a location of their own keep their files, as far as it is in this store.
std::vector<artifacts::Location> Strays::own_locations() {
  std::vector<artifacts::Location> places;
  database_.read([&](db::Tx& tx) {
    places.clear();
    db::Rows rows = tx.query("SELECT DISTINCT artifact_location FROM experiments");
    while (rows.next()) {
      try {
        places.push_back(artifacts::locate(artifacts_.destination(), rows.view(0)));
      } catch (const Error&) {
        continue;  // files elsewhere
      }
    }
  });
  return places;
}

void Strays::orphans(std::int64_t before_ms, bool dry_run) {
  before_ms_ = before_ms;
  dry_run_ = dry_run;
  looked_into_.clear();
  for (const artifacts::Location& root : roots()) {
    if (!store_.find_bucket(root.bucket)) continue;
    for_each_directory(root, [&](const Ids& names) {
      for (const std::string& name : names) {
        if (is_number(name)) look_into_experiment(root.below(name));
      }
    });
  }
  for (const artifacts::Location& place : own_locations()) {
    if (store_.find_bucket(place.bucket)) look_into_experiment(place);
  }
}

void Strays::look_into_experiment(const artifacts::Location& place) {
  if (stop_.stop_requested() || !looked_into_.insert(uri_of(place)).second) return;
  look_into(place, {"run", "", "artifacts", is_run_id, run_exists});
  look_into(place.below("models"), {"logged model", "models", "", is_model_id, model_exists});
  look_into(place.below("traces"), {"trace", "traces", "", is_trace_id, trace_exists});
}

void Strays::look_into(const artifacts::Location& place, const Group& group) {
  for_each_directory(place, [&](const Ids& names) {
    Ids ids;
    for (const std::string& name : names) {
      if (group.is_id(name)) ids.push_back(name);
      if (ids.size() == page_ids) {
        check_group(place, group, ids);
        ids.clear();
      }
    }
    check_group(place, group, ids);
  });
}

void Strays::check_group(const artifacts::Location& place, const Group& group, const Ids& ids) {
  if (ids.empty()) return;
  // Asked after the listing: a row that was there when its files came is there now, or was removed.
  const Ids gone = database_.read([&](db::Tx& tx) {
    Ids without_row;
    for (const std::string& id : ids) {
      if (!tx.query(group.sql, id).next()) without_row.push_back(id);
    }
    return without_row;
  });
  for (const std::string& id : gone) {
    if (stop_.stop_requested()) return;
    artifacts::Location files = place.below(id);
    if (!group.below.empty()) files = files.below(group.below);
    Tally tally = count_below(store_, files);
    if (tally.objects == 0 || tally.newest_ms > before_ms_) continue;
    if (!dry_run_) tally = remove_below(store_, files, stop_);
    Finding orphan;
    orphan.kind = "orphan";
    orphan.id = id;
    orphan.place = uri_of(files);
    orphan.objects = tally.objects;
    orphan.bytes = tally.bytes;
    orphan.note = "files of a " + std::string(group.what) + " that is gone";
    report_(orphan);
  }
}

void Strays::missing_of(std::string_view sql, std::string_view what) {
  struct Claim {
    std::string id;
    std::string uri;
  };
  std::string after;
  std::int64_t after_number = -1;
  while (!stop_.stop_requested()) {
    std::vector<Claim> claims;
    database_.read([&](db::Tx& tx) {
      db::Rows rows = tx.query(sql, after, after_number, page_rows);
      while (rows.next()) {
        claims.push_back({rows.text(2), rows.text(3)});
        after = rows.text(0);
        after_number = rows.integer(1);
      }
    });
    for (const Claim& claim : claims) {
      Finding finding;
      finding.kind = "missing";
      finding.id = claim.id;
      finding.place = claim.uri;
      finding.note = std::string(what) + " has no files";
      try {
        const artifacts::Location place = artifacts_.locate_uri(claim.uri);
        if (has_any(store_, place)) continue;
      } catch (const Error& error) {
        // A scheme this store does not keep is somebody else's; a run or model that is gone is
        // ours.
        if (error.code() != Code::resource_does_not_exist) continue;
        finding.note += ": " + error.message();
      }
      report_(finding);
    }
    if (claims.empty()) return;
  }
}

void Strays::missing() {
  // A run alone claims nothing; these tags say that it has a model or a logged table, image or
  // text.
  missing_of(
      "SELECT r.run_uuid, 0, r.run_uuid, r.artifact_uri FROM runs r WHERE (r.run_uuid, 0) > (?, ?) "
      "AND r.lifecycle_stage = 'active' AND EXISTS (SELECT 1 FROM tags t WHERE t.run_uuid = "
      "r.run_uuid AND t.key IN ('mlflow.log-model.history', 'mlflow.loggedArtifacts')) ORDER BY "
      "r.run_uuid LIMIT ?",
      "Run");
  missing_of(
      "SELECT model_id, 0, model_id, artifact_location FROM logged_models WHERE (model_id, 0) > "
      "(?, ?) AND lifecycle_stage = 'active' AND status = 2 ORDER BY model_id LIMIT ?",
      "Logged model");
  missing_of(
      "SELECT name, version, name || '/' || version, COALESCE(storage_location, source) FROM "
      "model_versions WHERE workspace = 'default' AND (name, version) > (?, ?) AND status = "
      "'READY' "
      "AND current_stage <> 'Deleted_Internal' AND COALESCE(storage_location, source) IS NOT NULL "
      "ORDER BY name, version LIMIT ?",
      "Model version");
}

}  // namespace sandbox::upkeep

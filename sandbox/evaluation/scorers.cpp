#include "sandbox/evaluation/scorers.h"

#include <algorithm>
#include <tuple>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/evaluation/lookups.h"
#include "sandbox/evaluation/serialized_scorer.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/names.h"

namespace sandbox::evaluation {
namespace {

constexpr std::string_view select_versions =
    "SELECT s.experiment_id, s.scorer_name, v.scorer_version, v.serialized_scorer, "
    "v.creation_time, s.scorer_id FROM scorers s JOIN scorer_versions v ON v.scorer_id = "
    "s.scorer_id ";
constexpr std::string_view newest_only =
    "v.scorer_version = (SELECT MAX(n.scorer_version) FROM scorer_versions n WHERE n.scorer_id = "
    "s.scorer_id)";

ScorerVersion version_of(const db::Rows& row) {
  return {row.integer(0), row.text(1), row.integer(2), row.text(3), row.integer(4), row.text(5)};
}

std::vector<ScorerVersion> all_of(db::Rows rows) {
  std::vector<ScorerVersion> versions;
  while (rows.next()) versions.push_back(version_of(rows));
  return versions;
}

// The tables of the gateway may hold endpoints that another server made. A scorer is stored with
// the endpoint's id and shown with its name.
std::optional<std::string> endpoint_id_of(db::Tx& tx, const std::string& name) {
  db::Rows rows =
      tx.query("SELECT endpoint_id FROM endpoints WHERE name = ? AND workspace = 'default'", name);
  return rows.next() ? std::optional(rows.text(0)) : std::nullopt;
}

std::optional<std::string> endpoint_name_of(db::Tx& tx, const std::string& endpoint_id) {
  db::Rows rows = tx.query(
      "SELECT name FROM endpoints WHERE endpoint_id = ? AND workspace = 'default'", endpoint_id);
  return rows.next() ? std::optional(rows.text(0)) : std::nullopt;
}

// A model whose endpoint is gone is shown as none.
PythonJson with_endpoint_name(db::Tx& tx,
                              const PythonJson& scorer,
                              const std::string& endpoint_id) {
  const auto name = endpoint_name_of(tx, endpoint_id);
  return with_model(scorer, name ? std::optional(gateway_model(*name)) : std::nullopt);
}

// One scorer keeps the text as it was given, unless its model has to be changed.
ScorerVersion shown_alone(db::Tx& tx, ScorerVersion version) {
  const PythonJson scorer = PythonJson::parse(version.serialized_scorer);
  if (const auto endpoint = gateway_endpoint_of(scorer)) {
    version.serialized_scorer = with_endpoint_name(tx, scorer, *endpoint).dumps();
  }
  return version;
}

// Lists show every scorer written anew, as in the reference.
std::vector<ScorerVersion> shown_in_list(db::Tx& tx, std::vector<ScorerVersion> versions) {
  for (ScorerVersion& version : versions) {
    PythonJson scorer = PythonJson::parse(version.serialized_scorer);
    if (const auto endpoint = gateway_endpoint_of(scorer)) {
      scorer = with_endpoint_name(tx, scorer, *endpoint);
    }
    version.serialized_scorer = scorer.dumps();
  }
  return versions;
}

void bind_endpoint(db::Tx& tx,
                   const std::string& endpoint_id,
                   const std::string& scorer_id,
                   const std::string& name,
                   std::int64_t now) {
  tx.execute("DELETE FROM endpoint_bindings WHERE resource_type = 'scorer' AND resource_id = ?",
             scorer_id);
  tx.execute(
      "INSERT INTO endpoint_bindings (endpoint_id, resource_type, resource_id, display_name, "
      "created_at, last_updated_at) VALUES (?, 'scorer', ?, ?, ?, ?)",
      endpoint_id, scorer_id, name, now, now);
}

std::int64_t next_version(db::Tx& tx, const std::string& scorer_id) {
  db::Rows rows = tx.query(
      "SELECT COALESCE(MAX(scorer_version), 0) + 1 FROM scorer_versions WHERE scorer_id = ?",
      scorer_id);
  rows.next();
  return rows.integer(0);
}

std::vector<ScorerVersion> read_versions(db::Tx& tx,
                                         const std::string& scorer_id,
                                         std::optional<std::int64_t> version) {
  const std::string sql = std::string(select_versions) + "WHERE s.scorer_id = ?";
  if (version) return all_of(tx.query(sql + " AND v.scorer_version = ?", scorer_id, *version));
  return all_of(tx.query(sql + " ORDER BY v.scorer_version", scorer_id));
}

std::string scorer_id_of(db::Tx& tx, const std::string& experiment_id, const std::string& name) {
  const auto id = find_scorer(tx, tracking::active_experiment(tx, experiment_id).id, name);
  if (!id) no_scorer(experiment_id, name);
  return *id;
}

[[noreturn]] void no_version(const std::string& experiment_id,
                             const std::string& name,
                             std::optional<std::int64_t> version) {
  if (!version) no_scorer(experiment_id, name);
  throw Error(Code::resource_does_not_exist,
              "Scorer with name '" + name + "' and version " + std::to_string(*version) +
                  " not found for experiment " + experiment_id + ".");
}

}  // namespace

std::optional<std::string> find_scorer(db::Tx& tx,
                                       std::int64_t experiment_id,
                                       const std::string& name) {
  db::Rows rows =
      tx.query("SELECT scorer_id FROM scorers WHERE experiment_id = ? AND scorer_name = ?",
               experiment_id, name);
  return rows.next() ? std::optional(rows.text(0)) : std::nullopt;
}

void no_scorer(const std::string& experiment_id, const std::string& name) {
  throw Error(Code::resource_does_not_exist,
              "Scorer with name '" + name + "' not found for experiment " + experiment_id + ".");
}

ScorerVersion Scorers::add(const NewScorer& in) {
  PythonJson scorer = parse_serialized_scorer(in.serialized_scorer, allow_custom_);
  if (trim(in.name).empty()) {
    throw Error(Code::invalid_parameter_value,
                "Scorer name cannot be empty or contain only whitespace.");
  }
  const auto endpoint = gateway_endpoint_of(scorer);
  const std::string new_id = dashed(env_.new_id());
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    tx.lock("scorer " + in.experiment_id + " " + in.name);
    const std::int64_t experiment_id = tracking::active_experiment(tx, in.experiment_id).id;
    std::string text = in.serialized_scorer;
    std::optional<std::string> endpoint_id;
    if (endpoint) {
      endpoint_id = endpoint_id_of(tx, *endpoint);
      if (!endpoint_id) {
        throw Error(Code::resource_does_not_exist,
                    "GatewayEndpoint not found (name='" + *endpoint + "')");
      }
      text = with_model(scorer, gateway_model(*endpoint_id)).dumps();
    }
    std::string scorer_id = find_scorer(tx, experiment_id, in.name).value_or("");
    if (scorer_id.empty()) {
      scorer_id = new_id;
      tx.execute("INSERT INTO scorers (experiment_id, scorer_name, scorer_id) VALUES (?, ?, ?)",
                 experiment_id, in.name, scorer_id);
    }
    const std::int64_t version = next_version(tx, scorer_id);
    tx.execute(
        "INSERT INTO scorer_versions (scorer_id, scorer_version, serialized_scorer, creation_time) "
        "VALUES (?, ?, ?, ?)",
        scorer_id, version, text, now);
    if (endpoint_id) bind_endpoint(tx, *endpoint_id, scorer_id, in.name, now);
    return shown_alone(tx, {experiment_id, in.name, version, text, now, scorer_id});
  });
}

std::vector<ScorerVersion> Scorers::list(const std::string& experiment_id) {
  return database_.read([&](db::Tx& tx) {
    const std::int64_t id = tracking::active_experiment(tx, experiment_id).id;
    return shown_in_list(
        tx, all_of(tx.query(std::string(select_versions) + "WHERE s.experiment_id = ? AND " +
                                std::string(newest_only) + " ORDER BY s.scorer_name",
                            id)));
  });
}

std::vector<ScorerVersion> Scorers::list_of(const std::vector<std::string>& experiment_ids) {
  std::vector<std::int64_t> ids;
  for (const std::string& id : experiment_ids) ids.push_back(tracking::parse_experiment_id(id));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return database_.read([&](db::Tx& tx) {
    std::vector<ScorerVersion> versions;
    for (const std::int64_t id : ids) {
      std::vector<ScorerVersion> some =
          all_of(tx.query(std::string(select_versions) +
                              "JOIN experiments e ON e.experiment_id = s.experiment_id WHERE "
                              "s.experiment_id = ? AND e.lifecycle_stage = 'active' AND " +
                              std::string(newest_only) + " ORDER BY s.scorer_name",
                          id));
      std::move(some.begin(), some.end(), std::back_inserter(versions));
    }
    return shown_in_list(tx, std::move(versions));
  });
}

std::vector<ScorerVersion> Scorers::list_all() {
  return database_.read([&](db::Tx& tx) {
    return shown_in_list(
        tx,
        all_of(tx.query(std::string(select_versions) +
                        "JOIN experiments e ON e.experiment_id = s.experiment_id WHERE "
                        "e.lifecycle_stage = 'active' AND " +
                        std::string(newest_only) + " ORDER BY s.experiment_id, s.scorer_name")));
  });
}

std::vector<ScorerVersion> Scorers::versions(const std::string& experiment_id,
                                             const std::string& name) {
  return database_.read([&](db::Tx& tx) {
    std::vector<ScorerVersion> found =
        read_versions(tx, scorer_id_of(tx, experiment_id, name), std::nullopt);
    if (found.empty()) no_scorer(experiment_id, name);
    return shown_in_list(tx, std::move(found));
  });
}

ScorerVersion Scorers::get(const std::string& experiment_id,
                           const std::string& name,
                           std::optional<std::int64_t> version) {
  return database_.read([&](db::Tx& tx) {
    std::vector<ScorerVersion> found =
        read_versions(tx, scorer_id_of(tx, experiment_id, name), version);
    if (found.empty()) no_version(experiment_id, name, version);
    return shown_alone(tx, std::move(found.back()));
  });
}

void Scorers::remove(const std::string& experiment_id,
                     const std::string& name,
                     std::optional<std::int64_t> version) {
  database_.write([&](db::Tx& tx) {
    const std::string id = scorer_id_of(tx, experiment_id, name);
    if (version) {
      if (tx.execute("DELETE FROM scorer_versions WHERE scorer_id = ? AND scorer_version = ?", id,
                     *version) == 0) {
        no_version(experiment_id, name, version);
      }
      return;
    }
    if (tx.execute("DELETE FROM scorer_versions WHERE scorer_id = ?", id) == 0) {
      no_scorer(experiment_id, name);
    }
    tx.execute("DELETE FROM endpoint_bindings WHERE resource_type = 'scorer' AND resource_id = ?",
               id);
    tx.execute("DELETE FROM online_scoring_configs WHERE scorer_id = ?", id);
    tx.execute("DELETE FROM scorers WHERE scorer_id = ?", id);
  });
}

}  // namespace sandbox::evaluation

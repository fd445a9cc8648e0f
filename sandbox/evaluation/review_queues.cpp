#include "sandbox/evaluation/review_queues.h"

#include <algorithm>
#include <unordered_map>

#include "sandbox/base/error.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/evaluation/lookups.h"
#include "sandbox/tracking/filter.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::evaluation {
namespace {

constexpr std::size_t name_max = 250;  // characters
constexpr std::size_t schema_id_max = 36;
constexpr std::size_t users_max = 10;
constexpr std::string_view reserved_name = "default";  // of the user of a server without users

constexpr std::string_view queue_columns =
    "queue_id, experiment_id, name, queue_type, created_by, creation_time_ms, last_update_time_ms";

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

[[noreturn]] void refuse_taken_name(const std::string& name) {
  throw Error(Code::resource_already_exists,
              "Review queue with name '" + name + "' already exists (names are case-insensitive).");
}

std::vector<std::string> normal_users(std::vector<std::string> users) {
  for (std::string& user : users) user = normal_user(user);
  users = normal_identifiers(users, "user", review_user_max);
  if (users.size() > users_max) {
    refuse("A review queue can have at most " + std::to_string(users_max) +
           " assigned users; got " + std::to_string(users.size()) + ".");
  }
  return users;
}

std::string custom_name(const std::string& given) {
  std::string name(trim(given));
  check_identifier(name, "name", name_max);
  if (lower_utf8(name) == reserved_name) {
    refuse("`" + name + "` is a reserved queue name and cannot be used for a custom queue.");
  }
  return name;
}

// A queue to be made, with its name and lists as they are kept.
struct Checked {
  std::string type;
  std::string name;
  std::vector<std::string> users;
  std::vector<std::string> schema_ids;
};

Checked checked(const NewReviewQueue& in) {
  const auto type = kept_word(in.queue_type.name);
  if (!type) refuse("`queue_type` must be one of USER or CUSTOM; got proto enum value 0.");
  Checked queue{*type, "", normal_users(in.users),
                normal_identifiers(in.schema_ids, "schema_id", schema_id_max)};
  if (queue.type == "custom") {
    queue.name = custom_name(in.name);
    return queue;
  }
  queue.name = normal_user(in.name);
  check_identifier(queue.name, "name", name_max);
  if (queue.users.empty()) queue.users = {queue.name};
  if (queue.users != std::vector{queue.name}) {
    refuse("A user queue must have exactly one assigned user equal to its name; got name=" +
           python_repr(queue.name) + " and users=" + python_repr(queue.users) + ".");
  }
  if (!queue.schema_ids.empty()) {
    refuse(
        "A user queue cannot have explicitly-attached schemas; it resolves to all of the "
        "experiment's label schemas.");
  }
  return queue;
}

void check_schemas(db::Tx& tx,
                   std::int64_t experiment_id,
                   const std::vector<std::string>& schema_ids) {
  std::vector<std::string> missing;
  for (const std::string& id : schema_ids) {
    if (!tx.query("SELECT 1 FROM label_schemas WHERE schema_id = ? AND experiment_id = ?", id,
                  experiment_id)
             .next()) {
      missing.push_back(id);
    }
  }
  if (missing.empty()) return;
  refuse("Label schema id(s) " + python_repr(missing) + " not found for experiment '" +
         std::to_string(experiment_id) + "'.");
}

void insert_users(db::Tx& tx, const std::string& queue_id, const std::vector<std::string>& users) {
  for (const std::string& user : users) {
    tx.execute("INSERT INTO review_queue_users (queue_id, user_id) VALUES (?, ?)", queue_id, user);
  }
}

void insert_schemas(db::Tx& tx, const std::string& queue_id, const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    tx.execute("INSERT INTO review_queue_label_schemas (queue_id, schema_id) VALUES (?, ?)",
               queue_id, id);
  }
}

ReviewQueue queue_of(const db::Rows& row) {
  return {row.text(0),
          std::to_string(row.integer(1)),
          row.text(2),
          upper(row.view(3)),
          row.maybe_text(4),
          row.integer(5),
          row.integer(6),
          {},
          {}};
}

// Fills users and questions of queues in a few queries for all of them.
void read_details(db::Tx& tx, std::vector<ReviewQueue>& queues) {
  std::vector<std::string> ids;
  std::unordered_map<std::string_view, ReviewQueue*> by_id;
  for (ReviewQueue& queue : queues) {
    ids.push_back(queue.queue_id);
    by_id.emplace(queue.queue_id, &queue);
  }
  const std::string marks(id_marks);
  const std::string users_sql =
      "SELECT queue_id, user_id FROM review_queue_users WHERE queue_id "
      "IN " +
      marks + " ORDER BY queue_id, user_id";
  const std::string schemas_sql =
      "SELECT queue_id, schema_id FROM review_queue_label_schemas WHERE queue_id IN " + marks +
      " ORDER BY queue_id, schema_id";
  for_each_id_list(ids, [&](const std::vector<db::Value>& list) {
    for (db::Rows rows = tx.query_values(users_sql, list); rows.next();) {
      by_id.at(rows.view(0))->users.push_back(rows.text(1));
    }
    for (db::Rows rows = tx.query_values(schemas_sql, list); rows.next();) {
      by_id.at(rows.view(0))->schema_ids.push_back(rows.text(1));
    }
  });
}

std::optional<ReviewQueue> only_of(db::Tx& tx, db::Rows rows) {
  std::vector<ReviewQueue> queues;
  if (rows.next()) queues.push_back(queue_of(rows));
  read_details(tx, queues);
  return queues.empty() ? std::nullopt : std::optional(std::move(queues.front()));
}

[[noreturn]] void no_queue(const std::string& queue_id) {
  throw Error(Code::resource_does_not_exist, "Review queue with id '" + queue_id + "' not found.");
}

ReviewQueue read_queue(db::Tx& tx, const std::string& queue_id) {
  auto queue = only_of(tx, tx.query("SELECT " + std::string(queue_columns) +
                                        " FROM review_queues WHERE queue_id = ?",
                                    queue_id));
  if (!queue) no_queue(queue_id);
  return std::move(*queue);
}

std::optional<ReviewQueue> find_by_name(db::Tx& tx,
                                        std::int64_t experiment_id,
                                        const std::string& name) {
  return only_of(tx, tx.query("SELECT " + std::string(queue_columns) +
                                  " FROM review_queues WHERE experiment_id = ? AND name_key = ?",
                              experiment_id, lower_utf8(name)));
}

// False when the name is taken.
bool insert_queue(db::Tx& tx,
                  const std::string& queue_id,
                  std::int64_t experiment_id,
                  const Checked& queue,
                  const std::optional<std::string>& owner,
                  std::int64_t now) {
  check_schemas(tx, experiment_id, queue.schema_ids);
  if (tx.execute("INSERT INTO review_queues (queue_id, experiment_id, name, name_key, queue_type, "
                 "created_by, creation_time_ms, last_update_time_ms) VALUES (?, ?, ?, ?, ?, ?, ?, "
                 "?) ON CONFLICT (experiment_id, name_key) DO NOTHING",
                 queue_id, experiment_id, queue.name, lower_utf8(queue.name), queue.type, owner,
                 now, now) == 0) {
    return false;
  }
  insert_users(tx, queue_id, queue.users);
  insert_schemas(tx, queue_id, queue.schema_ids);
  return true;
}

void rename_queue(db::Tx& tx, const ReviewQueue& queue, const std::string& name) {
  const std::string key = lower_utf8(name);
  if (tx.query("SELECT 1 FROM review_queues WHERE experiment_id = ? AND name_key = ? AND queue_id "
               "<> ?",
               *parse_int64(queue.experiment_id), key, queue.queue_id)
          .next()) {
    refuse_taken_name(name);
  }
  tx.execute("UPDATE review_queues SET name = ?, name_key = ? WHERE queue_id = ?", name, key,
             queue.queue_id);
}

void replace_schemas(db::Tx& tx,
                     const ReviewQueue& queue,
                     const std::vector<std::string>& schema_ids) {
  if (tx.query("SELECT 1 FROM review_queue_items WHERE queue_id = ? LIMIT 1", queue.queue_id)
          .next()) {
    refuse(
        "A review queue's questions are locked once items are assigned to it. Remove the items "
        "before changing its questions.");
  }
  const std::vector<std::string> ids = normal_identifiers(schema_ids, "schema_id", schema_id_max);
  check_schemas(tx, *parse_int64(queue.experiment_id), ids);
  tx.execute("DELETE FROM review_queue_label_schemas WHERE queue_id = ?", queue.queue_id);
  insert_schemas(tx, queue.queue_id, ids);
}

}  // namespace

std::int64_t experiment_of_queue(db::Tx& tx, const std::string& queue_id) {
  db::Rows rows = tx.query("SELECT experiment_id FROM review_queues WHERE queue_id = ?", queue_id);
  if (!rows.next()) no_queue(queue_id);
  return rows.integer(0);
}

std::string normal_user(const std::string& user) {
  return lower_utf8(trim(user));
}

void check_identifier(const std::string& value, const std::string& field, std::size_t max) {
  if (value.empty()) refuse("`" + field + "` must be a non-empty string; got ''.");
  if (utf8_length(value) > max) {
    refuse("`" + field + "` must be at most " + std::to_string(max) + " characters; got " +
           std::to_string(utf8_length(value)) + ".");
  }
}

std::vector<std::string> normal_identifiers(const std::vector<std::string>& values,
                                            const std::string& field,
                                            std::size_t max) {
  std::vector<std::string> normal;
  std::unordered_map<std::string, bool> seen;
  for (const std::string& value : values) {
    std::string one(trim(value));
    check_identifier(one, field, max);
    if (seen.emplace(one, true).second) normal.push_back(std::move(one));
  }
  return normal;
}

ReviewQueue ReviewQueues::create(const NewReviewQueue& in,
                                 const std::optional<std::string>& owner) {
  const Checked queue = checked(in);
  const std::string queue_id = "rq-" + env_.new_id();
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    if (!insert_queue(tx, queue_id, visible_experiment(tx, in.experiment_id), queue, owner, now)) {
      refuse_taken_name(queue.name);
    }
    return read_queue(tx, queue_id);
  });
}

ReviewQueue ReviewQueues::get_or_create_user(const std::string& experiment_id,
                                             const std::string& user) {
  Checked queue;
  queue.type = "user";
  queue.name = normal_user(user);
  check_identifier(queue.name, "name", name_max);
  queue.users = {queue.name};
  const std::string queue_id = "rq-" + env_.new_id();
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    const std::int64_t experiment = visible_experiment(tx, experiment_id);
    if (insert_queue(tx, queue_id, experiment, queue, queue.name, now)) {
      return read_queue(tx, queue_id);
    }
    const auto found = find_by_name(tx, experiment, queue.name);
    if (found->queue_type != "USER") {
      throw Error(Code::resource_already_exists,
                  "A non-user queue named '" + queue.name +
                      "' already exists; cannot get-or-create a user queue with that name.");
    }
    return *found;
  });
}

ReviewQueue ReviewQueues::get(const std::string& queue_id) {
  return database_.read([&](db::Tx& tx) { return read_queue(tx, queue_id); });
}

ReviewQueue ReviewQueues::get_by_name(const std::string& experiment_id, const std::string& name) {
  return database_.read([&](db::Tx& tx) {
    auto queue = find_by_name(tx, visible_experiment(tx, experiment_id), name);
    if (!queue) {
      throw Error(Code::resource_does_not_exist, "Review queue with name '" + name +
                                                     "' not found for experiment '" +
                                                     experiment_id + "'.");
    }
    return std::move(*queue);
  });
}

ReviewQueuePage ReviewQueues::list(const ListReviewQueues& in) {
  check_page_size(in.max_results);
  const std::int64_t offset = tracking::token_offset(in.page_token);
  return database_.read([&](db::Tx& tx) {
    tracking::SearchSql sql;
    sql.where("experiment_id = ?");
    sql.bind(visible_experiment(tx, in.experiment_id));
    if (in.user) {
      sql.where("queue_id IN (SELECT queue_id FROM review_queue_users WHERE user_id = ?)");
      sql.bind(normal_user(*in.user));
    }
    if (in.item_id) {
      sql.where("queue_id IN (SELECT queue_id FROM review_queue_items WHERE item_id = ?)");
      sql.bind(*in.item_id);
    }
    const std::string statement = "SELECT " + std::string(queue_columns) +
                                  " FROM review_queues WHERE " + sql.text() +
                                  " ORDER BY creation_time_ms DESC, queue_id LIMIT ? OFFSET ?";
    ReviewQueuePage page;
    page.next_page_token = tracking::read_page(tx, statement, sql, in.max_results, offset,
                                               page.review_queues, queue_of)
                               .value_or("");
    read_details(tx, page.review_queues);
    return page;
  });
}

ReviewQueue ReviewQueues::update(const UpdateReviewQueue& in) {
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    ReviewQueue queue = read_queue(tx, in.queue_id);
    if (queue.queue_type == "USER") {
      refuse(
          "A user queue's name, assigned user, schemas, and owner are fixed and cannot be "
          "updated.");
    }
    if (!in.update_users && !in.update_schema_ids && !in.name && !in.new_owner) return queue;
    if (in.new_owner) {
      const std::string owner(trim(*in.new_owner));
      check_identifier(owner, "new_owner", review_user_max);
      tx.execute("UPDATE review_queues SET created_by = ? WHERE queue_id = ?", owner, in.queue_id);
    }
    if (in.name) rename_queue(tx, queue, custom_name(*in.name));
    if (in.update_users) {
      const std::vector<std::string> users = normal_users(in.users);
      tx.execute("DELETE FROM review_queue_users WHERE queue_id = ?", in.queue_id);
      insert_users(tx, in.queue_id, users);
    }
    if (in.update_schema_ids) replace_schemas(tx, queue, in.schema_ids);
    tx.execute("UPDATE review_queues SET last_update_time_ms = ? WHERE queue_id = ?", now,
               in.queue_id);
    return read_queue(tx, in.queue_id);
  });
}

void ReviewQueues::remove(const std::string& queue_id) {
  database_.write([&](db::Tx& tx) {
    tx.execute("DELETE FROM review_queue_users WHERE queue_id = ?", queue_id);
    tx.execute("DELETE FROM review_queue_items WHERE queue_id = ?", queue_id);
    tx.execute("DELETE FROM review_queue_label_schemas WHERE queue_id = ?", queue_id);
    tx.execute("DELETE FROM review_queues WHERE queue_id = ?", queue_id);
  });
}

}  // namespace sandbox::evaluation

#include "sandbox/evaluation/review_items.h"

#include "sandbox/base/error.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/evaluation/lookups.h"
#include "sandbox/evaluation/review_queues.h"
#include "sandbox/tracking/filter.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::evaluation {
namespace {

constexpr std::size_t item_id_max = 50;  // characters

constexpr std::string_view item_columns =
    "queue_id, item_type, item_id, status, completed_by, completed_time_ms, creation_time_ms, "
    "last_update_time_ms";

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

std::vector<std::string> normal_items(const std::vector<std::string>& item_ids) {
  if (item_ids.empty()) refuse("`item_ids` must be a non-empty list; got [].");
  return normal_identifiers(item_ids, "item_id", item_id_max);
}

ReviewItem item_of(const db::Rows& row) {
  return {row.text(0),       upper(row.view(1)),   row.text(2),    upper(row.view(3)),
          row.maybe_text(4), row.maybe_integer(5), row.integer(6), row.integer(7)};
}

std::optional<ReviewItem> find_item(db::Tx& tx,
                                    const std::string& queue_id,
                                    const std::string& item_id) {
  db::Rows rows = tx.query("SELECT " + std::string(item_columns) +
                               " FROM review_queue_items WHERE queue_id = ? AND item_id = ?",
                           queue_id, item_id);
  return rows.next() ? std::optional(item_of(rows)) : std::nullopt;
}

void check_traces(db::Tx& tx,
                  const std::string& queue_id,
                  std::int64_t experiment_id,
                  const std::vector<std::string>& trace_ids) {
  std::vector<std::string> missing;
  for (const std::string& id : trace_ids) {
    if (!tx.query("SELECT 1 FROM trace_info WHERE request_id = ? AND experiment_id = ?", id,
                  experiment_id)
             .next()) {
      missing.push_back(id);
    }
  }
  if (missing.empty()) return;
  throw Error(Code::resource_does_not_exist,
              "Cannot attach trace(s) " + python_repr(missing) + " to review queue '" + queue_id +
                  "': they do not exist in experiment '" + std::to_string(experiment_id) + "'.");
}

// Who set the status; nobody for an item that is open again.
std::optional<std::string> checked_reviewer(const std::string& status,
                                            const std::optional<std::string>& completed_by) {
  if (status == "pending") {
    if (completed_by) {
      refuse("`completed_by` must not be set when reopening an item to `pending`.");
    }
    return std::nullopt;
  }
  std::string reviewer = completed_by ? normal_user(*completed_by) : "";
  if (reviewer.empty()) {
    refuse("`completed_by` is required when setting status to `" + status + "`.");
  }
  check_identifier(reviewer, "completed_by", review_user_max);
  return reviewer;
}

}  // namespace

std::vector<ReviewItem> ReviewItems::add(const std::string& queue_id,
                                         const std::vector<std::string>& item_ids) {
  const std::vector<std::string> ids = normal_items(item_ids);
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    check_traces(tx, queue_id, experiment_of_queue(tx, queue_id), ids);
    std::vector<ReviewItem> items;
    for (const std::string& id : ids) {
      tx.execute(
          "INSERT INTO review_queue_items (queue_id, item_type, item_id, status, "
          "creation_time_ms, last_update_time_ms) VALUES (?, 'trace', ?, 'pending', ?, ?) ON "
          "CONFLICT (queue_id, item_id) DO NOTHING",
          queue_id, id, now, now);
      items.push_back(*find_item(tx, queue_id, id));
    }
    return items;
  });
}

void ReviewItems::remove(const std::string& queue_id, const std::vector<std::string>& item_ids) {
  const std::vector<std::string> ids = normal_items(item_ids);
  database_.write([&](db::Tx& tx) {
    experiment_of_queue(tx, queue_id);
    for (const std::string& id : ids) {
      tx.execute("DELETE FROM review_queue_items WHERE queue_id = ? AND item_id = ?", queue_id, id);
    }
  });
}

ReviewItemPage ReviewItems::list(const ListReviewItems& in) {
  check_page_size(in.max_results);
  const std::int64_t offset = tracking::token_offset(in.page_token);
  tracking::SearchSql sql;
  sql.where("queue_id = ?");
  sql.bind(in.queue_id);
  if (const auto status = kept_word(in.status.name)) {
    sql.where("status = ?");
    sql.bind(*status);
  }
  const std::string statement = "SELECT " + std::string(item_columns) +
                                " FROM review_queue_items WHERE " + sql.text() +
                                " ORDER BY creation_time_ms DESC, item_id LIMIT ? OFFSET ?";
  return database_.read([&](db::Tx& tx) {
    experiment_of_queue(tx, in.queue_id);
    ReviewItemPage page;
    page.next_page_token =
        tracking::read_page(tx, statement, sql, in.max_results, offset, page.items, item_of)
            .value_or("");
    return page;
  });
}

ReviewItem ReviewItems::set_status(const SetReviewStatus& in,
                                   const std::optional<std::string>& reviewer) {
  const auto status = kept_word(in.status.name);
  if (!status) {
    refuse("`status` must be one of PENDING, COMPLETE, or DECLINED; got proto enum value 0.");
  }
  const std::string item_id(trim(in.item_id));
  const auto claimed = reviewer && *status == "pending" ? std::nullopt : reviewer;
  const auto completed_by = checked_reviewer(*status, reviewer ? claimed : in.completed_by);
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    experiment_of_queue(tx, in.queue_id);
    const auto before = find_item(tx, in.queue_id, item_id);
    if (!before) {
      throw Error(Code::resource_does_not_exist,
                  "Item '" + item_id + "' is not attached to review queue '" + in.queue_id + "'.");
    }
    // A second reviewer does not take the first one's place.
    if (before->status == upper(*status)) return *before;
    tx.execute(
        "UPDATE review_queue_items SET status = ?, last_update_time_ms = ?, completed_by = ?, "
        "completed_time_ms = ? WHERE queue_id = ? AND item_id = ?",
        *status, now, completed_by, completed_by ? std::optional(now) : std::nullopt, in.queue_id,
        item_id);
    return *find_item(tx, in.queue_id, item_id);
  });
}

}  // namespace sandbox::evaluation

// Review queues: named lists of traces that people look at, with the label schemas they answer. A
// user's own queue bears that user's name and asks every question of the experiment. What lies in a
// queue: review_items.h. Source of the rules: MLflow 3.17's tracking store and
// mlflow/genai/review_queues/validation.py.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"

namespace sandbox::evaluation {

struct ReviewQueue {
  std::string queue_id;  // "rq-…"
  std::string experiment_id;
  std::string name;        // unique in its experiment, whatever the case
  std::string queue_type;  // USER or CUSTOM
  std::optional<std::string> created_by;
  std::int64_t creation_time_ms = 0;
  std::int64_t last_update_time_ms = 0;  // of the queue itself, not of what lies in it
  std::vector<std::string> users;        // in order, small letters
  std::vector<std::string> schema_ids;   // in order; none for a user's queue
  static constexpr auto fields() {
    return std::tuple{field("queue_id", &ReviewQueue::queue_id),
                      field("experiment_id", &ReviewQueue::experiment_id),
                      field("name", &ReviewQueue::name),
                      field("queue_type", &ReviewQueue::queue_type),
                      field("created_by", &ReviewQueue::created_by),
                      field("creation_time_ms", &ReviewQueue::creation_time_ms),
                      field("last_update_time_ms", &ReviewQueue::last_update_time_ms),
                      field("users", &ReviewQueue::users),
                      field("schema_ids", &ReviewQueue::schema_ids)};
  }
};

struct QueueTypeWords : AnyNumber {
  static constexpr std::array<EnumWord, 3> words{
      {{"REVIEW_QUEUE_TYPE_UNSPECIFIED", 0}, {"USER", 1}, {"CUSTOM", 2}}};
};

struct NewReviewQueue {
  std::string experiment_id;
  std::string name;
  Enum<QueueTypeWords> queue_type;
  std::vector<std::string> users;
  std::vector<std::string> schema_ids;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &NewReviewQueue::experiment_id),
                      required("name", &NewReviewQueue::name),
                      field("queue_type", &NewReviewQueue::queue_type, "USER or CUSTOM."),
                      field("users", &NewReviewQueue::users, "Who works on it; at most 10."),
                      field("schema_ids", &NewReviewQueue::schema_ids, "The questions.")};
  }
};

struct UpdateReviewQueue {
  std::string queue_id;
  bool update_users = false;  // whether `users` counts, also when it is empty
  std::vector<std::string> users;
  bool update_schema_ids = false;  // likewise
  std::vector<std::string> schema_ids;
  std::optional<std::string> name;
  std::optional<std::string> new_owner;
  static constexpr auto fields() {
    return std::tuple{required("queue_id", &UpdateReviewQueue::queue_id),
                      field("update_users", &UpdateReviewQueue::update_users),
                      field("users", &UpdateReviewQueue::users),
                      field("update_schema_ids", &UpdateReviewQueue::update_schema_ids),
                      field("schema_ids", &UpdateReviewQueue::schema_ids),
                      field("name", &UpdateReviewQueue::name),
                      field("new_owner", &UpdateReviewQueue::new_owner)};
  }
};

struct ListReviewQueues {
  std::string experiment_id;
  std::optional<std::string> user;  // only queues this user works on
  std::int64_t max_results = 1000;
  std::string page_token;
  std::optional<std::string> item_id;  // only queues this lies in
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &ListReviewQueues::experiment_id),
                      field("user", &ListReviewQueues::user),
                      field("max_results", &ListReviewQueues::max_results),
                      field("page_token", &ListReviewQueues::page_token),
                      field("item_id", &ListReviewQueues::item_id)};
  }
};

struct ReviewQueuePage {
  std::vector<ReviewQueue> review_queues;
  std::string next_page_token;  // "" on the last page, as in the reference
  static constexpr auto fields() {
    return std::tuple{field("review_queues", &ReviewQueuePage::review_queues),
                      field("next_page_token", &ReviewQueuePage::next_page_token)};
  }
};

// Every method may be called from every thread.
class ReviewQueues {
 public:
  ReviewQueues(Env& env, db::Database& database) : env_(env), database_(database) {}

  // RESOURCE_ALREADY_EXISTS when the name is taken. `owner` is who logged in, never what a client
  // says; nobody where nobody has to.
  ReviewQueue create(const NewReviewQueue& in, const std::optional<std::string>& owner = {});
  // The user's own queue, made when there is none.
  ReviewQueue get_or_create_user(const std::string& experiment_id, const std::string& user);
  ReviewQueue get(const std::string& queue_id);
  ReviewQueue get_by_name(const std::string& experiment_id, const std::string& name);
  // The newest first.
  ReviewQueuePage list(const ListReviewQueues& in);
  // Only of CUSTOM queues; the questions only as long as nothing lies in the queue.
  ReviewQueue update(const UpdateReviewQueue& in);
  // Nothing happens when there is none.
  void remove(const std::string& queue_id);

 private:
  Env& env_;
  db::Database& database_;
};

// For this room, inside a transaction: the experiment of a queue. RESOURCE_DOES_NOT_EXIST when
// there is no such queue.
std::int64_t experiment_of_queue(db::Tx& tx, const std::string& queue_id);

// Users are compared in small letters, without blanks around them.
std::string normal_user(const std::string& user);
// "`field` must be a non-empty string; got ''." and "… at most N characters; got M."
void check_identifier(const std::string& value, const std::string& field, std::size_t max);
inline constexpr std::size_t review_user_max = 250;  // characters

// Without blanks around them, each once. `check` refuses what may not be.
std::vector<std::string> normal_identifiers(const std::vector<std::string>& values,
                                            const std::string& field,
                                            std::size_t max);

}  // namespace sandbox::evaluation

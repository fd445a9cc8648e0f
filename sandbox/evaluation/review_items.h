// What lies in review queues: traces, each with what became of its review. The people of a queue
// work as one: an item is done when any of them says so. Source of the rules: MLflow 3.17's
// tracking store.
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

struct ReviewItem {
  std::string queue_id;
  std::string item_type;  // TRACE
  std::string item_id;    // of the trace
  std::string status;     // PENDING, COMPLETE or DECLINED
  std::optional<std::string> completed_by;
  std::optional<std::int64_t> completed_time_ms;
  std::int64_t creation_time_ms = 0;
  std::int64_t last_update_time_ms = 0;
  static constexpr auto fields() {
    return std::tuple{field("queue_id", &ReviewItem::queue_id),
                      field("item_type", &ReviewItem::item_type),
                      field("item_id", &ReviewItem::item_id),
                      field("status", &ReviewItem::status),
                      field("completed_by", &ReviewItem::completed_by),
                      field("completed_time_ms", &ReviewItem::completed_time_ms),
                      field("creation_time_ms", &ReviewItem::creation_time_ms),
                      field("last_update_time_ms", &ReviewItem::last_update_time_ms)};
  }
};

struct ReviewStatusWords : AnyNumber {
  static constexpr std::array<EnumWord, 4> words{
      {{"REVIEW_STATUS_UNSPECIFIED", 0}, {"PENDING", 1}, {"COMPLETE", 2}, {"DECLINED", 3}}};
};

struct ListReviewItems {
  std::string queue_id;
  Enum<ReviewStatusWords> status;  // absent: of every status
  std::int64_t max_results = 1000;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{required("queue_id", &ListReviewItems::queue_id),
                      field("status", &ListReviewItems::status, "PENDING, COMPLETE or DECLINED."),
                      field("max_results", &ListReviewItems::max_results),
                      field("page_token", &ListReviewItems::page_token)};
  }
};

struct ReviewItemPage {
  std::vector<ReviewItem> items;
  std::string next_page_token;  // "" on the last page, as in the reference
  static constexpr auto fields() {
    return std::tuple{field("items", &ReviewItemPage::items),
                      field("next_page_token", &ReviewItemPage::next_page_token)};
  }
};

struct SetReviewStatus {
  std::string queue_id;
  std::string item_id;
  Enum<ReviewStatusWords> status;
  std::optional<std::string> completed_by;
  static constexpr auto fields() {
    return std::tuple{required("queue_id", &SetReviewStatus::queue_id),
                      required("item_id", &SetReviewStatus::item_id),
                      field("status", &SetReviewStatus::status, "PENDING, COMPLETE or DECLINED."),
                      field("completed_by", &SetReviewStatus::completed_by)};
  }
};

// Every method may be called from every thread.
class ReviewItems {
 public:
  ReviewItems(Env& env, db::Database& database) : env_(env), database_(database) {}

  // The traces have to be of the queue's experiment. What lies there already stays as it is.
  std::vector<ReviewItem> add(const std::string& queue_id,
                              const std::vector<std::string>& item_ids);
  void remove(const std::string& queue_id, const std::vector<std::string>& item_ids);
  // The newest first.
  ReviewItemPage list(const ListReviewItems& in);
  // Who completes or declines an item is noted; setting the status it has changes nothing.
  // `reviewer` is who logged in and stands above what the client says of itself; nobody where
  // nobody has to log in.
  ReviewItem set_status(const SetReviewStatus& in, const std::optional<std::string>& reviewer = {});

 private:
  Env& env_;
  db::Database& database_;
};

}  // namespace sandbox::evaluation

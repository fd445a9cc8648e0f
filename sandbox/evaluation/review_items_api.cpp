#include <array>

#include "sandbox/base/text.h"
#include "sandbox/evaluation/api.h"
#include "sandbox/evaluation/review_items.h"

namespace sandbox::evaluation {
namespace {

struct QueueItems {
  std::string queue_id;
  std::vector<std::string> item_ids;
  static constexpr auto fields() {
    return std::tuple{required("queue_id", &QueueItems::queue_id),
                      field("item_ids", &QueueItems::item_ids, "Trace ids.")};
  }
};

struct ItemTypeWords : AnyNumber {
  static constexpr std::array<EnumWord, 2> words{
      {{"REVIEW_ITEM_TYPE_UNSPECIFIED", 0}, {"TRACE", 1}}};
};

struct AddQueueItems {
  std::string queue_id;
  Enum<ItemTypeWords> item_type;  // there is one only, and the reference takes anything for it
  std::vector<std::string> item_ids;
  static constexpr auto fields() {
    return std::tuple{required("queue_id", &AddQueueItems::queue_id),
                      field("item_type", &AddQueueItems::item_type, "TRACE."),
                      field("item_ids", &AddQueueItems::item_ids, "Trace ids.")};
  }
};

struct AddedItems {
  std::vector<ReviewItem> items;
  static constexpr auto fields() { return std::tuple{field("items", &AddedItems::items)}; }
};

struct ReviewItemAnswer {
  ReviewItem item;
  static constexpr auto fields() { return std::tuple{field("item", &ReviewItemAnswer::item)}; }
};

}  // namespace

void install_review_items(http::Api& api, ReviewItems& items) {
  const std::string root = "3.0/mlflow/review-queues/items";
  api.post<AddQueueItems, AddedItems>(
      root + "/add", "Put traces into a review queue.",
      [&](const AddQueueItems& in) { return AddedItems{items.add(in.queue_id, in.item_ids)}; });
  api.post<QueueItems, Empty>(root + "/remove", "Take traces out of a review queue.",
                              [&](const QueueItems& in) {
                                items.remove(in.queue_id, in.item_ids);
                                return Empty{};
                              });
  api.post<SetReviewStatus, ReviewItemAnswer>(
      root + "/set-status", "Say what became of a review.",
      [&](const SetReviewStatus& in, const http::Request& request) {
        return ReviewItemAnswer{items.set_status(in, unless_empty(request.user))};
      });
  api.get<ListReviewItems, ReviewItemPage>(
      root + "/list", "What lies in a review queue.",
      [&](const ListReviewItems& in) { return items.list(in); });
}

}  // namespace sandbox::evaluation

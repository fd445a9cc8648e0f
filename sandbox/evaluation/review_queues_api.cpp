#include "sandbox/base/text.h"
#include "sandbox/evaluation/api.h"
#include "sandbox/evaluation/review_queues.h"

namespace sandbox::evaluation {
namespace {

struct ReviewQueueAnswer {
  ReviewQueue review_queue;
  static constexpr auto fields() {
    return std::tuple{field("review_queue", &ReviewQueueAnswer::review_queue)};
  }
};

struct ReviewQueueById {
  std::string queue_id;
  static constexpr auto fields() {
    return std::tuple{required("queue_id", &ReviewQueueById::queue_id)};
  }
};

struct ReviewQueueByName {
  std::string experiment_id;
  std::string name;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &ReviewQueueByName::experiment_id),
                      required("name", &ReviewQueueByName::name)};
  }
};

struct UserQueue {
  std::string experiment_id;
  std::string user;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &UserQueue::experiment_id),
                      required("user", &UserQueue::user)};
  }
};

}  // namespace

void install_review_queues(http::Api& api, ReviewQueues& queues) {
  const std::string root = "3.0/mlflow/review-queues";
  api.post<NewReviewQueue, ReviewQueueAnswer>(
      root + "/create", "Create a queue of traces that people review.",
      [&](const NewReviewQueue& in, const http::Request& request) {
        return ReviewQueueAnswer{queues.create(in, unless_empty(request.user))};
      });
  api.post<UserQueue, ReviewQueueAnswer>(
      root + "/get-or-create-user", "A user's own review queue.", [&](const UserQueue& in) {
        return ReviewQueueAnswer{queues.get_or_create_user(in.experiment_id, in.user)};
      });
  api.get<ReviewQueueById, ReviewQueueAnswer>(
      root + "/get", "A review queue by its id.",
      [&](const ReviewQueueById& in) { return ReviewQueueAnswer{queues.get(in.queue_id)}; });
  api.get<ReviewQueueByName, ReviewQueueAnswer>(
      root + "/get-by-name", "A review queue by its name, whatever the case.",
      [&](const ReviewQueueByName& in) {
        return ReviewQueueAnswer{queues.get_by_name(in.experiment_id, in.name)};
      });
  api.get<ListReviewQueues, ReviewQueuePage>(
      root + "/list", "The review queues of an experiment.",
      [&](const ListReviewQueues& in) { return queues.list(in); });
  api.post<UpdateReviewQueue, ReviewQueueAnswer>(
      root + "/update", "Change a review queue.",
      [&](const UpdateReviewQueue& in) { return ReviewQueueAnswer{queues.update(in)}; });
  api.post<ReviewQueueById, Empty>(root + "/delete", "Delete a review queue.",
                                   [&](const ReviewQueueById& in) {
                                     queues.remove(in.queue_id);
                                     return Empty{};
                                   });
}

}  // namespace sandbox::evaluation

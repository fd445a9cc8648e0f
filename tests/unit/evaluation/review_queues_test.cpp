#include "sandbox/evaluation/review_queues.h"

#include "sandbox/evaluation/review_items.h"
#include "tests/unit/evaluation/world.h"

using namespace sandbox;              // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::evaluation;  // NOLINT(google-build-using-namespace)

namespace {

struct QueueWorld : World {
  ReviewQueues queues{env, *database};
  ReviewItems items{env, *database};

  ReviewQueue create(const std::string& name, std::vector<std::string> users = {}) {
    return queues.create({"7", name, {"CUSTOM"}, std::move(users), {}});
  }
};

}  // namespace

TEST_CASE("a queue lies in the tables as the reference writes it", "[evaluation]") {
  QueueWorld world;
  const ReviewQueue made = world.create(" Über Q ", {"Al", "bo"});
  CHECK(world.rows("SELECT experiment_id, name, name_key, queue_type, created_by, "
                   "creation_time_ms, last_update_time_ms FROM review_queues",
                   7) == "7|Über Q|über q|custom|-|1700000000000|1700000000000\n");
  CHECK(world.rows("SELECT user_id FROM review_queue_users ORDER BY user_id", 1) == "al\nbo\n");
  CHECK(world.queues.get_by_name("7", "ÜBER Q").queue_id == made.queue_id);
  CHECK(code_of([&] { world.create("über q"); }) == Code::resource_already_exists);
}

TEST_CASE("an item lies in the tables as the reference writes it", "[evaluation]") {
  QueueWorld world;
  const std::string id = world.create("q").queue_id;
  world.items.add(id, {"t1", " t1"});
  const std::string columns =
      "SELECT item_type, item_id, status, completed_by, completed_time_ms, creation_time_ms, "
      "last_update_time_ms FROM review_queue_items";
  CHECK(world.rows(columns, 7) == "trace|t1|pending|-|-|1700000000000|1700000000000\n");
  ++world.env.now;
  world.items.set_status({id, "t1", {"COMPLETE"}, " Al "});
  CHECK(world.rows(columns, 7) ==
        "trace|t1|complete|al|1700000000001|1700000000000|1700000000001\n");
  ++world.env.now;
  world.items.set_status({id, "t1", {"COMPLETE"}, "bo"});
  CHECK(world.rows(columns, 7) ==
        "trace|t1|complete|al|1700000000001|1700000000000|1700000000001\n");
  world.items.set_status({id, "t1", {"PENDING"}, std::nullopt});
  CHECK(world.rows(columns, 7) == "trace|t1|pending|-|-|1700000000000|1700000000002\n");
}

TEST_CASE("a queue takes traces of its own experiment only", "[evaluation]") {
  QueueWorld world;
  const std::string id = world.create("q").queue_id;
  CHECK_THROWS_WITH(world.items.add(id, {"t1", "t8", "no"}),
                    "Cannot attach trace(s) ['t8', 'no'] to review queue '" + id +
                        "': they do not exist in experiment '7'.");
  CHECK(world.rows("SELECT 1 FROM review_queue_items", 1).empty());
}

TEST_CASE("a failed update leaves the queue as it was", "[evaluation]") {
  QueueWorld world;
  const ReviewQueue before = world.create("q", {"a"});
  world.items.add(before.queue_id, {"t1"});
  UpdateReviewQueue in;
  in.queue_id = before.queue_id;
  in.name = "new";
  in.update_users = true;
  in.update_schema_ids = true;  // refused: something lies in the queue
  CHECK(code_of([&] { world.queues.update(in); }) == Code::invalid_parameter_value);
  const ReviewQueue after = world.queues.get(before.queue_id);
  CHECK(after.name == "q");
  CHECK(after.users == std::vector<std::string>{"a"});
}

TEST_CASE("who logged in owns what they make and is not who a client says", "[evaluation]") {
  QueueWorld world;
  const ReviewQueue made = world.queues.create({"7", "q", {"CUSTOM"}, {}, {}}, "Ann");
  CHECK(made.created_by == "Ann");
  world.items.add(made.queue_id, {"t1"});
  const ReviewItem done =
      world.items.set_status({made.queue_id, "t1", {"COMPLETE"}, "somebody"}, "Ann");
  CHECK(done.completed_by == "ann");
  const ReviewItem open =
      world.items.set_status({made.queue_id, "t1", {"PENDING"}, "somebody"}, "Ann");
  CHECK_FALSE(open.completed_by);
}

// Which GPUs there are for jobs, who has them, and what they are used.
#include "sandbox/jobs/gpus.h"

#include <map>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/jobs/order.h"
#include "sandbox/jobs/room.h"
#include "sandbox/jobs/use.h"

using namespace sandbox;        // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::jobs;  // NOLINT(google-build-using-namespace): namespace

namespace {

using Names = std::vector<std::string>;

Job job_with(const Names& gpus) {
  Job job;
  job.spec.command = {"true"};
  job.spec.gpus = static_cast<std::int64_t>(gpus.size());
  job.details.gpus = gpus;
  return job;
}

}  // namespace

TEST_CASE("the lab has the GPUs that CUDA_VISIBLE_DEVICES leaves it", "[jobs]") {
  const Names all{"GPU-aaaa1111", "GPU-bbbb2222", "GPU-cccc3333"};
  CHECK(visible_gpus(all, "2,0") == Names{"GPU-cccc3333", "GPU-aaaa1111"});
  CHECK(visible_gpus(all, " GPU-bbbb , 0") == Names{"GPU-bbbb2222", "GPU-aaaa1111"});
  CHECK(visible_gpus(all, "").empty());
  CHECK(visible_gpus(all, "NoDevFiles").empty());
  CHECK(visible_gpus(all, "1,-1,2") ==
        Names{"GPU-bbbb2222"});  // CUDA stops at the first that is none
  CHECK(visible_gpus(all, "0,0") == Names{"GPU-aaaa1111"});
  CHECK(visible_gpus(all, "7").empty());
  CHECK(visible_gpus(all, "MIG-1234") == Names{"MIG-1234"});
}

TEST_CASE("no two jobs share a GPU", "[jobs]") {
  const Room whole{4, std::int64_t{8} << 30, {"GPU-a", "GPU-b", "GPU-c"}};
  Room left = whole;
  take(left, job_with({"GPU-b"}));
  CHECK(left.gpus == Names{"GPU-a", "GPU-c"});
  JobSpec spec;
  spec.gpus = 2;
  CHECK(missing_room(whole, left, spec).empty());
  take(left, job_with({"GPU-a"}));
  CHECK(missing_room(whole, left, spec) == "It waits for room: 2 GPUs of 3.");
  CHECK_NOTHROW(check_room(whole, spec));
  // A job that was given numbers while nvidia-smi did not answer may have any of them.
  Room unsure = whole;
  take(unsure, job_with({"0", "1"}));
  CHECK(unsure.gpus.size() == 1);
  spec.gpus = 4;
  CHECK_THROWS_WITH(check_room(whole, spec), Catch::Contains("has 3 GPUs; the job wants 4 GPUs"));
}

TEST_CASE("a job sees the GPUs it was given, and none otherwise", "[jobs]") {
  Job job = job_with({"GPU-b", "GPU-c"});
  job.spec.env = {{"CUDA_VISIBLE_DEVICES", "0,1,2"}};
  Sources sources;
  sources.has_gpus = true;
  CHECK(order_of(job, sources).env.at("CUDA_VISIBLE_DEVICES") == "GPU-b,GPU-c");
  CHECK_FALSE(order_of(job, sources).env.contains("CUDA_DEVICE_ORDER"));
  const Order numbered = order_of(job_with({"1"}), sources);
  CHECK(numbered.env.at("CUDA_VISIBLE_DEVICES") == "1");
  CHECK(numbered.env.at("CUDA_DEVICE_ORDER") == "PCI_BUS_ID");
  CHECK(order_of(job_with({}), sources).env.at("CUDA_VISIBLE_DEVICES").empty());
  sources.has_gpus = false;
  CHECK_FALSE(order_of(job_with({}), sources).env.contains("CUDA_VISIBLE_DEVICES"));
}

TEST_CASE("GPU use has the names and units of mlflow's monitor", "[jobs]") {
  GpuSample sample;
  sample.time_ms = 1'000;
  sample.gpus = parse_gpu_use(
      "0, GPU-a, 87, 40960, 81920, 350.00, 700.00\n"
      "1, GPU-b, [N/A], 10, 81920, [N/A], [N/A]\n"
      "Unable to determine the device handle for GPU: Unknown Error\n\n");
  REQUIRE(sample.gpus.size() == 2);
  std::map<std::string, double> points;
  for (const auto& one : points_of(sample, {"GPU-a"}, 3)) {
    CHECK(one.step == 3);
    CHECK(one.timestamp == 1'000);
    points[one.key] = one.value;
  }
  CHECK(points ==
        std::map<std::string, double>{{"system/gpu_0_utilization_percentage", 87},
                                      {"system/gpu_0_memory_usage_megabytes", 40960 * 1.048576},
                                      {"system/gpu_0_memory_usage_percentage", 50},
                                      {"system/gpu_0_power_usage_watts", 350},
                                      {"system/gpu_0_power_usage_percentage", 50}});
  CHECK(points_of(sample, {"1"}, 0).size() == 2);  // by its number; only what it tells
  CHECK(points_of(sample, {}, 0).empty());
}

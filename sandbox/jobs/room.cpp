#include "sandbox/jobs/room.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/jobs/diagnosis.h"

namespace sandbox::jobs {
namespace {

// "CPU" as people say it: 1 core, 2.5 cores.
std::string cores_text(double cpus) {
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%g core%s", cpus, cpus == 1 ? "" : "s");
  return out.data();
}

std::string memory_text(std::int64_t bytes) {
  return bytes_text(static_cast<double>(bytes)) + " of memory";
}

std::string gpus_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " GPU" : " GPUs");
}

bool is_number(const std::string& gpu) {
  return parse_int64(gpu).has_value();
}

}  // namespace

void check_room(const Room& whole, const JobSpec& spec) {
  const auto refuse = [](const std::string& what, const std::string& there) {
    throw Error(Code::invalid_parameter_value, "This machine has " + there + "; the job wants " +
                                                   what + " and would wait for ever.");
  };
  if (spec.cpus > whole.cpus) refuse(cores_text(spec.cpus), cores_text(whole.cpus));
  if (spec.memory_bytes > whole.memory_bytes) {
    refuse(memory_text(spec.memory_bytes), memory_text(whole.memory_bytes));
  }
  const auto gpus = static_cast<std::size_t>(std::max<std::int64_t>(spec.gpus, 0));
  if (gpus > whole.gpus.size()) refuse(gpus_text(gpus), gpus_text(whole.gpus.size()));
}

void take(Room& left, const Job& job) {
  left.cpus -= job.spec.cpus;
  left.memory_bytes -= job.spec.memory_bytes;
  const std::vector<std::string>& had = job.details.gpus;
  std::erase_if(left.gpus, [&](const std::string& gpu) {
    return std::find(had.begin(), had.end(), gpu) != had.end();
  });
  // Where nvidia-smi answers no more, or again, since the job began, UUIDs and numbers cannot be
  // told from each other, so that as many may be its own.
  const auto strange = std::count_if(had.begin(), had.end(), [&](const std::string& gpu) {
    return !left.gpus.empty() && is_number(gpu) != is_number(left.gpus.front());
  });
  left.gpus.resize(left.gpus.size() -
                   std::min(left.gpus.size(), static_cast<std::size_t>(strange)));
}

std::string missing_room(const Room& whole, const Room& left, const JobSpec& spec) {
  if (spec.cpus > left.cpus + 1e-9) {
    return "It waits for room: " + cores_text(spec.cpus) + " of " + cores_text(whole.cpus) + ".";
  }
  if (spec.memory_bytes > left.memory_bytes) {
    return "It waits for room: " + bytes_text(static_cast<double>(spec.memory_bytes)) + " of " +
           memory_text(whole.memory_bytes) + ".";
  }
  const auto gpus = static_cast<std::size_t>(spec.gpus);
  if (gpus > left.gpus.size()) {
    return "It waits for room: " + gpus_text(gpus) + " of " + std::to_string(whole.gpus.size()) +
           ".";
  }
  return "";
}

}  // namespace sandbox::jobs

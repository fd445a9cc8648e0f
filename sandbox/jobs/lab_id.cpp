#include "sandbox/jobs/lab_id.h"

#include "sandbox/base/private_file.h"
#include "sandbox/base/text.h"
#include "sandbox/jobs/attempt.h"

namespace sandbox::jobs {

std::string lab_id(Env& env, const std::filesystem::path& directory) {
  if (directory.empty()) return "";
  const std::filesystem::path file = directory / "lab-id";
  if (const auto text = read_file(file); text && !trim(*text).empty()) {
    return std::string(trim(*text));
  }
  std::string id = env.new_uuid();
  std::filesystem::create_directories(directory);
  write_private_file(file.string(), id + "\n");
  return id;
}

}  // namespace sandbox::jobs

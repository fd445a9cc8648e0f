// Variables that the lab keeps for jobs that ask for them: secrets, whose values nothing shows, and
// configuration, whose values anybody may read. Each kind lies in one file of the data directory,
// readable by its owner alone, replaced in one step and read anew by every call. What makes files
// for a cluster takes the names from here: they are the keys of a Secret and of a ConfigMap.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/tracking/experiments.h"

namespace sandbox::jobs {

// As Kubernetes bounds a Secret and a ConfigMap.
inline constexpr std::size_t kept_bytes_max = std::size_t{1} << 20;

// Safe from every thread; one process has the data directory.
class KeptVariables {
 public:
  enum class Kind { secret, config };
  // `directory` is the data directory; with "" there is nothing, and nothing can be kept.
  KeptVariables(Kind kind, const std::filesystem::path& directory);

  // Throws Error(invalid_parameter_value), without the value in it, for a name that is none of a
  // variable, a value that no environment can hold, a secret too short to be masked in a log.
  void set(const std::string& name, const std::string& value);
  // Throws RESOURCE_DOES_NOT_EXIST when it is not there.
  void remove(const std::string& name);

  [[nodiscard]] std::vector<tracking::KeyValue> all() const;  // by name
  [[nodiscard]] std::vector<std::string> names() const;
  // Those of these names. Throws RESOURCE_DOES_NOT_EXIST for the first that is not there, with the
  // command that makes it.
  [[nodiscard]] std::vector<tracking::KeyValue> get(const std::vector<std::string>& names) const;

 private:
  [[nodiscard]] const char* noun() const { return kind_ == Kind::secret ? "secret" : "config"; }
  [[nodiscard]] std::string absence_text(const std::string& name) const;
  void write(const std::vector<tracking::KeyValue>& values) const;

  const Kind kind_;
  const std::filesystem::path file_;
  mutable std::mutex mutex_;  // held while the file is changed
};

}  // namespace sandbox::jobs

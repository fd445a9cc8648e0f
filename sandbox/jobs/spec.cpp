#include "sandbox/jobs/spec.h"

#include <cmath>
#include <filesystem>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/jobs/aliases.h"
#include "sandbox/jobs/cron.h"

namespace sandbox::jobs {
namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

// "python -u train.py --lr 1" is train.py.
std::string name_of(const std::vector<std::string>& command) {
  for (const std::string& word : command) {
    if (word.ends_with(".py") || word.ends_with(".sh")) {
      return std::filesystem::path(word).filename().string();
    }
  }
  return std::filesystem::path(command[0]).filename().string();
}

void check_command(const JobSpec& spec) {
  if (spec.command.empty() || spec.command[0].empty()) {
    refuse("A job needs a command: run -- python train.py.");
  }
  std::size_t bytes = 0;
  for (const std::string& word : spec.command) {
    bytes += word.size() + 1;
    if (word.find('\0') != std::string::npos) refuse("A command cannot hold a NUL byte.");
  }
  if (bytes > command_bytes_max) {
    refuse("The command has " + std::to_string(bytes) + " bytes; at most " +
           std::to_string(command_bytes_max) + " are taken. Put long lists into a file.");
  }
}

void check_variable(const std::string& name) {
  if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos) {
    refuse("'" + name + "' is no name of an environment variable.");
  }
}

}  // namespace

void complete(JobSpec& spec) {
  check_command(spec);
  if (spec.name.empty()) spec.name = name_of(spec.command);
  if (utf8_length(spec.name) > 250) refuse("A job's name has at most 250 characters.");
  if (!spec.working_dir.starts_with('/')) {
    refuse("The working directory '" + spec.working_dir + "' is no absolute path.");
  }
  if (!std::filesystem::is_directory(spec.working_dir)) {
    refuse("The working directory " + spec.working_dir + " is not there.");
  }
  if (!(spec.cpus > 0) || !std::isfinite(spec.cpus)) refuse("cpus must be more than 0.");
  if (spec.memory_bytes < 0 || spec.gpus < 0) refuse("Memory and GPUs cannot be less than 0.");
  if (!(spec.timeout_s >= 0) || !std::isfinite(spec.timeout_s)) {
    refuse("A timeout cannot be less than 0 seconds.");
  }
  if (spec.retries < 0 || spec.retries > retries_max) {
    refuse("Retries are 0 to " + std::to_string(retries_max) + ".");
  }
  for (const std::string& alias : spec.aliases) check_alias(alias);
  if (!spec.cron.empty()) Cron::parse(spec.cron);
  for (const tracking::KeyValue& variable : spec.env) check_variable(variable.key);
  for (const std::string& name : spec.secrets) check_variable(name);
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  std::string_view number = text;
  double unit = 1;
  if (number.ends_with("iB")) number.remove_suffix(2);
  if (number.ends_with('i') || number.ends_with('B')) number.remove_suffix(1);
  if (!number.empty()) {
    const std::size_t power = std::string_view("kmg").find(lower(number.substr(number.size() - 1)));
    if (power != std::string_view::npos) {
      unit = std::pow(1024.0, static_cast<double>(power) + 1);
      number.remove_suffix(1);
    }
  }
  const auto value = parse_double(number);
  if (!value || !(*value > 0) || *value * unit > 1e18) return std::nullopt;
  return static_cast<std::int64_t>(*value * unit);
}

std::string command_text(const std::vector<std::string>& command) {
  std::vector<std::string> words;
  words.reserve(command.size());
  for (const std::string& word : command) words.push_back(shell_word(word));
  return join(words, " ");
}

}  // namespace sandbox::jobs

#include "sandbox/jobs/secrets.h"

#include <algorithm>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/private_file.h"
#include "sandbox/base/text.h"
#include "sandbox/jobs/attempt.h"
#include "sandbox/jobs/spec.h"

namespace sandbox::jobs {
namespace {

struct Contents {
  std::vector<tracking::KeyValue> values;
  static constexpr auto fields() { return std::tuple{field("values", &Contents::values)}; }
};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

// A letter or _, then digits too: what every shell and `envFrom` take.
bool is_variable_name(const std::string& name) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  return !name.empty() && letters.find(name[0]) != std::string_view::npos &&
         name.find_first_not_of(std::string(letters) + "0123456789") == std::string::npos;
}

auto place_of(std::vector<tracking::KeyValue>& values, const std::string& name) {
  return std::lower_bound(values.begin(), values.end(), name,
                          [](const auto& one, const std::string& key) { return one.key < key; });
}

}  // namespace

KeptVariables::KeptVariables(Kind kind, const std::filesystem::path& directory)
    : kind_(kind),
      file_(directory.empty()
                ? std::filesystem::path()
                : directory / (kind == Kind::secret ? "job-secrets.json" : "job-config.json")) {}

void KeptVariables::set(const std::string& name, const std::string& value) {
  if (file_.empty()) throw Error(Code::invalid_state, "There is no data directory to keep it in.");
  if (!is_variable_name(name)) {
    refuse("'" + name + "' is no name of a variable: letters, digits and _, no digit first.");
  }
  const bool is_secret = kind_ == Kind::secret;
  if (is_secret && value.size() < secret_bytes_min) {
    refuse("The secret " + name + " has less than " + std::to_string(secret_bytes_min) +
           " bytes: masking it would mask half of the log.");
  }
  if (value.find('\0') != std::string::npos || !is_valid_utf8(value)) {
    refuse("The value of " + name + " is no text, so no variable can hold it: encode it, for " +
           "example with base64.");
  }
  if (name.size() + value.size() + 2 > command_bytes_max) {
    refuse("The value of " + name + " is larger than a variable can be (128 KiB).");
  }
  const std::lock_guard lock(mutex_);
  std::vector<tracking::KeyValue> values = all();
  const auto at = place_of(values, name);
  if (at != values.end() && at->key == name) {
    at->value = value;
  } else {
    values.insert(at, {name, value});
  }
  std::size_t bytes = 0;
  for (const auto& one : values) bytes += one.key.size() + one.value.size();
  if (bytes > kept_bytes_max) refuse("All of them together may have 1 MiB; this is more.");
  write(values);
}

void KeptVariables::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::vector<tracking::KeyValue> values = all();
  const auto at = place_of(values, name);
  if (at == values.end() || at->key != name) {
    throw Error(Code::resource_does_not_exist,
                "The lab keeps no " + std::string(noun()) + " " + name + ".");
  }
  values.erase(at);
  write(values);
}

std::vector<tracking::KeyValue> KeptVariables::all() const {
  if (file_.empty()) return {};
  const auto text = read_file(file_);
  return text ? from_json<Contents>(*text).values : std::vector<tracking::KeyValue>{};
}

std::vector<std::string> KeptVariables::names() const {
  std::vector<std::string> out;
  for (const auto& one : all()) out.push_back(one.key);
  return out;
}

std::vector<tracking::KeyValue> KeptVariables::get(const std::vector<std::string>& names) const {
  if (names.empty()) return {};
  std::vector<tracking::KeyValue> values = all();
  std::vector<tracking::KeyValue> out;
  for (const std::string& name : names) {
    const auto at = place_of(values, name);
    if (at == values.end() || at->key != name) {
      throw Error(Code::resource_does_not_exist, absence_text(name));
    }
    out.push_back(*at);
  }
  return out;
}

std::string KeptVariables::absence_text(const std::string& name) const {
  const bool is_secret = kind_ == Kind::secret;
  return "The lab keeps no " + std::string(noun()) + " " + name + ": `mlops-sandbox " + noun() +
         " set " + name + (is_secret ? "" : "=VALUE") + "` makes it" +
         (is_secret ? ", or set the variable in this shell." : ".");
}

void KeptVariables::write(const std::vector<tracking::KeyValue>& values) const {
  write_private_file(file_.string(), to_json(Contents{values}));
}

}  // namespace sandbox::jobs

#include "sandbox/jobs/mlproject.h"

#include <map>
#include <optional>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/base/yaml.h"
#include "sandbox/jobs/attempt.h"
#include "sandbox/jobs/spec.h"

namespace sandbox::jobs {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

struct Parameter {
  std::string name;
  std::string type = "string";
  std::optional<std::string> standard;
};

struct EntryPoint {
  std::string command;
  std::vector<Parameter> parameters;
};

// The name in whatever spelling; MLflow takes any.
std::optional<fs::path> project_file(const fs::path& folder) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    if (lower(entry.path().filename().string()) == "mlproject") return entry.path();
  }
  return std::nullopt;
}

PythonJson read_project(const fs::path& folder) {
  const auto file = project_file(folder);
  if (!file) return PythonJson::object();
  PythonJson project = read_yaml(read_file(*file).value_or(""));
  if (!project.is_object()) refuse(file->string() + " is no MLproject file: it holds no names.");
  return project;
}

Parameter parameter_of(const PythonJson::Member& member) {
  Parameter parameter{member.name, {}, {}};
  if (member.value.is_text()) {
    parameter.type = member.value.text;
    return parameter;
  }
  const PythonJson* type = member.value.find("type");
  const PythonJson* standard = member.value.find("default");
  parameter.type = type != nullptr ? type->str() : "string";
  if (standard != nullptr && !standard->is_null()) parameter.standard = standard->str();
  return parameter;
}

EntryPoint entry_point_of(const PythonJson& project, const std::string& name) {
  const PythonJson* all = project.find("entry_points");
  const PythonJson* one = all != nullptr ? all->find(name) : nullptr;
  EntryPoint out;
  if (one == nullptr) {
    const std::string file = command_text({name});
    if (name.ends_with(".py")) return {"python " + file, {}};
    if (name.ends_with(".sh")) return {"bash " + file, {}};
    std::vector<std::string> names;
    if (all != nullptr) {
      for (const PythonJson::Member& member : all->members) names.push_back(member.name);
    }
    refuse("The project has no entry point '" + name + "'. " +
           (names.empty() ? "It has none: name a file, for example train.py."
                          : "It has: " + join(names, ", ") + ". A file of it is one too."));
  }
  const PythonJson* command = one->find("command");
  if (command == nullptr || !command->is_text()) {
    refuse("The entry point '" + name + "' has no command.");
  }
  out.command = command->text;
  if (const PythonJson* parameters = one->find("parameters"); parameters != nullptr) {
    for (const PythonJson::Member& member : parameters->members) {
      out.parameters.push_back(parameter_of(member));
    }
  }
  return out;
}

std::string checked(const Parameter& parameter, const std::string& value, const fs::path& folder) {
  const bool is_uri = value.find("://") != std::string::npos;
  if (parameter.type == "uri" && !is_uri) {
    refuse("The parameter " + parameter.name + " wants a URI, such as s3://bucket/data.csv; '" +
           value + "' is none.");
  }
  if (parameter.type != "path") return value;
  if (is_uri) {
    refuse("The parameter " + parameter.name + " wants a path: '" + value +
           "' lies elsewhere. Fetch it first.");
  }
  fs::path path = fs::absolute(value);
  if (!fs::exists(path)) path = fs::absolute(folder / value);
  if (!fs::exists(path)) {
    refuse("The parameter " + parameter.name + " names '" + value + "', which is not there.");
  }
  return path.lexically_normal().string();
}

// Python's str.format with names alone.
std::string formatted(const std::string& text, const std::map<std::string, std::string>& values) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
      out += c;
      ++at;
      continue;
    }
    if (c != '{') {
      out += c;
      continue;
    }
    const std::size_t end = text.find('}', at);
    const std::string name =
        end == std::string::npos ? text.substr(at + 1) : text.substr(at + 1, end - at - 1);
    const auto value = values.find(name);
    if (end == std::string::npos || value == values.end()) {
      refuse("The project's command names {" + name +
             "}, which is none of its entry point's parameters.");
    }
    out += value->second;
    at = end;
  }
  return out;
}

}  // namespace

ProjectRun project_run(const fs::path& folder,
                       const std::string& entry_point,
                       const std::vector<tracking::KeyValue>& params) {
  if (!fs::is_directory(folder)) refuse("There is no folder " + folder.string() + ".");
  const PythonJson project = read_project(folder);
  const EntryPoint entry = entry_point_of(project, entry_point);
  std::map<std::string, std::string> given;
  for (const tracking::KeyValue& param : params) given[param.key] = param.value;
  std::map<std::string, std::string> quoted;
  std::vector<tracking::KeyValue> used;
  std::vector<std::string> missing;
  for (const Parameter& parameter : entry.parameters) {
    const auto at = given.find(parameter.name);
    const auto value = at != given.end() ? std::optional(at->second) : parameter.standard;
    if (!value) {
      missing.push_back("'" + parameter.name + "'");
      continue;
    }
    used.push_back({parameter.name, *value});
    quoted[parameter.name] = command_text({checked(parameter, *value, folder)});
  }
  if (!missing.empty()) {
    refuse("No value given for missing parameters: " + join(missing, ", ") +
           ". Give each with -P NAME=VALUE.");
  }
  std::string command = formatted(entry.command, quoted);
  for (const tracking::KeyValue& param : params) {
    if (quoted.contains(param.key)) continue;
    used.push_back(param);
    command += " --" + command_text({param.key}) + " " + command_text({param.value});
  }
  const PythonJson* name = project.find("name");
  return {
      name != nullptr ? name->str() : fs::absolute(folder).lexically_normal().filename().string(),
      entry_point,
      {"bash", "-c", command},
      used};
}

}  // namespace sandbox::jobs

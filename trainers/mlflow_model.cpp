#include "trainers/mlflow_model.h"

#include "sandbox/base/text.h"
#include "sandbox/base/time.h"
#include "trainers/text_file.h"

namespace trainers {

namespace fs = std::filesystem;
using sandbox::PythonJson;

std::string yaml_quoted(const std::string& text) {
  return PythonJson::of(text).dumps();
}

std::string created_text(std::int64_t ms) {
  std::string text = sandbox::iso8601_ms(ms).substr(0, 23);
  text[10] = ' ';
  return text;
}

std::int64_t bytes_below(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return static_cast<std::int64_t>(bytes);
}

void write_environment(const fs::path& folder, const std::vector<std::string>& packages) {
  std::vector<std::string> all{"mlflow"};
  all.insert(all.end(), packages.begin(), packages.end());
  write_text(folder / "requirements.txt", sandbox::join(all, "\n") + "\n");
  write_text(folder / "conda.yaml",
             "channels:\n- conda-forge\ndependencies:\n- python=3.11\n- pip\n- pip:\n  - " +
                 sandbox::join(all, "\n  - ") + "\nname: mlflow-env\n");
  write_text(folder / "python_env.yaml",
             "python: 3.11\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n"
             "- -r requirements.txt\n");
}

std::string model_history(const LoggedModel& model,
                          const std::string& data,
                          const std::string& flavor,
                          const PythonJson& settings) {
  PythonJson python = PythonJson::object();
  python.set("loader_module", PythonJson::of("mlflow." + flavor));
  python.set("python_version", PythonJson::of(python_version));
  python.set("data", PythonJson::of(data));
  PythonJson flavors = PythonJson::object();
  flavors.set("python_function", python);
  flavors.set(flavor, settings);
  PythonJson entry = PythonJson::object();
  entry.set("run_id", PythonJson::of(model.run_id));
  entry.set("artifact_path", PythonJson::of(model.artifact_path));
  entry.set("utc_time_created", PythonJson::of(created_text(model.now_ms)));
  entry.set("model_uuid", PythonJson::of(model.uuid));
  entry.set("flavors", flavors);
  return "[" + entry.dumps() + "]";
}

}  // namespace trainers

#include "sandbox/artifacts/promptlab.h"

#include "sandbox/base/error.h"
#include "sandbox/base/time.h"

namespace sandbox::artifacts {
namespace {

constexpr const char* python_version = "3.11";

using Parameters = std::vector<PromptParameter>;

void need(bool is_given, const std::string& name) {
  if (!is_given) {
    throw Error(Code::invalid_parameter_value,
                "CreatePromptlabRun request must specify " + name + ".");
  }
}

template <class Function>
std::string json_object(Function write) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  write(writer);
  writer.end_object();
  return out;
}

void write_texts(JsonWriter& writer, const std::vector<std::string>& texts) {
  writer.begin_array();
  for (const std::string& text : texts) writer.value(text);
  writer.end_array();
}

void write_map(JsonWriter& writer, std::string_view name, const Parameters& parameters) {
  writer.name(name);
  writer.begin_object();
  for (const PromptParameter& one : parameters) {
    writer.name(one.key);
    writer.value(one.text());
  }
  writer.end_object();
}

// One row: what the parameters were, the whole prompt, the answer, and what was measured.
std::string result_table(const PromptlabRun& in) {
  std::vector<std::string> columns;
  std::vector<std::string> values;
  const auto add = [&](const Parameters& parameters) {
    for (const PromptParameter& one : parameters) {
      columns.push_back(one.key);
      values.push_back(one.text());
    }
  };
  add(in.prompt_parameters);
  columns.insert(columns.end(), {"prompt", "output"});
  values.insert(values.end(), {in.model_input, in.model_output});
  add(in.model_output_parameters);
  return json_object([&](JsonWriter& writer) {
    writer.name("columns");
    write_texts(writer, columns);
    writer.name("data");
    writer.begin_array();
    write_texts(writer, values);
    writer.end_array();
  });
}

// [{"type": "string", "name": …, "required": true}, …]
std::string text_columns(const std::vector<std::string>& names) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_array();
  for (const std::string& name : names) {
    writer.raw(json_object([&](JsonWriter& column) {
      column.name("type");
      column.value("string");
      column.name("name");
      column.value(name);
      column.name("required");
      column.value(true);
    }));
  }
  writer.end_array();
  return out;
}

// "2026-11-27 10:04:50.041000", as Python writes it.
std::string python_time(std::int64_t epoch_ms) {
  std::string text = iso8601_ms(epoch_ms);
  text[10] = ' ';
  text.back() = '0';
  return text + "00";
}

// The files of the model directory are YAML; JSON is YAML, too.
std::string model_file(Env& env, const PromptlabRun& in, const std::string& run_id) {
  std::vector<std::string> names;
  for (const PromptParameter& one : in.prompt_parameters) names.push_back(one.key);
  return json_object([&](JsonWriter& writer) {
    const auto add = [&](std::string_view name, const std::string& value) {
      writer.name(name);
      writer.value(value);
    };
    add("artifact_path", "model");
    writer.name("flavors");
    writer.raw(std::string(R"({"python_function":{"env":{"conda":"conda.yaml","virtualenv":)") +
               R"("python_env.yaml"},"loader_module":"mlflow.prompt.promptlab_model",)" +
               R"("parameters_path":"parameters.yaml","python_version":")" + python_version +
               "\"}}");
    add("mlflow_version", in.mlflow_version);
    add("model_uuid", env.new_id());
    add("run_id", run_id);
    writer.name("saved_input_example_info");
    writer.raw(R"({"artifact_path":"input_example.json","serving_input_path":)"
               R"("serving_input_example.json","type":"json_object"})");
    writer.name("signature");
    writer.begin_object();
    add("inputs", text_columns(names));
    add("outputs", text_columns({"output"}));
    writer.name("params");
    writer.null();
    writer.end_object();
    add("utc_time_created", python_time(env.now_ms()));
  });
}

std::string parameters_file(const PromptlabRun& in) {
  return json_object([&](JsonWriter& writer) {
    write_map(writer, "model_parameters", in.model_parameters);
    writer.name("model_route");
    writer.value(in.model_route);
    write_map(writer, "prompt_parameters", in.prompt_parameters);
    writer.name("prompt_template");
    writer.value(in.prompt_template);
  });
}

std::string example_file(const PromptlabRun& in) {
  std::vector<std::string> values;
  for (const PromptParameter& one : in.prompt_parameters) values.push_back(one.text());
  return json_object([&](JsonWriter& writer) {
    writer.name("inputs");
    write_texts(writer, values);
  });
}

void put_files(Env& env, Artifacts& artifacts, const PromptlabRun& in, const std::string& run_id) {
  const Location root = artifacts.locate_uri(artifacts.run_root(run_id));
  const std::string requirement = "mlflow[gateway]==" + in.mlflow_version;
  const std::string example = example_file(in);
  artifacts.put(root.below("eval_results_table.json"), result_table(in));
  artifacts.put(root.below("model/MLmodel"), model_file(env, in, run_id));
  artifacts.put(root.below("model/parameters.yaml"), parameters_file(in));
  artifacts.put(root.below("model/input_example.json"), example);
  artifacts.put(root.below("model/serving_input_example.json"), R"({"inputs":)" + example + "}");
  artifacts.put(root.below("model/requirements.txt"), requirement);
  artifacts.put(root.below("model/conda.yaml"),
                std::string("channels:\n- conda-forge\ndependencies:\n- python=") + python_version +
                    "\n- pip\n- pip:\n  - " + requirement + "\nname: mlflow-env\n");
  artifacts.put(root.below("model/python_env.yaml"),
                std::string("python: \"") + python_version +
                    "\"\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n"
                    "- -r requirements.txt\n");
}

std::string logged_model(Env& env, const std::string& run_id) {
  return json_object([&](JsonWriter& writer) {
    writer.name("run_id");
    writer.value(run_id);
    writer.name("artifact_path");
    writer.value("model");
    writer.name("utc_time_created");
    writer.value(python_time(env.now_ms()));
    writer.name("model_uuid");
    writer.value(env.new_id());
    writer.name("flavors");
    writer.raw("{}");
  });
}

}  // namespace

std::string PromptParameter::text() const {
  if (value.json.empty()) return "None";
  const JsonDocument document(value.json);
  const JsonView root = document.root();
  if (std::string plain; root.is_string() && root.read(plain)) return plain;
  if (root.is_bool()) return value.json == "true" ? "True" : "False";
  return root.is_null() ? "None" : root.dump();
}

tracking::Run create_promptlab_run(Env& env,
                                   tracking::Runs& runs,
                                   Artifacts& artifacts,
                                   const PromptlabRun& in) {
  need(!in.experiment_id.empty(), "experiment_id");
  need(!in.prompt_template.empty(), "prompt_template");
  need(!in.prompt_parameters.empty(), "prompt_parameters");
  need(!in.model_route.empty(), "model_route");
  need(!in.model_input.empty(), "model_input");
  need(!in.mlflow_version.empty(), "mlflow_version");
  const std::string run_id = runs.create({in.experiment_id, in.user_id, in.run_name,
                                          in.start_time.value_or(env.now_ms()), in.tags})
                                 .info.run_id;
  std::string status = "FINISHED";
  try {
    std::vector<tracking::KeyValue> params;
    for (const PromptParameter& one : in.model_parameters) params.push_back({one.key, one.text()});
    params.push_back({"model_route", in.model_route});
    params.push_back({"prompt_template", in.prompt_template});
    runs.log_batch(
        run_id, {}, params,
        {{"mlflow.loggedArtifacts", R"([{"path": "eval_results_table.json", "type": "table"}])"},
         {"mlflow.runSourceType", "PROMPT_ENGINEERING"}});
    runs.log_model(run_id, logged_model(env, run_id));
    put_files(env, artifacts, in, run_id);
  } catch (const Error&) {
    status = "FAILED";  // the run itself says so, as in the reference
  }
  runs.update(run_id, {status, env.now_ms(), ""});
  return runs.get(run_id);
}

}  // namespace sandbox::artifacts

#include "trainers/tabular/data.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "trainers/download.h"
#include "trainers/s3_file.h"
#include "trainers/tabular/california.h"

namespace trainers::tabular {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr const char* california = "california_housing";

// A file to read, and where it came from.
struct Source {
  fs::path file;
  std::string type;  // MLflow's word
  std::string uri;
  bool is_ours = false;  // a copy that is removed after reading
};

std::string extension_of(const std::string& uri) {
  return fs::path(uri.substr(uri.rfind('/') + 1)).extension().string();
}

Source fetched(TrainContext& context, const std::string& uri) {
  sandbox::SystemEnv env;
  Source source{context.directory() / ("data" + extension_of(uri)), "s3", uri, true};
  context.say("Reading " + uri);
  fetch_s3_file(env, sandbox::process_environment(), uri, source.file);
  return source;
}

Source local(const std::string& path) {
  std::error_code failure;
  if (!fs::is_regular_file(path, failure)) {
    throw Error(Code::invalid_parameter_value, fs::exists(path, failure)
                                                   ? path + " is no file."
                                                   : "There is no file " + path + ".");
  }
  return {path, "local", fs::absolute(path).lexically_normal().string(), false};
}

std::string cache_directory() {
  const auto environment = sandbox::process_environment();
  if (const auto cache = environment("XDG_CACHE_HOME")) return *cache + "/mlops-sandbox/datasets";
  return environment("HOME").value_or(".") + "/.cache/mlops-sandbox/datasets";
}

Source downloaded(TrainContext& context, const TableSettings& settings) {
  Download what;
  what.url = settings.data_url.empty() ? california_url : settings.data_url;
  what.file = fs::path(cache_directory()) / california_file;
  what.kind = sandbox::DigestKind::sha256;
  what.digest =
      settings.data_digest.empty() ? california_sha256 : sandbox::lower(settings.data_digest);
  if (fs::exists(what.file) && digest_of_file(what.kind, what.file) == what.digest) {
    return {what.file, "http", what.url, false};
  }
  what.progress = [&](std::uint64_t have, std::uint64_t /*of*/) {
    context.show_progress("downloading California Housing: " + std::to_string(have / 1000) + " kB");
  };
  what.is_stopping = [&] { return context.is_stopping(); };
  context.say("Downloading " + what.url);
  download(what);
  context.show_progress("");
  return {what.file, "http", what.url, false};
}

// Before anything is fetched.
void check_target(const TableSettings& settings) {
  if (settings.dataset != california || settings.target.empty() ||
      settings.target == california_target) {
    return;
  }
  throw Error(Code::invalid_parameter_value, std::string("The target of california_housing is ") +
                                                 california_target +
                                                 ". To predict another column, say --dataset csv.");
}

Source find_source(TrainContext& context, const TableSettings& settings) {
  if (is_s3_uri(settings.data_path)) return fetched(context, settings.data_path);
  if (!settings.data_path.empty()) return local(settings.data_path);
  if (settings.dataset == california) return downloaded(context, settings);
  throw Error(Code::invalid_parameter_value,
              "Say with --data-path which CSV file to learn from: a path or s3://bucket/key.");
}

std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> words;
  for (const std::string& word : sandbox::split(list, ',')) {
    if (!sandbox::trim(word).empty()) words.emplace_back(sandbox::trim(word));
  }
  return words;
}

void drop_columns(Table& table, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto found = std::find(table.columns.begin(), table.columns.end(), name);
    if (found == table.columns.end()) {
      throw Error(Code::invalid_parameter_value, "There is no column '" + name +
                                                     "' to drop; there are " +
                                                     sandbox::join(table.columns, ", ") + ".");
    }
    const auto column = static_cast<std::size_t>(found - table.columns.begin());
    std::vector<double> values;
    for (std::size_t i = 0; i < table.values.size(); ++i) {
      if (i % table.columns.size() != column) values.push_back(table.values[i]);
    }
    table.values = std::move(values);
    table.columns.erase(found);
  }
  if (table.columns.empty()) {
    throw Error(Code::invalid_parameter_value, "There is no column left to learn from.");
  }
}

// Parquet begins and ends with its name; Debian 12 has no library that reads it.
bool is_parquet(std::istream& in, const std::string& uri) {
  const std::string ending = sandbox::lower(extension_of(uri));
  char magic[4] = {};
  in.read(magic, sizeof magic);
  const bool has_magic = in.gcount() == 4 && std::string_view(magic, 4) == "PAR1";
  in.clear();
  in.seekg(0);
  return has_magic || ending == ".parquet" || ending == ".pq";
}

Table read_csv(const Source& source,
               const TableSettings& settings,
               const std::vector<std::string>& drop) {
  std::ifstream in(source.file, std::ios::binary);
  if (!in) throw Error(Code::invalid_parameter_value, source.uri + " cannot be read.");
  if (is_parquet(in, source.uri)) {
    throw Error(Code::invalid_parameter_value,
                source.uri +
                    " is Parquet, which is not read here. Make CSV of it in Python: "
                    "pandas.read_parquet(\"table.parquet\").to_csv(\"table.csv\", index=False)");
  }
  return read_table(in, fs::path(source.uri).filename().string(), settings.target, drop);
}

Table read_rows(TrainContext& context,
                const Source& source,
                const TableSettings& settings,
                const std::string& digest) {
  // What is derived may come from columns that are dropped: these go last.
  std::vector<std::string> first = words_of(settings.drop);
  std::vector<std::string> last;
  if (settings.derived_features) {
    const auto needed = std::stable_partition(
        first.begin(), first.end(), [](const std::string& name) { return !is_derived_from(name); });
    last.assign(needed, first.end());
    first.erase(needed, first.end());
  }
  Table table;
  if (settings.dataset == california) {
    if (settings.data_digest.empty() && digest != california_sha256) {
      context.say(source.uri + " is not the official archive (its SHA-256 is " + digest +
                  "); its rows are taken as they are.");
    }
    table = read_california(source.file);
    drop_columns(table, first);
  } else {
    table = read_csv(source, settings, first);
  }
  if (settings.derived_features) add_derived_features(table);
  drop_columns(table, last);
  return table;
}

std::string schema_of(const Table& table, const Target& target) {
  std::string json;
  sandbox::JsonWriter writer(json);
  const auto column = [&](const std::string& name, const char* type) {
    writer.begin_object();
    writer.name("type");
    writer.value(type);
    writer.name("name");
    writer.value(name);
    writer.name("required");
    writer.value(true);
    writer.end_object();
  };
  writer.begin_object();
  writer.name("mlflow_colspec");
  writer.begin_array();
  for (const std::string& name : table.columns) column(name, "double");
  column(table.target, target.task == Task::regression ? "double" : "string");
  writer.end_array();
  writer.end_object();
  return json;
}

DatasetInput input_of(const Source& source,
                      const Table& table,
                      const Target& target,
                      const std::string& digest) {
  constexpr std::size_t digest_digits = 8;  // as many as MLflow's own
  DatasetInput input;
  input.name = fs::path(source.uri).filename().string();
  input.digest = digest.substr(0, digest_digits);
  input.source_type = source.type;
  sandbox::JsonWriter uri(input.source);
  uri.begin_object();
  uri.name(source.type == "http" ? "url" : "uri");
  uri.value(source.uri);
  uri.end_object();
  input.schema = schema_of(table, target);
  sandbox::JsonWriter profile(input.profile);
  profile.begin_object();
  profile.name("num_rows");
  profile.value(static_cast<std::uint64_t>(table.rows()));
  profile.name("num_elements");
  profile.value(static_cast<std::uint64_t>(table.rows() * (table.columns.size() + 1)));
  profile.end_object();
  input.context = "training";
  return input;
}

template <class TargetOf>
Data load(TrainContext& context, const TableSettings& settings, const TargetOf& target_of) {
  check_target(settings);
  const Source source = find_source(context, settings);
  Data data;
  data.digest = digest_of_file(sandbox::DigestKind::sha256, source.file);
  data.table = read_rows(context, source, settings, data.digest);
  if (source.is_ours) fs::remove(source.file);
  data.target = target_of(data.table);
  data.input = input_of(source, data.table, data.target, data.digest);
  if (settings.dataset == california) data.input.name = california;
  return data;
}

}  // namespace

Data load_data(TrainContext& context, const TableSettings& settings) {
  return load(context, settings,
              [&](const Table& table) { return read_target(table, settings.task); });
}

Data load_data_like(TrainContext& context,
                    const TableSettings& settings,
                    const Description& model) {
  return load(context, settings, [&](Table& table) {
    keep_columns(table, model.columns);
    return read_known_target(table, model.task == task_name(Task::regression), model.classes);
  });
}

}  // namespace trainers::tabular

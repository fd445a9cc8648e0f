#include "trainers/trainer.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "trainers/linear/settings.h"
#include "trainers/tabular/settings.h"
#include "trainers/vision/settings.h"

namespace trainers {

using sandbox::Code;
using sandbox::Error;

namespace {

std::string as_flag(std::string_view name) {
  std::string flag = "--" + std::string(name);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

// "--batch-size" to "batch_size".
std::string as_name(std::string_view flag) {
  std::string name(flag.substr(2));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

const ParameterRow* find_row(const std::vector<ParameterRow>& rows, std::string_view name) {
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const ParameterRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

void check_from(const ParameterRow& row, const std::string& value, const std::string& source) {
  try {
    row.check(value);
  } catch (const Error& error) {
    throw Error(error.code(), error.message() + source);
  }
}

Texts read_flags(const std::vector<ParameterRow>& rows, const std::vector<std::string>& words) {
  Texts texts;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with("--") || word.size() < 4) {
      throw Error(Code::invalid_parameter_value,
                  "'" + word + "' is no parameter; they are said as --name value.");
    }
    const std::size_t equals = word.find('=');
    const std::string name = as_name(std::string_view(word).substr(0, equals));
    const ParameterRow* row = find_row(rows, name);
    const ParameterRow* negated =
        row == nullptr && name.starts_with("no_") ? find_row(rows, name.substr(3)) : nullptr;
    if (negated != nullptr && negated->kind == ParameterRow::Kind::flag &&
        equals == std::string::npos) {
      texts[negated->name] = "false";
      continue;
    }
    if (row == nullptr) {
      throw Error(Code::invalid_parameter_value,
                  "There is no parameter " + word.substr(0, equals) + ".");
    }
    std::string value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (row->kind == ParameterRow::Kind::flag &&
               (i + 1 == words.size() || words[i + 1].starts_with("--"))) {
      value = "true";
    } else if (i + 1 < words.size()) {
      value = words[++i];
    } else {
      throw Error(Code::invalid_parameter_value, word + " wants a value.");
    }
    check_from(*row, value, "");
    texts[row->name] = value;
  }
  return texts;
}

std::string without_quotes(std::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'')) {
    const std::size_t end = value.find(value.front(), 1);
    if (end != std::string_view::npos) return std::string(value.substr(1, end - 1));
  }
  const std::size_t comment = value.starts_with('#') ? 0 : value.find(" #");
  return std::string(sandbox::trim(value.substr(0, comment)));
}

std::string help_line(const ParameterRow& row) {
  constexpr std::size_t column = 22;
  std::string line = "  " + as_flag(row.name);
  line += line.size() + 2 > column ? "\n" + std::string(column, ' ')
                                   : std::string(column - line.size(), ' ');
  line += row.about;
  const std::string allowed = row.allowed_text();
  if (!allowed.empty()) line += "\n" + std::string(column, ' ') + allowed;
  if (!row.standard.empty()) line += " [" + row.standard + "]";
  return line + "\n";
}

}  // namespace

const std::vector<Trainer>& trainers() {
  static const std::vector<Trainer> all{
      {"vision", "vision", "Image classification with MobileNets and ResNets",
       rows_of<vision::VisionSettings>(), true, "best_val_accuracy", "epochs", "pause_after"},
      {"random_forest", "tabular", "Regression and classification of tables with many trees",
       rows_of<tabular::ForestSettings>(), false, tabular::score_metric},
      {"gradient_boosting", "tabular", "The same with trees one after another, on XGBoost",
       rows_of<tabular::BoostingSettings>(), false, tabular::score_metric},
      {"linear_regression", "linear", "Regression of tables by least squares or ridge",
       rows_of<linear::RegressionSettings>(), false, tabular::score_metric},
      {"logistic_regression", "linear", "Classification of tables by logistic regression",
       rows_of<linear::LogisticSettings>(), false, tabular::score_metric},
      {"mlp", "linear", "Regression and classification of tables with a network, on LibTorch",
       rows_of<linear::NetworkSettings>(), false, tabular::score_metric},
  };
  return all;
}

const Trainer& trainer_named(std::string_view name) {
  std::vector<std::string> names;
  for (const Trainer& trainer : trainers()) {
    if (trainer.name == name) return trainer;
    names.push_back(trainer.name);
  }
  throw Error(Code::invalid_parameter_value, "There is no trainer '" + std::string(name) +
                                                 "'; there are: " + sandbox::join(names, ", ") +
                                                 ".");
}

std::map<std::string, std::string> read_dotenv(std::string_view text) {
  std::map<std::string, std::string> variables;
  for (const std::string& whole : sandbox::split(text, '\n')) {
    std::string_view line = sandbox::trim(whole);
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("export ")) line = sandbox::trim(line.substr(7));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    variables[std::string(sandbox::trim(line.substr(0, equals)))] =
        without_quotes(sandbox::trim(line.substr(equals + 1)));
  }
  return variables;
}

std::map<std::string, std::string> dotenv_here() {
  std::ifstream file(".env");
  return read_dotenv(std::string(std::istreambuf_iterator<char>(file), {}));
}

Texts Said::all() const {
  Texts texts = settings;
  for (const auto& [name, value] : flags) texts[name] = value;
  return texts;
}

Said read_words(const Trainer& trainer,
                const std::vector<std::string>& words,
                const Variables& environment,
                const std::map<std::string, std::string>& dotenv) {
  Said said;
  said.flags = read_flags(all_rows(trainer), words);
  for (const ParameterRow& row : trainer.parameters) {
    // What another trainer's .env says in this directory is no matter where a flag says otherwise.
    if (said.flags.contains(row.name)) continue;
    const std::string variable = sandbox::upper(row.name);
    if (const auto value = environment(variable)) {
      check_from(row, *value, " It was set by the variable " + variable + ".");
      said.settings[row.name] = *value;
    } else if (const auto line = dotenv.find(variable);
               line != dotenv.end() && !line->second.empty()) {
      check_from(row, line->second, " It was set by " + variable + " in .env.");
      said.settings[row.name] = line->second;
    }
  }
  return said;
}

std::vector<ParameterRow> all_rows(const Trainer& trainer) {
  std::vector<ParameterRow> rows = trainer.parameters;
  for (ParameterRow& row : rows_of<RunSettings>()) {
    if (row.name == "resume" && !trainer.can_resume) continue;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string help_of(const Trainer& trainer, const std::string& program) {
  std::string out = trainer.summary + "\nUsage: " + program + " train " + trainer.name +
                    " [--name value …]\n\nThe training:\n";
  for (const ParameterRow& row : trainer.parameters) out += help_line(row);
  out += "\nIts run:\n";
  const std::vector<ParameterRow> rows = all_rows(trainer);
  for (std::size_t i = trainer.parameters.size(); i < rows.size(); ++i) out += help_line(rows[i]);
  out +=
      "\nThe names in capitals (BATCH_SIZE=32) are read from the environment and from .env in this "
      "directory\nas well; flags win.\n";
  return out;
}

}  // namespace trainers

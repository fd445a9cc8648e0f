#include "sandbox/graphql/schema.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "sandbox/base/text.h"

namespace sandbox::graphql {
namespace {

constexpr std::size_t suggestions_max = 5;

// How many letters have to be put in, taken away or changed to make one text of the other.
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t changed = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

std::string one_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += names.size() == 2 ? " or " : i + 1 == names.size() ? ", or " : ", ";
    text += "'" + names[i] + "'";
  }
  return text;
}

}  // namespace

Schema::Schema(std::string_view text) {
  for (SchemaType& type : parse_schema(text)) {
    std::string name = type.name;
    types_.emplace(std::move(name), std::move(type));
  }
  for ([[maybe_unused]] const auto& [name, type] : types_) {
    for ([[maybe_unused]] const SchemaField& field : type.fields) {
      assert(type.kind == "enum" || this->type(field.type.named()) != nullptr);
    }
  }
}

const SchemaType* Schema::type(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : &found->second;
}

const SchemaType* Schema::root(std::string_view operation_kind) const {
  if (operation_kind == "query") return type("Query");
  return operation_kind == "mutation" ? type("Mutation") : nullptr;
}

std::string did_you_mean(std::string_view wrong, const std::vector<SchemaField>& known) {
  constexpr std::size_t name_length_max = 200;
  if (wrong.size() > name_length_max) return "";
  const std::size_t allowed = wrong.size() * 2 / 5 + 1;
  std::vector<std::pair<std::size_t, std::string>> close;
  for (const SchemaField& field : known) {
    const std::size_t letters = distance(lower(wrong), lower(field.name));
    if (letters <= allowed) close.emplace_back(letters, field.name);
  }
  if (close.empty()) return "";
  std::sort(close.begin(), close.end());
  close.resize(std::min(close.size(), suggestions_max));
  std::vector<std::string> names;
  for (const auto& [letters, name] : close) names.push_back(name);
  return " Did you mean " + one_of(names) + "?";
}

}  // namespace sandbox::graphql

#include "sandbox/registry/events.h"

#include <map>
#include <utility>

#include "sandbox/base/fields_json.h"

namespace sandbox::registry {
namespace {

constexpr std::string_view prompt_type_tag = "_mlflow_prompt_type";

using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

std::string object_of(const Pairs& pairs) {
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  for (const auto& [name, value] : pairs) {
    writer.name(name);
    writer.value(value);
  }
  writer.end_object();
  return json;
}

// Of tags given twice the last counts.
std::map<std::string, std::string> map_of(const std::vector<Tag>& tags) {
  std::map<std::string, std::string> map;
  for (const Tag& tag : tags) map[tag.key] = tag.value;
  return map;
}

void write_tags(JsonWriter& writer, const std::map<std::string, std::string>& tags) {
  writer.name("tags");
  writer.begin_object();
  for (const auto& [key, value] : tags) {
    writer.name(key);
    writer.value(value);
  }
  writer.end_object();
}

void write_or_null(JsonWriter& writer, std::string_view name, std::string_view value) {
  writer.name(name);
  value.empty() ? writer.null() : writer.value(value);
}

}  // namespace

Event model_created(std::string_view name,
                    const std::vector<Tag>& tags,
                    std::string_view description) {
  const bool is_prompt = are_of_prompt(tags);
  auto shown = map_of(tags);
  if (is_prompt) {
    shown.erase(std::string(prompt_tag));
    shown.erase(std::string(prompt_type_tag));
  }
  Event event{is_prompt ? "prompt" : "registered_model", "created", ""};
  JsonWriter writer(event.payload);
  writer.begin_object();
  writer.name("name");
  writer.value(name);
  write_tags(writer, shown);
  writer.name("description");
  writer.value(description);
  writer.end_object();
  return event;
}

Event version_created(const CreatedVersion& version, const std::vector<Tag>& tags) {
  const bool is_prompt = are_of_prompt(tags);
  auto shown = map_of(tags);
  Event event{is_prompt ? "prompt_version" : "model_version", "created", ""};
  JsonWriter writer(event.payload);
  writer.begin_object();
  writer.name("name");
  writer.value(version.name);
  writer.name("version");
  writer.value(version.version);
  if (is_prompt) {
    const auto text = shown.extract(std::string(prompt_text_tag));
    writer.name("template");
    text.empty() ? writer.null() : writer.value(text.mapped());
    shown.erase(std::string(prompt_tag));
    shown.erase(std::string(prompt_type_tag));
  } else {
    writer.name("source");
    writer.value(version.source);
    write_or_null(writer, "run_id", version.run_id.value_or(""));
  }
  write_tags(writer, shown);
  write_or_null(writer, "description", version.description);
  writer.end_object();
  return event;
}

Event prompt_tag_set(std::string_view name, const Tag& tag) {
  return {"prompt_tag", "set", object_of({{"name", name}, {"key", tag.key}, {"value", tag.value}})};
}

Event prompt_tag_deleted(std::string_view name, std::string_view key) {
  return {"prompt_tag", "deleted", object_of({{"name", name}, {"key", key}})};
}

Event version_tag_set(bool is_prompt,
                      std::string_view name,
                      std::string_view version,
                      const Tag& tag) {
  return {
      is_prompt ? "prompt_version_tag" : "model_version_tag", "set",
      object_of({{"name", name}, {"version", version}, {"key", tag.key}, {"value", tag.value}})};
}

Event version_tag_deleted(bool is_prompt,
                          std::string_view name,
                          std::string_view version,
                          std::string_view key) {
  return {is_prompt ? "prompt_version_tag" : "model_version_tag", "deleted",
          object_of({{"name", name}, {"version", version}, {"key", key}})};
}

Event alias_created(bool is_prompt,
                    std::string_view name,
                    std::string_view alias,
                    std::string_view version) {
  return {is_prompt ? "prompt_alias" : "model_version_alias", "created",
          object_of({{"name", name}, {"alias", alias}, {"version", version}})};
}

Event alias_deleted(bool is_prompt, std::string_view name, std::string_view alias) {
  return {is_prompt ? "prompt_alias" : "model_version_alias", "deleted",
          object_of({{"name", name}, {"alias", alias}})};
}

}  // namespace sandbox::registry

#include "sandbox/registry/tags.h"

#include <algorithm>
#include <unordered_map>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/tracking/names.h"

namespace sandbox::registry {

void check_model_tag(std::string_view key, std::string_view value) {
  tracking::check_key("key", key);
  tracking::check_length("key", key, tag_key_max);
  tracking::check_length("value", value, tag_value_max);
}

std::vector<Tag> last_of_each(const std::vector<Tag>& tags) {
  std::vector<Tag> kept;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const Tag& tag : tags) {
    const auto [place, is_new] = places.emplace(tag.key, kept.size());
    if (is_new) {
      kept.push_back(tag);
    } else {
      kept[place->second].value = tag.value;
    }
  }
  return kept;
}

void check_version_tag(std::string_view key, std::string_view value) {
  tracking::check_key("key", key);
  tracking::check_length("key", key, tag_key_max);
  if (key == prompt_text_tag && utf8_length(value) > tag_value_max) {
    throw Error(Code::invalid_parameter_value, "Prompt text exceeds max length of " +
                                                   std::to_string(tag_value_max) + " characters.");
  }
  tracking::check_length("value", value, tag_value_max);
}

bool are_of_prompt(const std::vector<Tag>& tags) {
  const auto last = std::find_if(tags.rbegin(), tags.rend(),
                                 [](const Tag& tag) { return tag.key == prompt_tag; });
  return last != tags.rend() && lower(last->value) == "true";
}

bool have_prompt_tag(const std::vector<Tag>& tags) {
  return std::any_of(tags.begin(), tags.end(),
                     [](const Tag& tag) { return tag.key == prompt_tag; });
}

}  // namespace sandbox::registry

// Tags of registered models and of their versions. The wire has one shape for both.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"

namespace sandbox::registry {

inline constexpr std::size_t tag_key_max = 250;  // characters
inline constexpr std::size_t tag_value_max = 100'000;

// A registered model that carries this tag with the value "true" is a prompt; searches hide prompts
// unless their filter asks for them.
inline constexpr std::string_view prompt_tag = "mlflow.prompt.is_prompt";
inline constexpr std::string_view prompt_text_tag = "mlflow.prompt.text";

struct Tag {
  std::string key;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{field("key", &Tag::key), field("value", &Tag::value)};
  }
};

// Both throw Error(invalid_parameter_value) with the sentence of mlflow/utils/validation.py.
void check_model_tag(std::string_view key, std::string_view value);
void check_version_tag(std::string_view key, std::string_view value);

// Each key once, where it came first, with the value that came last.
std::vector<Tag> last_of_each(const std::vector<Tag>& tags);

// The last value given for prompt_tag is "true" in any case.
bool are_of_prompt(const std::vector<Tag>& tags);
bool have_prompt_tag(const std::vector<Tag>& tags);

}  // namespace sandbox::registry

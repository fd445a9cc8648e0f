// Describes a message once: a struct lists its fields with name, member and sentence; reading,
// writing, required-checks and the published schema are derived from the list (fields_json.h).
// Standard headers only.
#pragma once

#include <cstdint>
#include <string_view>

namespace sandbox {

template <class Owner, class Type>
struct Field {
  std::string_view name;  // snake_case wire name
  Type Owner::*member;
  std::string_view about;  // one sentence for docs and help
  bool is_required = false;
  std::string_view alias = "";  // an older name that is accepted too (run_uuid)
  bool is_in_path = false;      // comes from the path's {name}, never from body or query
};

// The request is refused when the field is absent, null, or "" where text is wanted.
template <class Owner, class Type>
constexpr Field<Owner, Type> required(std::string_view name,
                                      Type Owner::*member,
                                      std::string_view about = "",
                                      std::string_view alias = "") {
  return {name, member, about, true, alias};
}

// Absent or null leaves the member as it was constructed.
template <class Owner, class Type>
constexpr Field<Owner, Type> field(std::string_view name,
                                   Type Owner::*member,
                                   std::string_view about = "",
                                   std::string_view alias = "") {
  return {name, member, about, false, alias};
}

// The value of the path pattern's {name}; it is never empty.
template <class Owner, class Type>
constexpr Field<Owner, Type> in_path(std::string_view name,
                                     Type Owner::*member,
                                     std::string_view about = "") {
  return {name, member, about, true, "", true};
}

// One of a closed set of words, as an enum of MLflow's protos: the wire gives the word or its
// number. `Words` has `static constexpr std::array<EnumWord, …> words`. A text that is no word
// counts as absent; a number that is none is refused, unless `Words` derives from AnyNumber.
struct EnumWord {
  std::string_view name;
  std::int64_t number = 0;
};
struct AnyNumber {};
template <class Words>
struct Enum {
  std::string_view name;  // one of the words; "" when absent or unknown

  static constexpr Enum of(std::string_view text) {
    for (const EnumWord& word : Words::words) {
      if (word.name == text) return {word.name};
    }
    return {};
  }
};

// A message is a struct with `static constexpr auto fields()` returning a std::tuple of Field.
// Members may be: std::string, std::int64_t, double, bool, Enum, another message, std::optional of
// these, std::vector of these, JsonText, TextMap (fields_json.h).
template <class Type>
concept Message = requires {
  Type::fields();
};

struct Empty {
  static constexpr auto fields();
};

}  // namespace sandbox

#include <tuple>

namespace sandbox {
constexpr auto Empty::fields() {
  return std::tuple{};
}
}  // namespace sandbox

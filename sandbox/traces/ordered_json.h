// JSON as a tree that keeps the members of objects in the order of the text: a dict that a client
// logged comes back in its own order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox::traces {

struct OrderedJson {
  enum class Kind { null, flag, integer, real, text, list, object };
  Kind kind = Kind::null;
  bool flag = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<OrderedJson> items;  // of a list, and the values of an object
  std::vector<std::string> names;  // of an object, beside its values

  // A member of an object; nullptr when absent or when this is no object.
  [[nodiscard]] const OrderedJson* member(std::string_view name) const;
};

// nullopt for what is no JSON.
std::optional<OrderedJson> parse_ordered(std::string_view json);

}  // namespace sandbox::traces

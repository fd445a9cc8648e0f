// Manifests as trees: what a target says is built as nested maps and lists and written by a
// library, so that no name of a lab can break out of its place in a file.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/base/python_json.h"

namespace sandbox::cluster_export {

using Tree = PythonJson;

// What may stand in a map or list: a text, a number, a boolean, or another tree.
class Value {
 public:
  // Absent: a map leaves the member out, a list the item.
  Value() = default;
  Value(const char* text) : tree_(Tree::of(text)), is_there_(true) {}
  Value(std::string_view text) : tree_(Tree::of(text)), is_there_(true) {}
  Value(const std::string& text) : tree_(Tree::of(std::string_view(text))), is_there_(true) {}
  Value(std::same_as<bool> auto flag) : tree_(Tree::of(flag)), is_there_(true) {}
  Value(int number) : tree_(Tree::of(std::int64_t{number})), is_there_(true) {}
  Value(std::int64_t number) : tree_(Tree::of(number)), is_there_(true) {}
  Value(double number) : tree_(Tree::of(number)), is_there_(true) {}
  Value(Tree tree) : tree_(std::move(tree)), is_there_(true) {}

  [[nodiscard]] bool is_there() const { return is_there_; }
  [[nodiscard]] const Tree& tree() const { return tree_; }

 private:
  Tree tree_;
  bool is_there_ = false;
};

// `value` where the condition holds, else nothing.
inline Value only_if(bool condition, Value value) {
  return condition ? std::move(value) : Value();
}

using Members = std::initializer_list<std::pair<std::string_view, Value>>;

// {"name": value, …} in this order.
Tree map(Members members);
Tree map(const std::vector<std::pair<std::string, std::string>>& texts);
Tree list(std::initializer_list<Value> items);
Tree list(const std::vector<std::string>& texts);
Tree list(std::vector<Tree> items);
// Adds the members that are there to a map.
void add(Tree& map, Members members);
// Appends an item to a list.
void append(Tree& list, Value item);

// Documents of one file with `---` between them, each line of `comment` before them as a comment.
std::string yaml_file(std::string_view comment, const std::vector<Tree>& documents);
// JSON with two blanks a level and a line end at its end.
std::string json_file(const Tree& tree);

}  // namespace sandbox::cluster_export

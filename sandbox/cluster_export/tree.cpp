#include "sandbox/cluster_export/tree.h"

#include "sandbox/base/text.h"
#include "sandbox/base/yaml.h"

namespace sandbox::cluster_export {
namespace {

void write_json(std::string& out, const Tree& tree, std::size_t level) {
  const std::string inner((level + 1) * 2, ' ');
  const std::string outer(level * 2, ' ');
  const bool is_list = tree.is_list();
  const std::size_t count = is_list ? tree.items.size() : tree.members.size();
  if ((!is_list && !tree.is_object()) || count == 0) {
    out += tree.dumps();
    return;
  }
  out += is_list ? "[\n" : "{\n";
  for (std::size_t i = 0; i < count; ++i) {
    out += inner;
    if (!is_list) out += python_quoted(tree.members[i].name) + ": ";
    write_json(out, is_list ? tree.items[i] : tree.members[i].value, level + 1);
    out += i + 1 < count ? ",\n" : "\n";
  }
  out += outer + (is_list ? "]" : "}");
}

}  // namespace

Tree map(Members members) {
  Tree tree = Tree::object();
  add(tree, members);
  return tree;
}

Tree map(const std::vector<std::pair<std::string, std::string>>& texts) {
  Tree tree = Tree::object();
  for (const auto& [name, text] : texts) tree.set(name, Tree::of(std::string_view(text)));
  return tree;
}

Tree list(std::initializer_list<Value> items) {
  Tree tree;
  tree.kind = Tree::Kind::list;
  for (const Value& item : items) append(tree, item);
  return tree;
}

Tree list(const std::vector<std::string>& texts) {
  return Tree::list_of(texts);
}

Tree list(std::vector<Tree> items) {
  Tree tree;
  tree.kind = Tree::Kind::list;
  tree.items = std::move(items);
  return tree;
}

void add(Tree& map, Members members) {
  for (const auto& [name, value] : members) {
    if (value.is_there()) map.set(name, value.tree());
  }
}

void append(Tree& list, Value item) {
  if (item.is_there()) list.items.push_back(item.tree());
}

std::string yaml_file(std::string_view comment, const std::vector<Tree>& documents) {
  std::string out;
  if (!comment.empty()) {
    for (const std::string& line : split(comment, '\n')) {
      out += line.empty() ? "#\n" : "# " + line + "\n";
    }
  }
  for (const Tree& document : documents) out += "---\n" + write_yaml(document);
  return out;
}

std::string json_file(const Tree& tree) {
  std::string out;
  write_json(out, tree, 0);
  return out + "\n";
}

}  // namespace sandbox::cluster_export

#include "sandbox/traces/ordered_json.h"

#include <algorithm>

#include "sandbox/base/fields_json.h"

namespace sandbox::traces {
namespace {

// Keeps the open lists and objects by value; a closed one moves into the one around it.
class TreeBuilder final : public JsonEvents {
 public:
  void null() override { add({}); }
  void flag(bool value) override {
    OrderedJson json;
    json.kind = OrderedJson::Kind::flag;
    json.flag = value;
    add(std::move(json));
  }
  void integer(std::int64_t value) override {
    OrderedJson json;
    json.kind = OrderedJson::Kind::integer;
    json.integer = value;
    add(std::move(json));
  }
  void real(double value) override {
    OrderedJson json;
    json.kind = OrderedJson::Kind::real;
    json.real = value;
    add(std::move(json));
  }
  void text(std::string& value) override {
    OrderedJson json;
    json.kind = OrderedJson::Kind::text;
    json.text = std::move(value);
    add(std::move(json));
  }
  void begin_object() override { open_.emplace_back().kind = OrderedJson::Kind::object; }
  void name(std::string& text) override { open_.back().names.push_back(std::move(text)); }
  void end_object() override { close(); }
  void begin_array() override { open_.emplace_back().kind = OrderedJson::Kind::list; }
  void end_array() override { close(); }

  OrderedJson root;

 private:
  void add(OrderedJson json) {
    if (open_.empty()) {
      root = std::move(json);
    } else {
      open_.back().items.push_back(std::move(json));
    }
  }
  void close() {
    OrderedJson json = std::move(open_.back());
    open_.pop_back();
    add(std::move(json));
  }

  std::vector<OrderedJson> open_;
};

}  // namespace

const OrderedJson* OrderedJson::member(std::string_view name) const {
  // Of a name that comes twice the last value counts, as in Python.
  const auto found = std::find(names.rbegin(), names.rend(), name);
  if (kind != Kind::object || found == names.rend()) return nullptr;
  return &items[static_cast<std::size_t>(names.rend() - found) - 1];
}

std::optional<OrderedJson> parse_ordered(std::string_view json) {
  TreeBuilder builder;
  if (!walk_json(json, builder)) return std::nullopt;
  return std::move(builder.root);
}

}  // namespace sandbox::traces

#include "sandbox/auth/question.h"

#include <algorithm>

#include "sandbox/base/error.h"

namespace sandbox::auth {
namespace {

constexpr std::size_t body_bytes_max = 64UL * 1024 * 1024;

// A list stands in a query as its name several times, null as nothing.
std::vector<std::string> query_values(const JsonView& value) {
  std::vector<std::string> all;
  std::string text;
  if (value.is_null()) return all;
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      for (std::string& one : query_values(value.at(i))) all.push_back(std::move(one));
    }
    return all;
  }
  all.push_back(value.read(text) ? text : value.dump());
  return all;
}

}  // namespace

// The body, read once and handed out again.
class Question::Kept final : public http::BodyReader {
 public:
  explicit Kept(std::string text) : text_(std::move(text)) {}

  std::size_t read(char* out, std::size_t max) override {
    const std::size_t count = std::min(max, text_.size() - position_);
    std::copy_n(text_.data() + position_, count, out);
    position_ += count;
    return count;
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return text_.size(); }

  [[nodiscard]] const std::string& whole() const { return text_; }

 private:
  std::string text_;
  std::size_t position_ = 0;
};

Question::Question(World& world, http::Request& request, const Caller& caller)
    : world_(world), request_(request), caller_(caller), original_(request.body) {}

Question::~Question() {
  request_.body = original_;
}

bool Question::is_get() const {
  return request_.method == "GET" || request_.method == "HEAD";
}

JsonView Question::body() {
  if (!document_) {
    if (!is_get() && !kept_) {
      kept_ = std::make_unique<Kept>(http::read_all(*request_.body, body_bytes_max));
      request_.body = kept_.get();
    }
    document_ = parse_body(kept_ ? kept_->whole() : std::string());
  }
  return document_->root();
}

void Question::replace(const std::vector<std::pair<std::string, std::string>>& members) {
  const auto is_replaced = [&](const std::string& name) {
    return std::any_of(members.begin(), members.end(),
                       [&](const auto& member) { return member.first == name; });
  };
  if (is_get()) {
    http::Query query;
    for (const auto& [name, value] : request_.query.all()) {
      if (!is_replaced(name)) query.add(name, value);
    }
    for (const auto& [name, json] : members) {
      const JsonDocument value(json);
      for (std::string& one : query_values(value.root())) query.add(name, std::move(one));
    }
    request_.query = query;
    return;
  }
  std::string text;
  JsonWriter writer(text);
  writer.begin_object();
  const JsonView before = body();
  for (const std::string& name : before.names()) {
    if (is_replaced(name)) continue;
    writer.name(name);
    writer.raw(before.member(name)->dump());
  }
  for (const auto& [name, json] : members) {
    if (json == "null") continue;
    writer.name(name);
    writer.raw(json);
  }
  writer.end_object();
  document_.reset();
  kept_ = std::make_unique<Kept>(std::move(text));
  request_.body = kept_.get();
}

std::optional<std::string> Question::maybe_text(std::string_view name, std::string_view alias) {
  if (is_get()) {
    for (const auto& [known, value] : request_.query.all()) {
      if (known == name || (!alias.empty() && known == alias)) return value;
    }
    return std::nullopt;
  }
  const auto found = fields_detail::find(body(), name, alias, false);
  if (!found || found->is_null()) return std::nullopt;
  std::string value;
  if (!found->read(value)) fields_detail::invalid(name, *found);
  return value;
}

std::string Question::text(std::string_view name, std::string_view alias) {
  auto found = maybe_text(name, alias);
  if (!found || found->empty()) fields_detail::missing(name);
  return *found;
}

std::string Question::subject(std::string_view name, std::string_view alias) {
  if (!request_.path_parameters.empty()) return request_.path_parameters.front().second;
  return text(name, alias);
}

std::optional<std::int64_t> Question::maybe_number(std::string_view name) {
  std::int64_t number = 0;
  if (is_get()) {
    const auto found = request_.query.find(name);
    if (!found) return std::nullopt;
    fields_detail::read_text(name, std::string(*found), number);
    return number;
  }
  const auto found = fields_detail::find(body(), name, "", false);
  if (!found || found->is_null()) return std::nullopt;
  if (!found->read(number)) fields_detail::invalid(name, *found);
  return number;
}

std::vector<std::string> Question::texts(std::string_view name) {
  std::vector<std::string> all;
  if (is_get()) {
    for (const auto& [known, value] : request_.query.all()) {
      if (known == name) all.push_back(value);
    }
    return all;
  }
  const auto found = fields_detail::find(body(), name, "", false);
  if (found && !found->is_null()) read_value(name, *found, all);
  return all;
}

std::vector<std::string> Question::texts_in(std::string_view list, std::string_view member) {
  std::vector<std::string> all;
  const auto found = fields_detail::find(body(), list, "", false);
  if (!found || !found->is_array()) return all;
  for (std::size_t i = 0; i < found->size(); ++i) {
    if (!found->at(i).is_object()) continue;
    const auto value = fields_detail::find(found->at(i), member, "", false);
    std::string text;
    if (value && value->read(text) && !text.empty()) all.push_back(text);
  }
  return all;
}

}  // namespace sandbox::auth

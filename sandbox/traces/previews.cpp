#include "sandbox/traces/previews.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"

namespace sandbox::traces {
namespace {

constexpr std::size_t preview_max = 1000;  // characters

bool is_message(const JsonView& view) {
  return view.member("role") && view.member("content");
}

std::vector<JsonView> messages_in(const JsonView& list) {
  std::vector<JsonView> messages;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (is_message(list.at(i))) messages.push_back(list.at(i));
  }
  return messages;
}

std::optional<JsonView> filled_list(const JsonView& object, std::string_view name) {
  const auto list = object.member(name);
  if (!list || !list->is_array() || list->size() == 0) return std::nullopt;
  return list;
}

// The messages of the known chat forms: completions and responses, what goes in and what comes out.
std::vector<JsonView> find_messages(const JsonView& object) {
  if (const auto list = filled_list(object, "messages")) return messages_in(*list);
  if (const auto choices = filled_list(object, "choices")) {
    const auto message = choices->at(0).member("message");
    if (message && is_message(*message)) return {*message};
  }
  if (const auto list = filled_list(object, "input")) return messages_in(*list);
  if (const auto list = filled_list(object, "output")) return messages_in(*list);
  if (const auto request = object.member("request")) return find_messages(*request);
  return {};
}

std::string text_of(const JsonView& message) {
  const JsonView content = *message.member("content");
  std::string text;
  if (content.read(text)) return text;
  if (!content.is_array()) return "";
  for (std::size_t i = 0; i < content.size(); ++i) {
    const JsonView part = content.at(i);
    if (part.read(text)) return text;
    std::string type;
    const auto type_member = part.member("type");
    if (!type_member || !type_member->read(type)) continue;
    if (type != "text" && type != "output_text") continue;
    const auto inner = part.member("text");
    return inner && inner->read(text) ? text : "";
  }
  return "";
}

std::string chat_text(std::string_view json, std::string_view role) {
  constexpr std::array<std::string_view, 5> marks{"\"messages\"", "\"choices\"", "\"input\"",
                                                  "\"output\"", "\"request\""};
  const bool may_be_chat = std::any_of(marks.begin(), marks.end(), [&](std::string_view mark) {
    return json.find(mark) != std::string_view::npos;
  });
  if (!may_be_chat) return "";
  try {
    const JsonDocument document(json);
    const std::vector<JsonView> messages = find_messages(document.root());
    if (messages.empty()) return "";
    const auto last = std::find_if(messages.rbegin(), messages.rend(), [&](const JsonView& one) {
      std::string found;
      return one.member("role")->read(found) && found == role;
    });
    return text_of(last == messages.rend() ? messages.back() : *last);
  } catch (const Error&) {  // no JSON: shown as it is
    return "";
  }
}

}  // namespace

std::string preview_of(std::string_view json, std::string_view role) {
  const std::string chat = chat_text(json, role);
  const std::string_view text = chat.empty() ? json : std::string_view(chat);
  if (text.size() <= preview_max || utf8_length(text) <= preview_max) return std::string(text);
  return std::string(utf8_prefix(text, preview_max - 3)) + "...";
}

}  // namespace sandbox::traces

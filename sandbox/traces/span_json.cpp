#include "sandbox/traces/span_json.h"

#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"

namespace sandbox::traces {
namespace {

using Kind = PythonJson::Kind;

void write_any(JsonWriter& writer, const PythonJson& value);

void write_list(JsonWriter& writer, const PythonJson& value) {
  writer.name("array_value");
  writer.begin_object();
  if (!value.items.empty()) {
    writer.name("values");
    writer.begin_array();
    for (const PythonJson& item : value.items) write_any(writer, item);
    writer.end_array();
  }
  writer.end_object();
}

// [{"key": …, "value": …}, …]; what has no value has no member "value".
template <class ValueOf>
void write_pairs(JsonWriter& writer,
                 std::string_view name,
                 const PythonJson& object,
                 ValueOf value_of) {
  if (object.members.empty()) return;
  writer.name(name);
  writer.begin_array();
  for (const PythonJson::Member& member : object.members) {
    writer.begin_object();
    writer.name("key");
    writer.value(member.name);
    const PythonJson& value = value_of(member.value);
    if (value.kind != Kind::null) {
      writer.name("value");
      write_any(writer, value);
    }
    writer.end_object();
  }
  writer.end_array();
}

void write_plain_pairs(JsonWriter& writer, std::string_view name, const PythonJson& object) {
  write_pairs(writer, name, object,
              [](const PythonJson& value) -> const PythonJson& { return value; });
}

void write_any(JsonWriter& writer, const PythonJson& value) {
  writer.begin_object();
  switch (value.kind) {
    case Kind::null: break;
    case Kind::boolean:
      writer.name("bool_value");
      writer.value(value.flag);
      break;
    case Kind::integer:
      if (const auto number = parse_int64(value.text)) {
        writer.name("int_value");
        writer.value(*number);
      } else {  // beyond 64 bits
        writer.name("double_value");
        writer.value(parse_double(value.text).value_or(0));
      }
      break;
    case Kind::real:
      writer.name("double_value");
      writer.value(value.number);
      break;
    case Kind::text:
      writer.name("string_value");
      writer.value(value.text);
      break;
    case Kind::list: write_list(writer, value); break;
    case Kind::object:
      writer.name("kvlist_value");
      writer.begin_object();
      write_plain_pairs(writer, "values", value);
      writer.end_object();
  }
  writer.end_object();
}

// Attributes are kept as JSON texts; here they come out of them.
void write_attributes(JsonWriter& writer, const PythonJson& attributes) {
  PythonJson opened;
  write_pairs(writer, "attributes", attributes, [&](const PythonJson& value) -> const PythonJson& {
    if (value.kind != Kind::text) return value;
    if (value.text.empty()) {
      opened = {};
      return opened;
    }
    auto parsed = PythonJson::parse_if_json(value.text);
    if (!parsed) return value;
    opened = std::move(*parsed);
    return opened;
  });
}

const PythonJson& member_or_null(const PythonJson& object, std::string_view name) {
  static const PythonJson nothing;
  const PythonJson* found = object.find(name);
  return found == nullptr ? nothing : *found;
}

// Base64 of an id's bytes; MLflow 3.5 kept hex instead.
void write_id(JsonWriter& writer, std::string_view name, const PythonJson& id, std::size_t bytes) {
  if (id.kind != Kind::text || id.text.empty()) return;
  constexpr std::string_view prefix = "tr-";
  std::string_view digits = id.text;
  if (digits.starts_with(prefix)) digits.remove_prefix(prefix.size());
  const auto raw = digits.size() == 2 * bytes ? unhex(digits) : std::nullopt;
  writer.name(name);
  writer.value(raw ? base64(*raw) : id.text);
}

void write_text(JsonWriter& writer, std::string_view name, const PythonJson& text) {
  if (text.kind != Kind::text || text.text.empty()) return;
  writer.name(name);
  writer.value(text.text);
}

// Times are numbers, and texts in what some clients wrote.
void write_time(JsonWriter& writer, std::string_view name, const PythonJson& time) {
  const std::int64_t value = parse_int64(time.text).value_or(0);
  if (value == 0) return;
  writer.name(name);
  writer.value(value);
}

void write_events(JsonWriter& writer, const PythonJson& events) {
  if (events.items.empty()) return;
  writer.name("events");
  writer.begin_array();
  for (const PythonJson& event : events.items) {
    writer.begin_object();
    write_time(writer, "time_unix_nano", member_or_null(event, "time_unix_nano"));
    write_text(writer, "name", member_or_null(event, "name"));
    write_plain_pairs(writer, "attributes", member_or_null(event, "attributes"));
    writer.end_object();
  }
  writer.end_array();
}

void write_links(JsonWriter& writer, const PythonJson& links) {
  if (links.items.empty()) return;
  writer.name("links");
  writer.begin_array();
  for (const PythonJson& link : links.items) {
    writer.begin_object();
    write_id(writer, "trace_id", member_or_null(link, "trace_id"), 16);
    write_id(writer, "span_id", member_or_null(link, "span_id"), 8);
    write_plain_pairs(writer, "attributes", member_or_null(link, "attributes"));
    writer.end_object();
  }
  writer.end_array();
}

void write_status(JsonWriter& writer, const PythonJson& status) {
  writer.name("status");
  writer.begin_object();
  const PythonJson& code = member_or_null(status, "code");
  write_text(writer, "message", member_or_null(status, "message"));
  if (code.is_text() && code.text != "STATUS_CODE_UNSET" && code.text != "UNSET") {
    const bool is_short = code.text == "OK" || code.text == "ERROR";
    if (!code.text.empty()) {
      writer.name("code");
      writer.value((is_short ? "STATUS_CODE_" : "") + code.text);
    }
  }
  writer.end_object();
}

}  // namespace

void write_span(JsonWriter& writer, std::string_view content) {
  const PythonJson span = PythonJson::parse_if_json(content).value_or(PythonJson{});
  writer.begin_object();
  write_id(writer, "trace_id", member_or_null(span, "trace_id"), 16);
  write_id(writer, "span_id", member_or_null(span, "span_id"), 8);
  write_id(writer, "parent_span_id", member_or_null(span, "parent_span_id"), 8);
  write_text(writer, "name", member_or_null(span, "name"));
  write_time(writer, "start_time_unix_nano", member_or_null(span, "start_time_unix_nano"));
  write_time(writer, "end_time_unix_nano", member_or_null(span, "end_time_unix_nano"));
  write_attributes(writer, member_or_null(span, "attributes"));
  write_events(writer, member_or_null(span, "events"));
  write_links(writer, member_or_null(span, "links"));
  write_status(writer, member_or_null(span, "status"));
  writer.end_object();
}

}  // namespace sandbox::traces

#include "sandbox/tracking/names.h"

#include <clocale>
#include <cwctype>
#include <limits>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"

namespace sandbox::tracking {
namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

char32_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  switch (character.size()) {
    case 1: return byte(0);
    case 2: return static_cast<char32_t>((byte(0) & 0x1F) << 6 | (byte(1) & 0x3F));
    case 3:
      return static_cast<char32_t>((byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 |
                                   (byte(2) & 0x3F));
    default:
      return static_cast<char32_t>((byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 |
                                   (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F));
  }
}

// Python's \w: letters and digits of every script, and the underscore.
bool is_word_character(std::string_view character) {
  static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const char32_t point = code_point(character);
  if (point < 0x80) {
    const char c = static_cast<char>(point);
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }
  return unicode == nullptr || iswalnum_l(static_cast<wint_t>(point), unicode) != 0;
}

bool has_key_characters_only(std::string_view key) {
  while (!key.empty()) {
    const std::string_view character = utf8_prefix(key, 1);
    const bool is_mark = character.size() == 1 &&
                         std::string_view("/.- :").find(character[0]) != std::string_view::npos;
    if (!is_mark && !is_word_character(character)) return false;
    key.remove_prefix(character.size());
  }
  return true;
}

}  // namespace

void check_length(std::string_view what, std::string_view value, std::size_t limit) {
  if (value.size() > limit && utf8_length(value) > limit) {
    refuse("'" + std::string(what) + "' exceeds the maximum length of " + std::to_string(limit) +
           " characters");
  }
}

void check_key(std::string_view path, std::string_view key) {
  if (!has_key_characters_only(key)) {
    refuse("Invalid value " + quoted(key) + " for parameter '" + std::string(path) +
           "' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods "
           "(.), spaces ( ), colon(:) and slashes (/).");
  }
  const std::string normal = normal_path(key);
  if (normal != key || normal == "." || normal.starts_with("..") || normal.starts_with("/")) {
    refuse("Invalid value " + quoted(key) + " for parameter '" + std::string(path) +
           "' supplied: Names may be treated as files in certain cases, and must not resolve to "
           "other names when treated as such. This name would resolve to '" +
           normal + "'");
  }
}

void check_entity_key(std::string_view path, std::string_view what, std::string_view key) {
  check_key(path, key);
  check_length(what, key, entity_key_max);
}

void check_run_id(std::string_view run_id) {
  bool valid = !run_id.empty() && run_id.size() <= 256 && run_id[0] != '_' && run_id[0] != '-';
  for (const char c : run_id) {
    valid = valid && (is_word_character(std::string_view(&c, 1)) || c == '-');
  }
  if (!valid) refuse("Invalid value " + quoted(run_id) + " for parameter 'run_id' supplied.");
}

std::int64_t parse_experiment_id(std::string_view id) {
  if (const auto number = parse_int64(trim(id))) return *number;
  const std::string_view digits = id.starts_with('-') ? id.substr(1) : id;
  if (!digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos) {
    // An integer too large to be anybody's id: the caller answers that there is no such experiment.
    return std::numeric_limits<std::int64_t>::max();
  }
  refuse("Invalid experiment ID '" + std::string(id) + "'. Experiment ID must be a valid integer.");
}

std::string normal_path(std::string_view path) {
  if (path.empty()) return ".";
  const std::size_t slashes = path.find_first_not_of('/');
  // POSIX keeps exactly two leading slashes, and so does Python.
  const std::string root = slashes == 2 ? "//" : path.front() == '/' ? "/" : "";
  std::vector<std::string> kept;
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !kept.empty() && kept.back() != "..") {
      kept.pop_back();
    } else if (part != ".." || root.empty()) {
      kept.push_back(part);
    }
  }
  const std::string normal = root + join(kept, "/");
  return normal.empty() ? "." : normal;
}

std::string quoted(std::string_view text) {
  std::string out;
  JsonWriter(out).value(text);
  return out;
}

}  // namespace sandbox::tracking

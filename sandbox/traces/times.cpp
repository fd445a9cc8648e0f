#include "sandbox/traces/times.h"

#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace sandbox::traces {
namespace {

constexpr std::int64_t ms_per_second = 1000;
constexpr std::int64_t ms_per_minute = 60 * ms_per_second;

// "+02:00" as milliseconds.
std::optional<std::int64_t> parse_offset(std::string_view text) {
  if (text.size() != 6 || text[3] != ':') return std::nullopt;
  const auto hours = parse_int64(text.substr(1, 2));
  const auto minutes = parse_int64(text.substr(4, 2));
  if (!hours || !minutes || *hours < 0 || *minutes < 0 || *minutes > 59) return std::nullopt;
  const std::int64_t offset = (*hours * 60 + *minutes) * ms_per_minute;
  return text[0] == '-' ? -offset : offset;
}

}  // namespace

std::string timestamp_text(std::int64_t epoch_ms) {
  std::string text = iso8601_ms(epoch_ms);
  constexpr std::string_view whole = ".000Z";
  if (text.ends_with(whole)) text.replace(text.size() - whole.size(), whole.size(), "Z");
  return text;
}

std::string duration_text(std::int64_t duration_ms) {
  // Unsigned: the least number has no positive counterpart.
  const std::uint64_t size = duration_ms < 0 ? 0 - static_cast<std::uint64_t>(duration_ms)
                                             : static_cast<std::uint64_t>(duration_ms);
  std::string text = (duration_ms < 0 ? "-" : "") + std::to_string(size / ms_per_second);
  if (const std::uint64_t rest = size % ms_per_second; rest != 0) {
    const std::string digits = std::to_string(rest);
    text += "." + std::string(3 - digits.size(), '0') + digits;
  }
  return text + "s";
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  const std::size_t sign = text.find_first_of("+-", text.find('T'));
  if (text.find('T') == std::string_view::npos || sign == std::string_view::npos) {
    return parse_iso8601(text);
  }
  const auto local = parse_iso8601(std::string(text.substr(0, sign)) + "Z");
  const auto offset = parse_offset(text.substr(sign));
  if (!local || !offset) return std::nullopt;
  return *local - *offset;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  constexpr std::int64_t seconds_max = 315'576'000'000;  // protobuf's limit, ten thousand years
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  const auto seconds = parse_int64(text.substr(0, dot));
  if (!seconds || *seconds < 0 || *seconds > seconds_max || text[0] == '+') return std::nullopt;
  std::int64_t total = *seconds * ms_per_second;
  if (dot != std::string_view::npos) {
    const std::string_view fraction = text.substr(dot + 1);
    if (fraction.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    std::int64_t scale = 100;
    for (std::size_t i = 0; i < fraction.size() && scale > 0; ++i, scale /= 10) {
      total += (fraction[i] - '0') * scale;
    }
  }
  return is_negative ? -total : total;
}

}  // namespace sandbox::traces

#include "sandbox/base/time.h"

#include <array>
#include <chrono>
#include <cstdio>

#include "sandbox/base/text.h"

namespace sandbox {
namespace {

constexpr std::array month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array day_names{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct Civil {
  int year = 1970;
  unsigned month = 1;
  unsigned day = 1;
  unsigned weekday = 4;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millisecond = 0;
};

Civil civil(std::int64_t epoch_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> point{milliseconds(epoch_ms)};
  const sys_days day = floor<days>(point);
  const year_month_day date(day);
  // Not point - day: the first day that 64 bits reach begins before their least millisecond.
  const milliseconds since_midnight = point.time_since_epoch() % milliseconds(days(1));
  const hh_mm_ss<milliseconds> clock(since_midnight.count() < 0 ? since_midnight + days(1)
                                                                : since_midnight);
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          weekday(day).c_encoding(),
          static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()),
          static_cast<int>(clock.seconds().count()),
          static_cast<int>(clock.subseconds().count())};
}

std::optional<std::int64_t> epoch_ms(const Civil& when) {
  using namespace std::chrono;
  const year_month_day date(year(when.year), month(when.month), day(when.day));
  if (!date.ok() || when.hour > 23 || when.minute > 59 || when.second > 60) return std::nullopt;
  const auto point = sys_days(date) + hours(when.hour) + minutes(when.minute) +
                     seconds(when.second) + milliseconds(when.millisecond);
  return duration_cast<milliseconds>(point.time_since_epoch()).count();
}

// Reads `digits` decimal digits at `at` and moves on; false when there are none.
template <class Number>
bool digits_at(std::string_view text, std::size_t& at, std::size_t digits, Number& out) {
  if (at + digits > text.size()) return false;
  const auto number = parse_int64(text.substr(at, digits));
  if (!number || *number < 0 || text[at] == '-') return false;
  out = static_cast<Number>(*number);
  at += digits;
  return true;
}

bool char_at(std::string_view text, std::size_t& at, char wanted) {
  if (at >= text.size() || text[at] != wanted) return false;
  ++at;
  return true;
}

template <class... Args>
std::string print(const char* format, Args... args) {
  std::array<char, 64> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), format, args...);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

}  // namespace

std::string iso8601_ms(std::int64_t epoch_ms) {
  const Civil t = civil(epoch_ms);
  return print("%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", t.year, t.month, t.day, t.hour, t.minute,
               t.second, t.millisecond);
}

std::string iso8601_basic(std::int64_t epoch_ms) {
  const Civil t = civil(epoch_ms);
  return print("%04d%02u%02uT%02d%02d%02dZ", t.year, t.month, t.day, t.hour, t.minute, t.second);
}

std::string http_date(std::int64_t epoch_ms) {
  const Civil t = civil(epoch_ms);
  return print("%s, %02u %s %04d %02d:%02d:%02d GMT", day_names[t.weekday], t.day,
               month_names[t.month - 1], t.year, t.hour, t.minute, t.second);
}

std::optional<std::int64_t> parse_iso8601(std::string_view text) {
  Civil t;
  std::size_t at = 0;
  if (!digits_at(text, at, 4, t.year) || !char_at(text, at, '-') ||
      !digits_at(text, at, 2, t.month) || !char_at(text, at, '-') ||
      !digits_at(text, at, 2, t.day) || !char_at(text, at, 'T') ||
      !digits_at(text, at, 2, t.hour) || !char_at(text, at, ':') ||
      !digits_at(text, at, 2, t.minute) || !char_at(text, at, ':') ||
      !digits_at(text, at, 2, t.second)) {
    return std::nullopt;
  }
  if (char_at(text, at, '.')) {
    int scale = 100;
    std::size_t digits = 0;
    for (int digit = 0; digits_at(text, at, 1, digit); scale /= 10, ++digits) {
      t.millisecond += digit * scale;
    }
    if (digits == 0) return std::nullopt;
  }
  if (!char_at(text, at, 'Z') || at != text.size()) return std::nullopt;
  return epoch_ms(t);
}

std::optional<std::int64_t> parse_iso8601_basic(std::string_view text) {
  Civil t;
  std::size_t at = 0;
  if (!digits_at(text, at, 4, t.year) || !digits_at(text, at, 2, t.month) ||
      !digits_at(text, at, 2, t.day) || !char_at(text, at, 'T') ||
      !digits_at(text, at, 2, t.hour) || !digits_at(text, at, 2, t.minute) ||
      !digits_at(text, at, 2, t.second) || !char_at(text, at, 'Z') || at != text.size()) {
    return std::nullopt;
  }
  return epoch_ms(t);
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  Civil t;
  std::size_t at = 5;  // after "Sat, "
  if (text.size() != 29 || !digits_at(text, at, 2, t.day) || !char_at(text, at, ' ')) {
    return std::nullopt;
  }
  t.month = 0;
  for (unsigned i = 0; i < month_names.size(); ++i) {
    if (text.substr(at, 3) == month_names[i]) t.month = i + 1;
  }
  at += 3;
  if (!char_at(text, at, ' ') || !digits_at(text, at, 4, t.year) || !char_at(text, at, ' ') ||
      !digits_at(text, at, 2, t.hour) || !char_at(text, at, ':') ||
      !digits_at(text, at, 2, t.minute) || !char_at(text, at, ':') ||
      !digits_at(text, at, 2, t.second) || text.substr(at) != " GMT") {
    return std::nullopt;
  }
  return epoch_ms(t);
}

}  // namespace sandbox

#include "sandbox/jobs/cron.h"

#include <array>
#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::jobs {
namespace {

constexpr int years_ahead = 9;  // a 29th of February may be eight years away

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw Error(Code::invalid_parameter_value,
              "'" + std::string(text) + "' is no time of cron: " + why +
                  ". Write minute, hour, day of the month, month and day of the week: '0 3 * * *' "
                  "is every night at three.");
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> words{
    {{"@yearly", "0 0 1 1 *"},
     {"@annually", "0 0 1 1 *"},
     {"@monthly", "0 0 1 * *"},
     {"@weekly", "0 0 * * 0"},
     {"@daily", "0 0 * * *"},
     {"@midnight", "0 0 * * *"},
     {"@hourly", "0 * * * *"}}};
constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};

// One of the five: its name, its limits, and the words for its numbers.
struct Part {
  const char* name;
  int least;
  int most;
  const std::string_view* names;
  std::size_t name_count;
  int first_named;
};

std::optional<int> number_of(std::string_view text, const Part& part) {
  const std::string small = lower(text);
  for (std::size_t i = 0; i < part.name_count; ++i) {
    if (small == part.names[i]) return part.first_named + static_cast<int>(i);
  }
  const auto number = parse_int64(text);
  if (!number || *number < part.least || *number > part.most) return std::nullopt;
  return static_cast<int>(*number);
}

// "*", "5", "1-5", "*/15", "10-40/10".
template <std::size_t Size>
void read_range(std::string_view whole,
                std::string_view text,
                const Part& part,
                std::bitset<Size>& into) {
  const std::size_t slash = text.find('/');
  const std::string_view range = text.substr(0, slash);
  std::int64_t step = 1;
  if (slash != std::string_view::npos) {
    step = parse_int64(text.substr(slash + 1)).value_or(0);
    if (step < 1) refuse(whole, "a step of '" + std::string(text) + "' is none");
  }
  int first = part.least;
  int last = part.most;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    const auto from = number_of(range.substr(0, dash), part);
    const auto to = dash == std::string_view::npos ? from : number_of(range.substr(dash + 1), part);
    if (!from || !to || *from > *to) {
      refuse(whole, std::string(part.name) + " '" + std::string(text) + "' is none from " +
                        std::to_string(part.least) + " to " + std::to_string(part.most));
    }
    first = *from;
    last = dash == std::string_view::npos && slash != std::string_view::npos ? part.most : *to;
  }
  for (std::int64_t at = first; at <= last; at += step) {
    into.set(static_cast<std::size_t>(at) % Size);  // a week's seventh day is its first
  }
}

template <std::size_t Size>
std::bitset<Size> read_part(std::string_view whole, std::string_view text, const Part& part) {
  std::bitset<Size> out;
  for (const std::string& one : split(text, ',')) read_range(whole, one, part, out);
  return out;
}

}  // namespace

Cron Cron::parse(std::string_view text) {
  std::string_view line = trim(text);
  for (const auto& [word, meaning] : words) {
    if (line == word) line = meaning;
  }
  std::vector<std::string> parts;
  for (const std::string& one : split(line, ' ')) {
    if (!one.empty()) parts.push_back(one);
  }
  if (parts.size() != 5) refuse(text, "it has " + std::to_string(parts.size()) + " parts, not 5");
  Cron cron;
  cron.minutes_ = jobs::read_part<60>(text, parts[0], {"minute", 0, 59, nullptr, 0, 0});
  cron.hours_ = jobs::read_part<24>(text, parts[1], {"hour", 0, 23, nullptr, 0, 0});
  cron.month_days_ = jobs::read_part<32>(text, parts[2], {"day", 1, 31, nullptr, 0, 0});
  cron.months_ = jobs::read_part<13>(text, parts[3],
                                     {"month", 1, 12, month_names.data(), month_names.size(), 1});
  cron.week_days_ = jobs::read_part<7>(
      text, parts[4], {"day of the week", 0, 7, day_names.data(), day_names.size(), 0});
  cron.has_month_days_ = !parts[2].starts_with('*');
  cron.has_week_days_ = !parts[4].starts_with('*');
  if (cron.next_after(0) == 0) refuse(text, "it never comes");
  return cron;
}

bool Cron::is_day(int month_day, int week_day) const {
  const bool by_month = month_days_.test(static_cast<std::size_t>(month_day));
  const bool by_week = week_days_.test(static_cast<std::size_t>(week_day));
  return has_month_days_ && has_week_days_ ? by_month || by_week : by_month && by_week;
}

// From the largest part to the smallest: what does not fit is left out as a whole.
std::int64_t Cron::next_after(std::int64_t time_ms) const {
  std::time_t at = static_cast<std::time_t>(time_ms / 1000);
  std::tm now{};
  localtime_r(&at, &now);
  const int last_year = now.tm_year + years_ahead;
  std::time_t last = at;
  now.tm_sec = 0;
  ++now.tm_min;
  while (true) {
    now.tm_isdst = -1;
    at = std::mktime(&now);  // brings the parts into their limits
    if (at <= last) {        // out of an hour that the clock leaves out, to before it
      at = last + 60;
      localtime_r(&at, &now);
      now.tm_sec = 0;
    }
    last = at;
    if (now.tm_year > last_year) return 0;
    if (!months_.test(static_cast<std::size_t>(now.tm_mon) + 1)) {
      ++now.tm_mon;
      now.tm_mday = 1;
      now.tm_hour = now.tm_min = 0;
    } else if (!is_day(now.tm_mday, now.tm_wday)) {
      ++now.tm_mday;
      now.tm_hour = now.tm_min = 0;
    } else if (!hours_.test(static_cast<std::size_t>(now.tm_hour))) {
      ++now.tm_hour;
      now.tm_min = 0;
    } else if (!minutes_.test(static_cast<std::size_t>(now.tm_min))) {
      ++now.tm_min;
    } else {
      return static_cast<std::int64_t>(at) * 1000;
    }
  }
}

}  // namespace sandbox::jobs

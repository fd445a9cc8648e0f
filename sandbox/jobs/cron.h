// Times that come again and again, as cron writes them (man 5 crontab): minute, hour, day of the
// month, month, day of the week, in this machine's time zone.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>

namespace sandbox::jobs {

class Cron {
 public:
  // "*/5 * * * *", "0 3 1,15 * mon-fri", "@daily". Throws Error(invalid_parameter_value) that
  // quotes the text, and for one that never comes, such as the 30th of February.
  static Cron parse(std::string_view text);

  // The first such time after that one, in ms since 1970.
  [[nodiscard]] std::int64_t next_after(std::int64_t time_ms) const;

 private:
  [[nodiscard]] bool is_day(int month_day, int week_day) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> month_days_;
  std::bitset<13> months_;
  std::bitset<7> week_days_;
  bool has_month_days_ = false;  // not every one: then either kind of day is enough
  bool has_week_days_ = false;
};

}  // namespace sandbox::jobs

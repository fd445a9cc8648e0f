// Times as cron writes them, in the time zone of the machine.
#include "sandbox/jobs/cron.h"

#include <cstdlib>
#include <ctime>
#include <string>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/time.h"

using namespace sandbox;        // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::jobs;  // NOLINT(google-build-using-namespace): namespace

namespace {

// For the length of a test.
struct Zone {
  explicit Zone(const char* name) {
    setenv("TZ", name, 1);
    tzset();
  }
  ~Zone() {
    unsetenv("TZ");
    tzset();
  }
};

constexpr std::int64_t saturday = 1'795'824'060'000;  // 2026-11-28T00:01:00Z

std::string next(const char* text, std::int64_t after = saturday) {
  return iso8601_ms(Cron::parse(text).next_after(after)).substr(0, 16);
}

}  // namespace

TEST_CASE("the next time is the first that fits", "[jobs]") {
  const Zone zone("UTC");
  REQUIRE(iso8601_ms(saturday).substr(0, 16) == "2026-11-28T00:01");
  CHECK(next("* * * * *") == "2026-11-28T00:02");
  CHECK(next("*/5 * * * *") == "2026-11-28T00:05");
  CHECK(next("1 0 * * *") == "2026-11-29T00:01");  // not the present minute
  CHECK(next("30 3 * * *") == "2026-11-28T03:30");
  CHECK(next("0 3 * * mon-fri") == "2026-11-30T03:00");
  CHECK(next("0 0 1 1 *") == "2027-01-01T00:00");
  CHECK(next("0 0 * * 7") == "2026-11-29T00:00");
  CHECK(next("0 0 13 * fri") == "2026-12-04T00:00");  // either day is enough
  CHECK(next("10-40/10,55 8 * Dec *") == "2026-12-01T08:10");
  CHECK(next("0 0 29 2 *") == "2028-02-29T00:00");
  CHECK(next("5/20 * * * *") == "2026-11-28T00:05");
  CHECK(next("@hourly") == "2026-11-28T01:00");
  CHECK(next("@weekly") == "2026-11-29T00:00");
}

TEST_CASE("an hour that the clock leaves out does not come that day", "[jobs]") {
  const Zone zone("Europe/Berlin");
  // 2027-03-28: from 2:00 to 3:00 in the night.
  const std::int64_t before = 1'806'184'800'000;             // 2027-03-27T22:00Z
  CHECK(next("30 12 * * *", before) == "2027-03-28T10:30");  // already summer time
  CHECK(next("30 2 * * *", before) == "2027-03-29T00:30");
  CHECK(next("30 * * * *", before + 3 * 3'600'000) == "2027-03-28T01:30");  // after 1:30 comes 3:30
}

TEST_CASE("what is no time of cron is refused with its reason", "[jobs]") {
  for (const char* wrong :
       {"", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
        "5-1 * * * *", "*/0 * * * *", "a * * * *", "@never", "0 0 30 2 *", "1,,2 * * * *"}) {
    CHECK_THROWS_AS(Cron::parse(wrong), Error);
  }
}

// Times as the 3.0 endpoints write them: protobuf's JSON forms of Timestamp and Duration. Inside,
// both are milliseconds. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::traces {

std::string timestamp_text(std::int64_t epoch_ms);    // 2026-11-21T08:06:27Z, .123Z when not whole
std::string duration_text(std::int64_t duration_ms);  // 2s, 1.500s
// nullopt for text of another form. Offsets (+02:00) are understood; what is finer than a
// millisecond is dropped.
std::optional<std::int64_t> parse_timestamp(std::string_view text);
std::optional<std::int64_t> parse_duration(std::string_view text);

}  // namespace sandbox::traces

// Points in time as people and protocols write them. The unit inside is always milliseconds since
// 1970-01-01 UTC. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox {

std::string iso8601_ms(std::int64_t epoch_ms);     // 2026-11-21T08:06:27.123Z (S3 XML)
std::string iso8601_basic(std::int64_t epoch_ms);  // 20261121T080627Z (SigV4)
std::string http_date(std::int64_t epoch_ms);      // Sat, 21 Nov 2026 08:06:27 GMT (RFC 9110)
// Each answers nullopt for text of any other form.
std::optional<std::int64_t> parse_iso8601(std::string_view text);  // with or without fraction, Z
std::optional<std::int64_t> parse_iso8601_basic(std::string_view text);
std::optional<std::int64_t> parse_http_date(std::string_view text);  // the IMF-fixdate form

}  // namespace sandbox

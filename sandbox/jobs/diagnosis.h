// Why an attempt failed, as a sentence with what to do about it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sandbox/jobs/attempt.h"
#include "sandbox/jobs/spec.h"

namespace sandbox::jobs {

// nullopt for a success. `log_tail` is the last part of what it printed.
std::optional<std::string> diagnose(const JobSpec& spec, const End& end, std::string_view log_tail);

// "512 MiB", "1.5 GiB".
std::string bytes_text(double bytes);
// "90 s", "10 min", "1.5 h".
std::string seconds_text(double seconds);

}  // namespace sandbox::jobs

#include "sandbox/jobs/diagnosis.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "sandbox/base/text.h"

namespace sandbox::jobs {
namespace {

constexpr std::string_view less_memory =
    " Let it use less, for example with a smaller BATCH_SIZE (--batch-size)";

std::string number_text(double number, const char* unit) {
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(),
                number < 100 && number != static_cast<int>(number) ? "%.1f %s" : "%.0f %s", number,
                unit);
  return out.data();
}

std::string not_started(const JobSpec& spec, const End& end) {
  const std::string reason = std::strerror(static_cast<int>(end.start_errno));
  if (end.start_place == "directory") {
    return "It was not started: the directory " + spec.working_dir + " cannot be entered (" +
           reason + ").";
  }
  const std::string& program = spec.command[0];
  if (end.start_errno == ENOENT) {
    return "It was not started: there is no program '" + program + "'" +
           (program.find('/') == std::string::npos ? " in the job's PATH" : "") +
           ". Name it with its full path, or the environment that has it with --python VENV.";
  }
  if (end.start_errno == EACCES) {
    return "It was not started: '" + program +
           "' may not be executed. Make it executable (chmod +x), or name its interpreter: "
           "python " +
           program + ".";
  }
  return "It was not started: '" + program + "': " + reason + ".";
}

// The last line that begins with `mark` or holds it, without what stands around it; "" for none.
std::string_view last_line_with(std::string_view text, std::string_view mark) {
  const std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos) return {};
  const std::size_t before = text.rfind('\n', at);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  return trim(text.substr(begin, text.find('\n', at) - begin));
}

std::string_view last_line(std::string_view text) {
  text = trim(text);
  const std::size_t before = text.rfind('\n');
  return trim(before == std::string_view::npos ? text : text.substr(before + 1));
}

// What is known of failures that programs tell of themselves.
std::string hint(const JobSpec& spec, std::string_view tail) {
  if (const auto line = last_line_with(tail, "ModuleNotFoundError: No module named ");
      !line.empty()) {
    const std::size_t quote = line.find('\'');
    const std::string module(line.substr(quote + 1, line.rfind('\'') - quote - 1));
    const std::string package = module.substr(0, module.find('.'));
    // A part that is missing may be that of a version which is too old.
    const bool is_part = package != module;
    return " Python's module '" + module +
           "' is missing there: " + (is_part ? "install or upgrade" : "install") + " it with `" +
           spec.command[0] + " -m pip install " + (is_part ? "-U " : "") + package +
           "`, or choose the environment that has it with --python VENV.";
  }
  for (const std::string_view mark : {"out of memory", "OutOfMemoryError", "MemoryError",
                                      "can't allocate memory", "std::bad_alloc"}) {
    if (tail.find(mark) != std::string_view::npos) return std::string(less_memory) + ".";
  }
  if (tail.find("No space left on device") != std::string_view::npos) {
    return " The disk is full: make room, `gc` removes what was deleted.";
  }
  return "";
}

std::string exited(const JobSpec& spec, const End& end, std::string_view tail) {
  std::string out = "It ended with code " + std::to_string(end.exit_code);
  const std::string_view line = last_line(tail);
  out += line.empty() ? "." : ": " + std::string(utf8_prefix(line, 300));
  if (!out.ends_with('.')) out += '.';
  return out + hint(spec, tail);
}

std::string by_signal(const JobSpec& spec, const End& end, std::string_view tail) {
  const int number = static_cast<int>(end.exit_code) - 128;
  const char* name = sigabbrev_np(number);
  std::string out = "It was ended by the signal " +
                    (name != nullptr ? "SIG" + std::string(name) : std::to_string(number));
  if (number == SIGKILL) {
    return out +
           ", which this lab did not send. The system does that when memory runs out: a "
           "limit with --mem ends a job before." +
           std::string(less_memory) + ".";
  }
  if (number == SIGSEGV || number == SIGBUS) out += " (it touched memory that is not its own)";
  return out + "." + hint(spec, tail);
}

}  // namespace

std::optional<std::string> diagnose(const JobSpec& spec,
                                    const End& end,
                                    std::string_view log_tail) {
  if (end.reason == "exited" && end.exit_code == 0) return std::nullopt;
  if (end.reason == "not started") return not_started(spec, end);
  if (end.reason == "memory") {
    return "It was stopped at its memory limit of " +
           bytes_text(static_cast<double>(spec.memory_bytes)) + " (it used " +
           bytes_text(end.memory_megabytes_max * 1024 * 1024) + ")." + std::string(less_memory) +
           ", or give it more with --mem.";
  }
  if (end.reason == "timeout") {
    return "It was stopped after its timeout of " + seconds_text(spec.timeout_s) +
           ". Give it more with --timeout.";
  }
  if (end.reason == "processes") {
    return "It was stopped because it had started too many processes; something in it starts them "
           "in a loop.";
  }
  if (end.reason == "canceled") return "It was canceled.";
  if (end.reason == "signal") return by_signal(spec, end, log_tail);
  return exited(spec, end, log_tail);
}

std::string bytes_text(double bytes) {
  if (bytes >= 1024.0 * 1024 * 1024) return number_text(bytes / (1024.0 * 1024 * 1024), "GiB");
  return number_text(bytes / (1024.0 * 1024), "MiB");
}

std::string seconds_text(double seconds) {
  if (seconds < 120) return number_text(seconds, "s");
  if (seconds < 7200) return number_text(seconds / 60, "min");
  return number_text(seconds / 3600, "h");
}

}  // namespace sandbox::jobs

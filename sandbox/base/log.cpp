#include "sandbox/base/log.h"

#include <filesystem>
#include <memory>
#include <vector>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace sandbox::log {
namespace {

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: break;
  }
  return spdlog::level::err;
}

constexpr std::size_t file_bytes_max = 64UL * 1024 * 1024;
constexpr std::size_t old_files_max = 3;

std::shared_ptr<spdlog::logger> make_logger(const std::string& path, bool echo_warnings) {
  std::vector<spdlog::sink_ptr> sinks;
  if (path.empty()) {
    sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  } else if (std::filesystem::exists(path) && !std::filesystem::is_regular_file(path)) {
    // A device or a pipe cannot be renamed when it is full.
    sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
  } else {
    sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, file_bytes_max,
                                                                           old_files_max));
  }
  if (echo_warnings && !path.empty()) {
    sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    sinks.back()->set_level(spdlog::level::warn);
  }
  auto logger = std::make_shared<spdlog::logger>("mlops-sandbox", sinks.begin(), sinks.end());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::info);
  return logger;
}

// Until open() is called, standard error: standard output belongs to what a command answers.
std::shared_ptr<spdlog::logger>& current() {
  static std::shared_ptr<spdlog::logger> logger = make_logger("", false);
  return logger;
}

// Values with blanks, quotes or control characters are quoted, so that a line stays one line.
void append_value(std::string& line, std::string_view value) {
  if (value.find_first_of(" \"\n\r\t=\\") == std::string_view::npos && !value.empty()) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      line += ' ';
    } else {
      line += c;
    }
  }
  line += '"';
}

}  // namespace

void open(const std::string& path, Level least, bool echo_warnings) {
  auto logger = make_logger(path, echo_warnings);
  logger->set_level(level_of(least));
  current() = std::move(logger);
}

void write(Level level, std::string_view message, std::initializer_list<Pair> pairs) {
  spdlog::logger* logger = current().get();
  if (!logger->should_log(level_of(level))) return;
  std::string line(message);
  for (const Pair& pair : pairs) {
    line += ' ';
    line += pair.key;
    line += '=';
    append_value(line, pair.value);
  }
  logger->log(level_of(level), "{}", line);
}

}  // namespace sandbox::log

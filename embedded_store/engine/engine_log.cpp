#include "embedded_store/engine/engine_log.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace store::engine {
namespace {

constexpr std::size_t line_bytes_max = 4'000;

class EngineLog final : public rocksdb::Logger {
 public:
  explicit EngineLog(int file) : rocksdb::Logger(rocksdb::WARN_LEVEL), file_(file) {}
  ~EngineLog() override {
    if (file_ >= 0) ::close(file_);
  }
  EngineLog(const EngineLog&) = delete;
  EngineLog& operator=(const EngineLog&) = delete;

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    if (file_ < 0) return;
    std::array<char, line_bytes_max> words{};
    const int length = std::vsnprintf(words.data(), words.size(), format, arguments);
    if (length < 0) return;
    std::int64_t now = 0;
    (void)rocksdb::Env::Default()->GetCurrentTime(&now);
    std::string line = rocksdb::Env::Default()->TimeToString(static_cast<std::uint64_t>(now)) + " ";
    line.append(words.data(), std::min(static_cast<std::size_t>(length), words.size() - 1));
    if (!line.ends_with('\n')) line += '\n';
    // One call for one line, so that lines of several threads do not mix.
    if (::write(file_, line.data(), line.size()) < 0) return;
  }

 private:
  int file_;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> make_engine_log(const std::string& directory) {
  const std::string path = directory + "/LOG";
  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  std::filesystem::rename(path, path + ".old", ignored);
  return std::make_shared<EngineLog>(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

}  // namespace store::engine

// A tar archive (pax form) written to and read from a stream, in flat memory. The door to the
// archive library. Used by one thread at a time. Failures are Error(invalid_parameter_value).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::run_archive {

class TarWriter {
 public:
  explicit TarWriter(std::function<void(std::string_view piece)> sink);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  // Begins a file; exactly `bytes` bytes of it have to be written.
  void begin(const std::string& name, std::uint64_t bytes, std::int64_t modified_ms);
  void write(std::string_view piece);
  void add(const std::string& name, std::string_view content, std::int64_t modified_ms);
  // Ends the archive. Without it the archive is cut off.
  void end();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class TarReader {
 public:
  // `source` fills up to `max` bytes and answers how many, 0 at the end.
  explicit TarReader(std::function<std::size_t(char* out, std::size_t max)> source);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  struct Entry {
    std::string name;
    std::uint64_t bytes = 0;
  };
  // The next regular file; nullopt at the end.
  std::optional<Entry> next();
  // Bytes of the present file, 0 at its end.
  std::size_t read(char* out, std::size_t max);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sandbox::run_archive

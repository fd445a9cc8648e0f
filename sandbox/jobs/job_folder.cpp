#include "sandbox/jobs/job_folder.h"

#include <algorithm>
#include <fstream>

#include "sandbox/base/fields_json.h"
#include "sandbox/base/private_file.h"
#include "sandbox/jobs/attempt.h"

namespace sandbox::jobs {
namespace {

constexpr std::size_t tail_bytes = 65'536;
constexpr const char* secrets_file = "secrets.json";
constexpr const char* pass_file = "pass.json";
constexpr const char* log_file = "log";

struct Secrets {
  std::vector<tracking::KeyValue> values;
  static constexpr auto fields() { return std::tuple{field("values", &Secrets::values)}; }
};

class FileBody final : public http::BodyReader {
 public:
  explicit FileBody(const std::filesystem::path& file)
      : in_(file, std::ios::binary), size_(std::filesystem::file_size(file)) {}
  std::size_t read(char* out, std::size_t max) override {
    in_.read(out, static_cast<std::streamsize>(max));
    return static_cast<std::size_t>(in_.gcount());
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return size_; }

 private:
  std::ifstream in_;
  std::uint64_t size_;
};

}  // namespace

std::string read_part(const std::filesystem::path& file, std::uint64_t offset, std::size_t bytes) {
  std::ifstream in(file, std::ios::binary);
  std::string out;
  if (!in) return out;
  in.seekg(static_cast<std::streamoff>(offset));
  out.resize(bytes);
  in.read(out.data(), static_cast<std::streamsize>(bytes));
  out.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  return out;
}

void JobFolder::make(const std::vector<tracking::KeyValue>& secrets) const {
  std::filesystem::create_directories(path_);
  if (secrets.empty()) return;
  write_private_file((path_ / secrets_file).string(), to_json(Secrets{secrets}));
}

void JobFolder::remove() const {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<tracking::KeyValue> JobFolder::secrets() const {
  const auto text = read_file(path_ / secrets_file);
  return text ? from_json<Secrets>(*text).values : std::vector<tracking::KeyValue>{};
}

void JobFolder::keep(const Pass& pass) const {
  write_private_file((path_ / pass_file).string(), to_json(pass));
}

std::optional<Pass> JobFolder::pass() const {
  const auto text = read_file(path_ / pass_file);
  return text ? std::optional(from_json<Pass>(*text)) : std::nullopt;
}

void JobFolder::remove_pass() const {
  std::error_code ignored;
  std::filesystem::remove(path_ / pass_file, ignored);
}

std::optional<std::string> JobFolder::log(std::uint64_t offset, std::size_t bytes_max) const {
  if (!std::filesystem::exists(path_ / log_file)) return std::nullopt;
  return read_part(path_ / log_file, offset, bytes_max);
}

std::string JobFolder::log_tail() const {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(path_ / log_file, failed);
  if (failed) return "";
  return read_part(path_ / log_file, size > tail_bytes ? size - tail_bytes : 0, tail_bytes);
}

void JobFolder::keep_log(artifacts::Artifacts& artifacts, const artifacts::Location& place) const {
  if (!std::filesystem::exists(path_ / log_file)) return;
  FileBody body(path_ / log_file);
  artifacts.put(place, body);
}

}  // namespace sandbox::jobs

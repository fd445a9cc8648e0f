// A store in a directory of its own that goes away with the test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <stdlib.h>

#include "embedded_store/object_store.h"
#include "sandbox/base/env.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"

namespace store::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "store_test.XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  // Bytes of all files in it.
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t total = 0;
    std::error_code gone;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_, gone)) {
      if (!entry.is_regular_file(gone)) continue;
      const auto size = entry.file_size(gone);
      if (!gone) total += size;
    }
    return total;
  }

 private:
  std::string path_;
};

// Bytes that do not compress and differ with the seed.
inline std::string noise(std::size_t size, std::uint64_t seed = 1) {
  std::string out(size, '\0');
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  for (auto& byte : out) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state >> 32);
  }
  return out;
}

inline std::string md5_hex(std::string_view bytes) {
  return sandbox::hex(sandbox::digest(sandbox::DigestKind::md5, bytes));
}

inline ObjectInfo put(ObjectStore& store,
                      const std::string& bucket,
                      const std::string& key,
                      std::string_view bytes,
                      const WriteConditions& conditions = {},
                      const ObjectHeaders& headers = {}) {
  const auto writer = store.begin_put(bucket, key);
  writer->write(bytes);
  return writer->commit(headers, {}, conditions);
}

inline std::string read_all(ObjectReader& reader) {
  std::string out;
  reader.read(0, reader.info().size, [&](std::string_view piece) { out.append(piece); });
  return out;
}

// nullopt when there is no such object.
inline std::optional<std::string> get(ObjectStore& store,
                                      const std::string& bucket,
                                      const std::string& key) {
  const auto reader = store.open(bucket, key);
  if (!reader) return std::nullopt;
  return read_all(*reader);
}

inline CompletedPart send_part(ObjectStore& store,
                               const UploadInfo& upload,
                               int number,
                               std::string_view bytes) {
  const auto writer = store.begin_part(upload, number);
  writer->write(bytes);
  return {.number = number, .etag = writer->commit({}).etag, .checksums = {}};
}

inline UploadInfo begin_upload(ObjectStore& store,
                               const std::string& bucket,
                               const std::string& key) {
  UploadInfo request;
  request.bucket = bucket;
  request.key = key;
  return store.create_upload(request);
}

// The code of the fault an action ends with; "" when it ends well.
inline std::string fault_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Fault& fault) {
    return fault.code();
  }
  return "";
}

// Waits for what another thread brings about; false when it did not come within ten seconds.
inline bool eventually(const std::function<bool()>& came_true) {
  for (int i = 0; i < 1'000; ++i) {
    if (came_true()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

struct Fixture {
  explicit Fixture(StoreOptions chosen = {}) : options(std::move(chosen)) {
    reopen();
    store->create_bucket("lab", "us-east-1");
  }
  void reopen() {
    store.reset();
    store = open_object_store(env, directory.path(), options);
  }

  sandbox::SystemEnv env;
  TemporaryDirectory directory;
  StoreOptions options;
  std::unique_ptr<ObjectStore> store;
};

}  // namespace store::testing

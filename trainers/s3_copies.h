// Objects of an S3 server as local copies that are kept: a second reading asks the server only for
// their names, and loads those that changed. For the variables see s3_file.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "sandbox/base/env.h"
#include "trainers/trainer.h"

namespace trainers {

struct S3Copies {
  std::string uri;                // s3://bucket/key of one object, or s3://bucket/prefix of many
  std::filesystem::path cache{};  // the folder of all copies of all addresses
  // Which objects below a prefix are wanted, by what comes after it; null for all.
  std::function<bool(const std::string& name)> is_wanted{};
  // Told how many objects were looked at, and how many bytes came.
  std::function<void(std::uint64_t objects, std::uint64_t bytes)> progress{};
  std::function<bool()> is_stopping{};
};

// Where the copies lie: a file for an object, a folder for a prefix, with what comes after it as
// paths. A copy is loaded again when ETag or size are others than they were, and removed when its
// object is gone. Several processes may do this at once. Memory is that of the names. Throws Error
// that names the address and what is wrong: no keys, refused, nobody there, nothing below the
// prefix.
std::filesystem::path fetch_s3_copies(sandbox::Env& env,
                                      const Variables& environment,
                                      const S3Copies& what);

}  // namespace trainers

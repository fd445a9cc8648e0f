// Files that somebody publishes: downloaded once, checked, kept.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "sandbox/base/hash.h"

namespace trainers {

// In lower-case hex. Throws Error when the file cannot be read.
std::string digest_of_file(sandbox::DigestKind kind, const std::filesystem::path& file);

struct Download {
  std::string url;  // http or https; redirects are followed
  std::filesystem::path file;
  sandbox::DigestKind kind = sandbox::DigestKind::md5;
  std::string digest;  // "" accepts anything
  // Told how many bytes are there, of how many (0 where the server does not say).
  std::function<void(std::uint64_t have, std::uint64_t of)> progress{};
  std::function<bool()> is_stopping{};
};

// Gets the file, going on from FILE.part where an earlier attempt ended, here or in another
// process. Throws Error that names the address, and how to do without the network, when nothing
// answers; and with both digests when what came is something else, which is removed.
void download(const Download& what);

}  // namespace trainers

#include "embedded_store/object_digest.h"

#include <string_view>

#include "sandbox/base/hash.h"

namespace store {

bool is_etag_of_parts(const std::string& etag) {
  return etag.find('-') != std::string::npos;
}

std::vector<std::uint8_t> content_digest(ObjectStore& store,
                                         const std::string& bucket,
                                         const std::string& key) {
  const auto reader = store.open(bucket, key);
  if (!reader) return {};
  sandbox::Digest digest(sandbox::DigestKind::sha256);
  reader->read(0, reader->info().size, [&](std::string_view piece) { digest.update(piece); });
  return digest.finish();
}

}  // namespace store

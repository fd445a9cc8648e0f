// Whether two objects hold the same bytes, where their ETags do not tell.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embedded_store/object_store.h"

namespace store {

// Of a multipart upload: the ETag is no digest of the content then.
bool is_etag_of_parts(const std::string& etag);

// The SHA-256 of an object's content, read in pieces; empty where there is no such object.
std::vector<std::uint8_t> content_digest(ObjectStore& store,
                                         const std::string& bucket,
                                         const std::string& key);

}  // namespace store

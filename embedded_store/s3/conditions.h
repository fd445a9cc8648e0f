// If-Match and its relatives, for reading and for writing.
#pragma once

#include <string_view>

#include "embedded_store/object_store.h"
#include "sandbox/http/request.h"

namespace store::s3 {

enum class Verdict { proceed, not_modified };

// The conditions of a GET or HEAD. Throws Fault PreconditionFailed.
Verdict check_read_conditions(const sandbox::http::Request& request, const ObjectInfo& info);

// The x-amz-copy-source-if-* conditions. Throws Fault PreconditionFailed.
void check_copy_source_conditions(const sandbox::http::Request& request, const ObjectInfo& source);

// If-Match and If-None-Match of a write. Throws Fault NotImplemented for what S3 does not offer.
WriteConditions read_write_conditions(const sandbox::http::Request& request);

// Refuses early, before a body is read, what the commit would refuse anyway. The commit checks
// again, atomically.
void check_write_conditions(const WriteConditions& conditions,
                            ObjectStore& store,
                            const std::string& bucket,
                            const std::string& key);

}  // namespace store::s3

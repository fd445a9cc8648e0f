// Finding the object a request names, as an existing one, and the source of a copy.
#pragma once

#include <memory>
#include <string>

#include "embedded_store/object_store.h"
#include "embedded_store/s3/operation.h"

namespace store::s3 {

// The object of the request. Throws Fault NoSuchKey, or NoSuchVersion for a versionId other than
// the "null" all objects here have.
ObjectInfo get_info(const Context& context);
std::unique_ptr<ObjectReader> open_object(const Context& context);

// The object an x-amz-copy-source header names, opened, its conditions checked. Throws Fault
// InvalidArgument, NoSuchBucket, NoSuchKey, PreconditionFailed.
std::unique_ptr<ObjectReader> open_copy_source(const Context& context);

}  // namespace store::s3

// S3's rules for the names of buckets and objects.
#pragma once

#include <string_view>

namespace store::engine {

// 3 to 63 lower-case letters, digits, dots and hyphens, as Amazon's rules for new buckets have it.
// Throws Fault("InvalidBucketName").
void check_bucket_name(std::string_view name);
// 1 to 1024 bytes of UTF-8, any characters. Throws Fault("KeyTooLongError"), ("InvalidArgument").
void check_key(std::string_view key);

}  // namespace store::engine

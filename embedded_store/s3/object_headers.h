// The headers that travel with an object: read from a PUT, written to a GET.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "embedded_store/object_store.h"
#include "sandbox/http/request.h"

namespace store::s3 {

// Content headers, user metadata and tags of a PutObject, CreateMultipartUpload or replacing
// CopyObject. Throws Fault MetadataTooLarge, InvalidTag.
ObjectHeaders read_object_headers(const sandbox::http::Request& request);
// The tags of an x-amz-tagging header.
std::map<std::string, std::string> read_tagging(std::string_view header);
// Throws Fault InvalidTag when S3 would refuse the set.
void check_tags(const std::map<std::string, std::string>& tags);

// Refuses what would be a lie to accept: encryption, object lock, public ACLs.
void refuse_unsupported_headers(const sandbox::http::Request& request);

// ETag, Last-Modified, content headers and metadata of an answer. With `with_checksums` the stored
// checksums too.
void write_object_headers(const ObjectInfo& info,
                          bool with_checksums,
                          sandbox::http::Response& response);

std::string quoted(std::string_view etag);
// An ETag as clients send it, without quotes and weakness.
std::string unquoted(std::string_view etag);
std::string storage_class(const ObjectHeaders& headers);

}  // namespace store::s3

#include <algorithm>
#include <array>

#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/operation.h"
#include "embedded_store/s3/ops/handlers.h"
#include "sandbox/base/text.h"

namespace store::s3 {
namespace {

using enum Scope;
using enum Access;

constexpr std::string_view list_v1 = "prefix&delimiter&marker&max-keys&encoding-type";
constexpr std::string_view list_v2 =
    "prefix&delimiter&continuation-token&start-after&max-keys&encoding-type&fetch-owner";
constexpr std::string_view list_versions =
    "prefix&delimiter&key-marker&version-id-marker&max-keys&encoding-type";
constexpr std::string_view list_uploads =
    "prefix&delimiter&key-marker&upload-id-marker&max-uploads&encoding-type";
constexpr std::string_view reading =
    "versionId&partNumber&response-cache-control&response-content-disposition&"
    "response-content-encoding&response-content-language&response-content-type&response-expires";

// clang-format off
constexpr std::array rows{
    // The service.
    Operation{"GET", service, "", "ListBuckets", read, list_buckets, "prefix&max-buckets&continuation-token&bucket-region"},
    Operation{"POST", service, "", "AssumeRole", read, not_implemented, "*"},

    // A bucket's configuration, answered.
    Operation{"GET", bucket, "location", "GetBucketLocation", read, get_bucket_location},
    Operation{"GET", bucket, "versioning", "GetBucketVersioning", read, get_bucket_versioning},
    Operation{"GET", bucket, "acl", "GetBucketAcl", read, get_acl},
    Operation{"PUT", bucket, "acl", "PutBucketAcl", write, put_acl},
    Operation{"GET", bucket, "notification", "GetBucketNotificationConfiguration", read, get_bucket_notification},

    // A bucket's configuration, absent.
    Operation{"GET", bucket, "policy", "GetBucketPolicy", read, no_configuration},
    Operation{"GET", bucket, "policyStatus", "GetBucketPolicyStatus", read, no_configuration},
    Operation{"GET", bucket, "lifecycle", "GetBucketLifecycleConfiguration", read, no_configuration},
    Operation{"GET", bucket, "tagging", "GetBucketTagging", read, no_configuration},
    Operation{"GET", bucket, "encryption", "GetBucketEncryption", read, no_configuration},
    Operation{"GET", bucket, "replication", "GetBucketReplication", read, no_configuration},
    Operation{"GET", bucket, "cors", "GetBucketCors", read, no_configuration},
    Operation{"GET", bucket, "website", "GetBucketWebsite", read, no_configuration},
    Operation{"GET", bucket, "object-lock", "GetObjectLockConfiguration", read, no_configuration},
    Operation{"GET", bucket, "publicAccessBlock", "GetPublicAccessBlock", read, no_configuration},
    Operation{"GET", bucket, "ownershipControls", "GetBucketOwnershipControls", read, no_configuration},

    // A bucket's configuration, not offered.
    Operation{"PUT", bucket, "versioning", "PutBucketVersioning", write, not_implemented},
    Operation{"PUT", bucket, "notification", "PutBucketNotificationConfiguration", write, not_implemented},
    Operation{"PUT", bucket, "policy", "PutBucketPolicy", write, not_implemented},
    Operation{"DELETE", bucket, "policy", "DeleteBucketPolicy", write, not_implemented},
    Operation{"PUT", bucket, "lifecycle", "PutBucketLifecycleConfiguration", write, not_implemented},
    Operation{"DELETE", bucket, "lifecycle", "DeleteBucketLifecycle", write, not_implemented},
    Operation{"PUT", bucket, "tagging", "PutBucketTagging", write, not_implemented},
    Operation{"DELETE", bucket, "tagging", "DeleteBucketTagging", write, not_implemented},
    Operation{"PUT", bucket, "encryption", "PutBucketEncryption", write, not_implemented},
    Operation{"DELETE", bucket, "encryption", "DeleteBucketEncryption", write, not_implemented},
    Operation{"PUT", bucket, "replication", "PutBucketReplication", write, not_implemented},
    Operation{"DELETE", bucket, "replication", "DeleteBucketReplication", write, not_implemented},
    Operation{"PUT", bucket, "cors", "PutBucketCors", write, not_implemented},
    Operation{"DELETE", bucket, "cors", "DeleteBucketCors", write, not_implemented},
    Operation{"PUT", bucket, "website", "PutBucketWebsite", write, not_implemented},
    Operation{"DELETE", bucket, "website", "DeleteBucketWebsite", write, not_implemented},
    Operation{"PUT", bucket, "object-lock", "PutObjectLockConfiguration", write, not_implemented},
    Operation{"PUT", bucket, "publicAccessBlock", "PutPublicAccessBlock", write, not_implemented},
    Operation{"DELETE", bucket, "publicAccessBlock", "DeletePublicAccessBlock", write, not_implemented},
    Operation{"PUT", bucket, "ownershipControls", "PutBucketOwnershipControls", write, not_implemented},
    Operation{"DELETE", bucket, "ownershipControls", "DeleteBucketOwnershipControls", write, not_implemented},
    Operation{"GET", bucket, "accelerate", "GetBucketAccelerateConfiguration", read, not_implemented},
    Operation{"PUT", bucket, "accelerate", "PutBucketAccelerateConfiguration", write, not_implemented},
    Operation{"GET", bucket, "logging", "GetBucketLogging", read, not_implemented},
    Operation{"PUT", bucket, "logging", "PutBucketLogging", write, not_implemented},
    Operation{"GET", bucket, "requestPayment", "GetBucketRequestPayment", read, not_implemented},
    Operation{"PUT", bucket, "requestPayment", "PutBucketRequestPayment", write, not_implemented},
    Operation{"GET", bucket, "analytics", "GetBucketAnalyticsConfiguration", read, not_implemented, "id&continuation-token"},
    Operation{"GET", bucket, "inventory", "GetBucketInventoryConfiguration", read, not_implemented, "id&continuation-token"},
    Operation{"GET", bucket, "metrics", "GetBucketMetricsConfiguration", read, not_implemented, "id&continuation-token"},
    Operation{"GET", bucket, "intelligent-tiering", "GetBucketIntelligentTieringConfiguration", read, not_implemented, "id&continuation-token"},
    Operation{"GET", bucket, "session", "CreateSession", read, not_implemented},

    // Buckets.
    Operation{"GET", bucket, "uploads", "ListMultipartUploads", read, list_multipart_uploads, list_uploads},
    Operation{"GET", bucket, "versions", "ListObjectVersions", read, list_object_versions, list_versions},
    Operation{"GET", bucket, "list-type=2", "ListObjectsV2", read, list_objects_v2, list_v2},
    Operation{"GET", bucket, "", "ListObjects", read, list_objects, list_v1},
    Operation{"HEAD", bucket, "", "HeadBucket", read, head_bucket},
    Operation{"PUT", bucket, "", "CreateBucket", write, create_bucket},
    Operation{"DELETE", bucket, "", "DeleteBucket", write, delete_bucket},
    Operation{"POST", bucket, "delete", "DeleteObjects", write, delete_objects},
    Operation{"POST", bucket, "", "PostObject", write, not_implemented, "*"},
    Operation{"OPTIONS", bucket, "", "Preflight", anyone, preflight, "*"},

    // Parts of an object, and what hangs on it.
    Operation{"PUT", object, "partNumber&uploadId&@x-amz-copy-source", "UploadPartCopy", write, upload_part_copy},
    Operation{"PUT", object, "partNumber&uploadId", "UploadPart", write, upload_part},
    Operation{"GET", object, "uploadId", "ListParts", read, list_parts, "max-parts&part-number-marker"},
    Operation{"POST", object, "uploads", "CreateMultipartUpload", write, create_multipart_upload},
    Operation{"POST", object, "uploadId", "CompleteMultipartUpload", write, complete_multipart_upload},
    Operation{"DELETE", object, "uploadId", "AbortMultipartUpload", write, abort_multipart_upload},
    Operation{"GET", object, "acl", "GetObjectAcl", read, get_acl, "versionId"},
    Operation{"PUT", object, "acl", "PutObjectAcl", write, put_acl, "versionId"},
    Operation{"GET", object, "tagging", "GetObjectTagging", read, get_object_tagging, "versionId"},
    Operation{"PUT", object, "tagging", "PutObjectTagging", write, not_implemented, "versionId"},
    Operation{"DELETE", object, "tagging", "DeleteObjectTagging", write, not_implemented, "versionId"},
    Operation{"GET", object, "attributes", "GetObjectAttributes", read, get_object_attributes, "versionId"},
    Operation{"GET", object, "retention", "GetObjectRetention", read, no_configuration, "versionId"},
    Operation{"PUT", object, "retention", "PutObjectRetention", write, not_implemented, "versionId"},
    Operation{"GET", object, "legal-hold", "GetObjectLegalHold", read, no_configuration, "versionId"},
    Operation{"PUT", object, "legal-hold", "PutObjectLegalHold", write, not_implemented, "versionId"},
    Operation{"GET", object, "torrent", "GetObjectTorrent", read, not_implemented},
    Operation{"POST", object, "select", "SelectObjectContent", read, not_implemented, "select-type"},
    Operation{"POST", object, "restore", "RestoreObject", write, not_implemented, "versionId"},
    Operation{"PUT", object, "renameObject", "RenameObject", write, not_implemented},

    // Objects.
    Operation{"GET", object, "", "GetObject", read, get_object, reading},
    Operation{"HEAD", object, "", "HeadObject", read, head_object, reading},
    Operation{"PUT", object, "@x-amz-copy-source", "CopyObject", write, copy_object},
    Operation{"PUT", object, "", "PutObject", write, put_object},
    Operation{"DELETE", object, "", "DeleteObject", write, delete_object, "versionId"},
    Operation{"OPTIONS", object, "", "Preflight", anyone, preflight, "*"},
};
// clang-format on

bool has_marker(const sandbox::http::Request& request,
                const sandbox::http::Query& query,
                std::string_view marker) {
  if (marker.starts_with('@')) return request.headers.find(marker.substr(1)).has_value();
  const std::size_t equals = marker.find('=');
  const auto value = query.find(marker.substr(0, equals));
  return value && (equals == std::string_view::npos || *value == marker.substr(equals + 1));
}

bool fits(const Operation& row,
          const sandbox::http::Request& request,
          const sandbox::http::Query& query,
          Scope scope) {
  if (row.method != request.method || row.scope != scope) return false;
  if (row.markers.empty()) return true;
  const auto markers = sandbox::split(row.markers, '&');
  return std::all_of(markers.begin(), markers.end(),
                     [&](const std::string& marker) { return has_marker(request, query, marker); });
}

// Names of the signature (version 2 repeats two headers there), and x- names, which S3 leaves to
// the client's own log keeping.
bool is_ignored(std::string_view name) {
  return sandbox::lower(name.substr(0, 2)) == "x-" || name == "AWSAccessKeyId" ||
         name == "Signature" || name == "Expires" || name == "content-type" ||
         name == "content-md5";
}

bool is_known(const Operation& row, std::string_view name) {
  if (is_ignored(name)) return true;
  for (const std::string_view names : {row.markers, row.parameters}) {
    for (const std::string& one : sandbox::split(names, '&')) {
      const std::string_view known = std::string_view(one).substr(0, one.find('='));
      if (known == name || known == "*") return true;
    }
  }
  return false;
}

}  // namespace

std::span<const Operation> operations() {
  return rows;
}

const Operation& find_operation(const sandbox::http::Request& request,
                                const sandbox::http::Query& query,
                                Scope scope) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const Operation& one) {
    return fits(one, request, query, scope);
  });
  if (row == rows.end()) {
    throw fault("MethodNotAllowed", {{"Method", request.method}});
  }
  for (const auto& [name, value] : query.all()) {
    if (!is_known(*row, name)) {
      throw fault("NotImplemented",
                  "This server does not know the query parameter '" + name + "' of a " +
                      std::string(row->name) + " request.",
                  {{"Parameter", name}});
    }
  }
  return *row;
}

}  // namespace store::s3

// What a bucket is asked about and does not have, or cannot be given here.
#include <array>

#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/listing.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/xml.h"

namespace store::s3 {
namespace {

struct Absence {
  std::string_view operation;
  std::string_view code;
};

constexpr std::array absences{
    Absence{"GetBucketPolicy", "NoSuchBucketPolicy"},
    Absence{"GetBucketPolicyStatus", "NoSuchBucketPolicy"},
    Absence{"GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration"},
    Absence{"GetBucketTagging", "NoSuchTagSet"},
    Absence{"GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError"},
    Absence{"GetBucketReplication", "ReplicationConfigurationNotFoundError"},
    Absence{"GetBucketCors", "NoSuchCORSConfiguration"},
    Absence{"GetBucketWebsite", "NoSuchWebsiteConfiguration"},
    Absence{"GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"},
    Absence{"GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration"},
    Absence{"GetBucketOwnershipControls", "OwnershipControlsNotFoundError"},
};

}  // namespace

using sandbox::http::Response;

Response get_bucket_location(Context& context) {
  const auto bucket = context.store.find_bucket(context.bucket);
  if (!bucket) throw fault("NoSuchBucket", {{"BucketName", context.bucket}});
  XmlWriter xml("LocationConstraint");
  // S3 has no name for its first region here.
  if (bucket->region != "us-east-1") xml.text(bucket->region);
  return xml_response(xml);
}

Response get_bucket_versioning(Context& /*context*/) {
  XmlWriter xml("VersioningConfiguration");
  return xml_response(xml);
}

Response get_bucket_notification(Context& /*context*/) {
  XmlWriter xml("NotificationConfiguration");
  return xml_response(xml);
}

Response no_configuration(Context& context) {
  for (const Absence& one : absences) {
    if (one.operation == context.operation.name) {
      throw fault(one.code, {{"BucketName", context.bucket}});
    }
  }
  // What is left asks an object about its lock.
  throw fault("InvalidRequest", "Bucket is missing Object Lock Configuration");
}

Response not_implemented(Context& context) {
  throw fault("NotImplemented",
              "This server does not implement " + std::string(context.operation.name) + ".",
              {{"Operation", std::string(context.operation.name)}});
}

Response preflight(Context& context) {
  throw fault(
      "AccessForbidden",
      {{"Method", std::string(context.request.headers.get("access-control-request-method"))},
       {"ResourceType", context.key.empty() ? "BUCKET" : "OBJECT"}});
}

}  // namespace store::s3

// ListBuckets, CreateBucket, HeadBucket, DeleteBucket.
#include <algorithm>

#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/listing.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/payload.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::s3 {

using sandbox::http::Response;

Response list_buckets(Context& context) {
  const std::string prefix(context.query.get("prefix"));
  const std::string region(context.query.get("bucket-region"));
  const std::string after = read_token(context.query, "continuation-token").value_or("");
  const int buckets_max = read_page_size(context.query, "max-buckets", 10'000);

  auto buckets = context.store.buckets();
  std::sort(buckets.begin(), buckets.end(),
            [](const BucketInfo& a, const BucketInfo& b) { return a.name < b.name; });
  std::erase_if(buckets, [&](const BucketInfo& one) {
    return !one.name.starts_with(prefix) || one.name <= after ||
           (!region.empty() && one.region != region);
  });
  const bool is_truncated = buckets.size() > static_cast<std::size_t>(buckets_max);
  if (is_truncated) buckets.resize(static_cast<std::size_t>(buckets_max));

  XmlWriter xml("ListAllMyBucketsResult");
  write_owner(xml, "Owner");
  xml.begin("Buckets");
  for (const BucketInfo& one : buckets) {
    xml.begin("Bucket");
    xml.element("Name", one.name);
    xml.element("CreationDate", sandbox::iso8601_ms(one.created_ms));
    if (!one.region.empty()) xml.element("BucketRegion", one.region);
    xml.end();
  }
  xml.end();
  if (!prefix.empty()) xml.element("Prefix", prefix);
  if (is_truncated && !buckets.empty()) {
    xml.element("ContinuationToken", make_token(buckets.back().name));
  }
  return xml_response(xml);
}

Response create_bucket(Context& context) {
  refuse_unsupported_headers(context.request);
  if (context.request.headers.get("x-amz-bucket-object-lock-enabled") == "true") {
    throw fault("NotImplemented", "Object lock is not implemented. Create the bucket without it.",
                {{"Header", "x-amz-bucket-object-lock-enabled"}});
  }
  Payload payload(context.request, context.authorization);
  const std::string body = payload.text();
  if (!body.empty()) {
    const XmlNode root = parse_xml(body, "CreateBucketConfiguration");
    const auto constraint = root.child_text("LocationConstraint");
    if (constraint && !constraint->empty() && *constraint != context.options.region) {
      throw fault("InvalidLocationConstraint",
                  "The specified location constraint is not valid: this server's region is '" +
                      context.options.region + "'.",
                  {{"LocationConstraint", *constraint}});
    }
  }
  context.store.create_bucket(context.bucket, context.options.region);
  Response response;
  response.headers.add("Location", "/" + context.bucket);
  return response;
}

Response head_bucket(Context& context) {
  Response response;
  response.headers.add("x-amz-bucket-region", context.options.region);
  response.headers.add("Content-Type", "application/xml");
  return response;
}

Response delete_bucket(Context& context) {
  context.store.delete_bucket(context.bucket);
  Response response;
  response.status = 204;
  return response;
}

}  // namespace store::s3

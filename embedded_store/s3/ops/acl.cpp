// GetBucketAcl, GetObjectAcl, PutBucketAcl, PutObjectAcl. There is one owner and every ACL is
// private: reading says so, and writing is refused unless it says the same.
#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/listing.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/object_lookup.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/payload.h"
#include "embedded_store/s3/xml.h"

namespace store::s3 {

using sandbox::http::Response;

Response get_acl(Context& context) {
  if (!context.key.empty()) get_info(context);
  XmlWriter xml("AccessControlPolicy");
  write_owner(xml, "Owner");
  xml.begin("AccessControlList");
  xml.begin("Grant");
  write_owner(xml, "Grantee",
              "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
              "xsi:type=\"CanonicalUser\"");
  xml.element("Permission", "FULL_CONTROL");
  return xml_response(xml);
}

Response put_acl(Context& context) {
  if (!context.key.empty()) get_info(context);
  refuse_unsupported_headers(context.request);
  Payload payload(context.request, context.authorization);
  // An ACL written out could only repeat what holds anyway; nothing but that is understood.
  if (!payload.text().empty()) throw fault("AccessControlListNotSupported");
  return {};
}

}  // namespace store::s3

// DeleteObject and DeleteObjects.
#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/listing.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/payload.h"
#include "embedded_store/s3/xml.h"

namespace store::s3 {
namespace {

constexpr std::size_t objects_max = 1000;

// Deletes unless another version than the only one is named: deleting what is not there is no
// error.
void remove(Context& context, const std::string& key, std::string_view version) {
  if (version == "null") context.store.remove(context.bucket, key);
}

void write_outcome(XmlWriter& xml, const std::string& key, const Fault& refusal) {
  xml.begin("Error");
  xml.element("Key", key);
  xml.element("Code", refusal.code());
  xml.element("Message", refusal.what());
  xml.end();
}

void refuse_conditions(bool has_condition) {
  if (has_condition) {
    throw fault("NotImplemented",
                "Deleting on a condition is not implemented, so nothing was deleted.");
  }
}

}  // namespace

using sandbox::http::Response;

Response delete_object(Context& context) {
  const auto& headers = context.request.headers;
  refuse_conditions(headers.find("if-match") || headers.find("x-amz-if-match-size") ||
                    headers.find("x-amz-if-match-last-modified-time"));
  remove(context, context.key, context.query.get("versionId", "null"));
  Response response;
  response.status = 204;
  return response;
}

Response delete_objects(Context& context) {
  Payload payload(context.request, context.authorization);
  const XmlNode root = parse_xml(payload.text(), "Delete");
  const bool is_quiet = root.child_text("Quiet").value_or("false") == "true";
  std::size_t objects = 0;
  for (const XmlNode& one : root.children) {
    if (one.name != "Object") continue;
    ++objects;
    if (one.child_text("Key").value_or("").empty()) throw fault("MalformedXML");
  }
  if (objects == 0 || objects > objects_max) throw fault("MalformedXML");

  XmlWriter xml("DeleteResult");
  for (const XmlNode& one : root.children) {
    if (one.name != "Object") continue;
    const std::string key = *one.child_text("Key");
    const auto version = one.child_text("VersionId");
    try {
      refuse_conditions(one.child("ETag") || one.child("Size") || one.child("LastModifiedTime"));
      remove(context, key, version.value_or("null"));
      if (is_quiet) continue;
      xml.begin("Deleted");
      xml.element("Key", key);
      if (version) xml.element("VersionId", *version);
      xml.end();
    } catch (const Fault& refusal) {
      // One key's failure is not the others'.
      write_outcome(xml, key, refusal);
    }
  }
  return xml_response(xml);
}

}  // namespace store::s3

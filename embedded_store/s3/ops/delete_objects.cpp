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
  // Every object has one version, "null"; deleting what is not there is no error.
  if (context.query.get("versionId", "null") == "null") {
    context.store.remove(context.bucket, context.key);
  }
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
  std::vector<std::string> keys;
  for (const XmlNode& one : root.children) {
    if (one.name != "Object") continue;
    const std::string key = *one.child_text("Key");
    const auto version = one.child_text("VersionId");
    try {
      refuse_conditions(one.child("ETag") || one.child("Size") || one.child("LastModifiedTime"));
    } catch (const Fault& refusal) {
      // One key's failure is not the others'.
      write_outcome(xml, key, refusal);
      continue;
    }
    if (version.value_or("null") == "null") keys.push_back(key);
    if (is_quiet) continue;
    xml.begin("Deleted");
    xml.element("Key", key);
    if (version) xml.element("VersionId", *version);
    xml.end();
  }
  context.store.remove_all(context.bucket, keys);
  return xml_response(xml);
}

}  // namespace store::s3

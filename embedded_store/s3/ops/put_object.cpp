// PutObject.
#include "embedded_store/s3/conditions.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/payload.h"

namespace store::s3 {

sandbox::http::Response put_object(Context& context) {
  refuse_unsupported_headers(context.request);
  Payload payload(context.request, context.authorization);
  static_cast<void>(payload.content_length());
  const ObjectHeaders headers = read_object_headers(context.request);
  const WriteConditions conditions = read_write_conditions(context.request);
  check_write_conditions(conditions, context.store, context.bucket, context.key);

  // Up to here nothing was read, so a client that waits for 100 Continue kept its bytes.
  const auto writer = context.store.begin_put(context.bucket, context.key, headers);
  payload.pipe([&](std::string_view piece) { writer->write(piece); });
  payload.check_md5([&] { return writer->md5(); });
  const ObjectInfo info = writer->commit(headers, payload.checksums(), conditions);

  sandbox::http::Response response;
  response.headers.add("ETag", quoted(info.etag));
  write_checksums(info.checksums, response);
  return response;
}

}  // namespace store::s3

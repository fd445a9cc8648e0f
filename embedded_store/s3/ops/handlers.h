// The handlers of the operations, one family a file in this folder. Each answers a request that is
// authenticated; each throws Fault to refuse it.
#pragma once

#include "embedded_store/s3/operation.h"

namespace store::s3 {

// bucket.cpp
sandbox::http::Response list_buckets(Context& context);
sandbox::http::Response create_bucket(Context& context);
sandbox::http::Response head_bucket(Context& context);
sandbox::http::Response delete_bucket(Context& context);

// bucket_configuration.cpp
sandbox::http::Response get_bucket_location(Context& context);
sandbox::http::Response get_bucket_versioning(Context& context);
sandbox::http::Response get_bucket_notification(Context& context);
sandbox::http::Response no_configuration(Context& context);
sandbox::http::Response not_implemented(Context& context);
sandbox::http::Response preflight(Context& context);

// acl.cpp
sandbox::http::Response get_acl(Context& context);
sandbox::http::Response put_acl(Context& context);

// list_objects.cpp
sandbox::http::Response list_objects(Context& context);
sandbox::http::Response list_objects_v2(Context& context);
sandbox::http::Response list_object_versions(Context& context);

// put_object.cpp, get_object.cpp, copy_object.cpp, delete_objects.cpp
sandbox::http::Response put_object(Context& context);
sandbox::http::Response get_object(Context& context);
sandbox::http::Response head_object(Context& context);
sandbox::http::Response copy_object(Context& context);
sandbox::http::Response delete_object(Context& context);
sandbox::http::Response delete_objects(Context& context);

// object_attributes.cpp
sandbox::http::Response get_object_tagging(Context& context);
sandbox::http::Response get_object_attributes(Context& context);

// multipart_upload.cpp, upload_part.cpp, complete_multipart_upload.cpp, list_multipart_uploads.cpp
sandbox::http::Response create_multipart_upload(Context& context);
sandbox::http::Response abort_multipart_upload(Context& context);
sandbox::http::Response list_parts(Context& context);
sandbox::http::Response upload_part(Context& context);
sandbox::http::Response upload_part_copy(Context& context);
sandbox::http::Response complete_multipart_upload(Context& context);
sandbox::http::Response list_multipart_uploads(Context& context);

}  // namespace store::s3

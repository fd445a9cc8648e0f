// Which request is which operation, and what a refusal looks like.
#include <set>

#include <catch2/catch.hpp>

#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/operation.h"
#include "embedded_store/s3/service.h"

namespace {

using sandbox::http::Query;
using sandbox::http::Request;
using store::Fault;
using store::s3::Scope;
using Header = std::pair<std::string, std::string>;

// The operation's name, or the code of the refusal.
std::string name_of(const std::string& method,
                    Scope scope,
                    std::string_view query = "",
                    const std::vector<Header>& headers = {}) {
  Request request;
  request.method = method;
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  try {
    const auto& row = store::s3::find_operation(request, Query::parse(query, false), scope);
    return std::string(row.name);
  } catch (const Fault& fault) {
    return fault.code();
  }
}

store::s3::Target target(const std::string& host, const std::string& path) {
  Request request;
  request.path = path;
  request.headers.add("Host", host);
  return store::s3::find_target(request, "localhost");
}

}  // namespace

TEST_CASE("objects' operations are told apart", "[s3]") {
  const auto object = Scope::object;
  CHECK(name_of("GET", object) == "GetObject");
  CHECK(name_of("GET", object, "response-content-type=a&x-id=GetObject") == "GetObject");
  CHECK(name_of("HEAD", object, "partNumber=1") == "HeadObject");
  CHECK(name_of("PUT", object) == "PutObject");
  CHECK(name_of("PUT", object, "X-Amz-Signature=a&X-Amz-Date=b") == "PutObject");
  CHECK(name_of("PUT", object, "", {{"X-Amz-Copy-Source", "/a/b"}}) == "CopyObject");
  CHECK(name_of("PUT", object, "partNumber=1&uploadId=u") == "UploadPart");
  CHECK(name_of("PUT", object, "partNumber=1&uploadId=u", {{"x-amz-copy-source", "/a/b"}}) ==
        "UploadPartCopy");
  CHECK(name_of("POST", object, "uploads=") == "CreateMultipartUpload");
  CHECK(name_of("POST", object, "uploadId=u") == "CompleteMultipartUpload");
  CHECK(name_of("GET", object, "uploadId=u&max-parts=2") == "ListParts");
  CHECK(name_of("DELETE", object, "uploadId=u") == "AbortMultipartUpload");
  CHECK(name_of("DELETE", object, "versionId=null") == "DeleteObject");
  CHECK(name_of("GET", object, "tagging") == "GetObjectTagging");
  CHECK(name_of("GET", object, "attributes") == "GetObjectAttributes");
}

TEST_CASE("buckets' operations are told apart", "[s3]") {
  const auto bucket = Scope::bucket;
  CHECK(name_of("GET", bucket) == "ListObjects");
  CHECK(name_of("GET", bucket, "prefix=a&delimiter=/&encoding-type=url") == "ListObjects");
  CHECK(name_of("GET", bucket, "list-type=2&fetch-owner=true") == "ListObjectsV2");
  CHECK(name_of("GET", bucket, "versions&prefix=a") == "ListObjectVersions");
  CHECK(name_of("GET", bucket, "uploads&prefix=a") == "ListMultipartUploads");
  CHECK(name_of("GET", bucket, "location") == "GetBucketLocation");
  CHECK(name_of("PUT", bucket) == "CreateBucket");
  CHECK(name_of("HEAD", bucket) == "HeadBucket");
  CHECK(name_of("DELETE", bucket) == "DeleteBucket");
  CHECK(name_of("POST", bucket, "delete") == "DeleteObjects");
  CHECK(name_of("GET", Scope::service) == "ListBuckets");
}

TEST_CASE("an unknown sub-resource is never a plain operation", "[s3]") {
  CHECK(name_of("PUT", Scope::object, "newThing") == "NotImplemented");
  CHECK(name_of("PUT", Scope::object, "uploadId=u") == "NotImplemented");
  CHECK(name_of("PUT", Scope::object, "renameObject") == "RenameObject");
  CHECK(name_of("GET", Scope::object, "newThing") == "NotImplemented");
  CHECK(name_of("DELETE", Scope::object, "newThing=1") == "NotImplemented");
  CHECK(name_of("GET", Scope::bucket, "newThing") == "NotImplemented");
  CHECK(name_of("GET", Scope::bucket, "session") == "CreateSession");
  CHECK(name_of("PUT", Scope::bucket, "newThing") == "NotImplemented");
  CHECK(name_of("DELETE", Scope::bucket, "newThing") == "NotImplemented");
  CHECK(name_of("POST", Scope::object) == "MethodNotAllowed");
  CHECK(name_of("PATCH", Scope::bucket) == "MethodNotAllowed");
}

TEST_CASE("no row of the table is hidden by one above it", "[s3]") {
  for (const auto& row : store::s3::operations()) {
    std::string query;
    std::vector<Header> headers;
    std::string_view markers = row.markers;
    while (!markers.empty()) {
      const std::size_t end = markers.find('&');
      const std::string marker(markers.substr(0, end));
      if (marker.starts_with('@')) {
        headers.emplace_back(marker.substr(1), "a/b");
      } else {
        query += (query.empty() ? "" : "&") + marker;
      }
      markers = end == std::string_view::npos ? "" : markers.substr(end + 1);
    }
    CHECK(name_of(std::string(row.method), row.scope, query, headers) == row.name);
  }
}

TEST_CASE("a bucket is named by the path or by the host", "[s3]") {
  const auto is = [](const store::s3::Target& at, std::string_view bucket, std::string_view key) {
    CHECK(at.bucket == bucket);
    CHECK(at.key == key);
  };
  is(target("localhost:9000", "/"), "", "");
  is(target("localhost:9000", "/bucket"), "bucket", "");
  is(target("127.0.0.1:9000", "/bucket/"), "bucket", "");
  is(target("127.0.0.1", "/bucket//a/../b/"), "bucket", "/a/../b/");
  is(target("[::1]:9000", "/bucket/key"), "bucket", "key");
  is(target("s3.localhost:9000", "/bucket/key"), "bucket", "key");
  is(target("bucket.localhost:9000", "/"), "bucket", "");
  is(target("Bucket.LOCALHOST", "/a/b"), "bucket", "a/b");
  is(target("my.bucket.s3.localhost:9000", "//a"), "my.bucket", "/a");
  is(target("minio:9000", "/bucket/key"), "bucket", "key");
}

TEST_CASE("a refusal is XML with its details, and bare for HEAD", "[s3]") {
  Request request;
  request.id = "request-1";
  request.method = "GET";
  request.path = "/bucket/a<b";
  const auto refusal = store::s3::fault("NoSuchKey", {{"Key", "a<b"}});
  const auto answer = store::s3::error_response(refusal, request);
  CHECK(answer.status == 404);
  CHECK(answer.body ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
        "<Message>The specified key does not exist.</Message><Key>a&lt;b</Key>"
        "<Resource>/bucket/a&lt;b</Resource><RequestId>request-1</RequestId></Error>");
  request.method = "HEAD";
  const auto bare = store::s3::error_response(refusal, request);
  CHECK(bare.status == 404);
  CHECK(bare.body.empty());
  CHECK(store::s3::status_of("NobodyKnowsThis") == 500);
}

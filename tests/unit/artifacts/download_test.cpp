#include "sandbox/artifacts/download.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"

using namespace sandbox;             // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::artifacts;  // NOLINT(google-build-using-namespace)

namespace {

class TextReader final : public store::ObjectReader {
 public:
  TextReader(const std::string& key, std::string text) : text_(std::move(text)) {
    info_.key = key;
    info_.size = text_.size();
    info_.etag = "abc";
    info_.modified_ms = 1'700'000'000'500;  // Tue, 14 Nov 2023 22:13:20 GMT
  }
  [[nodiscard]] const store::ObjectInfo& info() const override { return info_; }
  void read(std::uint64_t offset,
            std::uint64_t length,
            const std::function<void(std::string_view)>& sink) override {
    sink(std::string_view(text_).substr(offset, length));
  }

 private:
  std::string text_;
  store::ObjectInfo info_;
};

http::Response get(const std::vector<std::pair<std::string, std::string>>& headers,
                   const std::string& text = "hello",
                   const std::string& method = "GET") {
  http::Request request;
  request.method = method;
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  return download(request, std::make_unique<TextReader>("1/r/artifacts/b.txt", text));
}

std::string body_of(const http::Response& response) {
  std::string out;
  if (response.stream) response.stream([&](std::string_view piece) { out += piece; });
  return out;
}

}  // namespace

TEST_CASE("a download is an attachment with an etag", "[artifacts]") {
  const http::Response response = get({});
  CHECK(response.status == 200);
  CHECK(body_of(response) == "hello");
  CHECK(response.content_length == 5);
  CHECK(response.headers.get("content-type") == "text/plain");
  CHECK(response.headers.get("content-disposition") == "attachment; filename=b.txt");
  CHECK(response.headers.get("etag") == "\"abc\"");
  CHECK(response.headers.get("last-modified") == "Tue, 14 Nov 2023 22:13:20 GMT");
  CHECK(response.headers.get("accept-ranges") == "bytes");
  CHECK(response.headers.get("x-content-type-options") == "nosniff");
}

TEST_CASE("a head has the length and no body", "[artifacts]") {
  const http::Response response = get({{"Range", "bytes=1-2"}}, "hello", "HEAD");
  CHECK(response.status == 200);
  CHECK(response.head_length == 5);
  CHECK_FALSE(response.stream);
}

TEST_CASE("ranges are cut out", "[artifacts]") {
  const auto [range, content_range, body] = GENERATE(table<std::string, std::string, std::string>({
      {"bytes=1-2", "bytes 1-2/5", "el"},
      {"bytes=0-0", "bytes 0-0/5", "h"},
      {"bytes=3-", "bytes 3-4/5", "lo"},
      {"bytes=-2", "bytes 3-4/5", "lo"},
      {"bytes=0-100", "bytes 0-4/5", "hello"},
      {"bytes=-100", "bytes 0-4/5", "hello"},
      {"Bytes = 1 - 2", "bytes 1-2/5", "el"},
  }));
  CAPTURE(range);
  const http::Response response = get({{"Range", range}});
  CHECK(response.status == 206);
  CHECK(response.headers.get("content-range") == content_range);
  CHECK(response.content_length == body.size());
  CHECK(body_of(response) == body);
}

TEST_CASE("ranges outside the file are 416", "[artifacts]") {
  for (const char* range : {"bytes=5-", "bytes=9-12", "bytes=-0", "bytes=0-1,9-"}) {
    CAPTURE(range);
    const http::Response response = get({{"Range", range}});
    CHECK(response.status == 416);
    CHECK(response.headers.get("content-range") == "bytes */5");
  }
  CHECK(get({{"Range", "bytes=0-"}}, "").headers.get("content-range") == "bytes */0");
}

TEST_CASE("several ranges at once get the whole file", "[artifacts]") {
  const http::Response response = get({{"Range", "bytes=0-0,2-3"}});
  CHECK(response.status == 200);
  CHECK(body_of(response) == "hello");
}

TEST_CASE("ranges that say nothing are refused", "[artifacts]") {
  CHECK_THROWS_WITH(get({{"Range", "bytes=x"}}), "Range header: range must be requested");
  CHECK_THROWS_WITH(get({{"Range", "bytes=-"}}), "Range header: range must be requested");
  CHECK_THROWS_WITH(get({{"Range", "bytes=4-2"}}), "Range header: start must be less than end");
  CHECK_THROWS_WITH(get({{"Range", "lines=1-2"}}), "Only support bytes range");
  CHECK_THROWS_WITH(get({{"Range", "bytes"}}), "Malformed range header.");
}

TEST_CASE("what the client has already is not sent again", "[artifacts]") {
  const std::string date = "Tue, 14 Nov 2023 22:13:20 GMT";
  CHECK(get({{"If-None-Match", "\"abc\""}}).status == 304);
  CHECK(get({{"If-None-Match", "\"x\", W/\"abc\""}}).status == 304);
  CHECK(get({{"If-None-Match", "*"}}).status == 304);
  CHECK(get({{"If-None-Match", "\"x\""}}).status == 200);
  CHECK(get({{"If-Modified-Since", date}}).status == 304);
  CHECK(get({{"If-Modified-Since", "Tue, 14 Nov 2023 22:13:19 GMT"}}).status == 200);
  CHECK(get({{"If-None-Match", "\"x\""}, {"If-Modified-Since", date}}).status == 200);
  CHECK(get({{"If-Range", "\"abc\""}, {"Range", "bytes=1-2"}}).status == 206);
  CHECK(get({{"If-Range", date}, {"Range", "bytes=1-2"}}).status == 206);
  CHECK(get({{"If-Range", "\"x\""}, {"Range", "bytes=1-2"}}).status == 200);
}

TEST_CASE("types follow the extension", "[artifacts]") {
  const auto [path, type] = GENERATE(table<std::string, std::string>({
      {"a/b.txt", "text/plain"},
      {"MLmodel", "text/plain"},
      {"m/mlproject", "text/plain"},
      {"txt", "text/plain"},
      {"x.yaml", "text/plain"},
      {"x.json", "text/plain"},
      {"x.JSON", "application/json"},
      {"x.html", "text/html"},
      {"p.png", "image/png"},
      {"p.JPG", "image/jpeg"},
      {"w.tar.gz", "application/x-tar"},
      {"w.tgz", "application/x-tar"},
      {"w.gz", "application/octet-stream"},
      {"x.txt.gz", "text/plain"},
      {".hidden", "application/octet-stream"},
      {"noext", "application/octet-stream"},
      {"model.pkl", "application/octet-stream"},
      {"dir.txt/x", "application/octet-stream"},
  }));
  CAPTURE(path);
  CHECK(content_type_of(path) == type);
}

TEST_CASE("file names of every kind fit the header", "[artifacts]") {
  CHECK(content_disposition("b.txt") == "attachment; filename=b.txt");
  CHECK(content_disposition("sp ace+plus.txt") == "attachment; filename=\"sp ace+plus.txt\"");
  CHECK(content_disposition("q\"uo'te\\.txt") == "attachment; filename=\"q\\\"uo'te\\\\.txt\"");
  CHECK(content_disposition("han한글.txt") ==
        "attachment; filename=han.txt; filename*=UTF-8''han%ED%95%9C%EA%B8%80.txt");
  CHECK(content_disposition("한") == "attachment; filename=download; filename*=UTF-8''%ED%95%9C");
}

#include "embedded_store/s3/conditions.h"

#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/object_headers.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

bool matches(std::string_view etags, const ObjectInfo& info) {
  for (const std::string& one : sandbox::split(etags, ',')) {
    const std::string etag = unquoted(one);
    if (etag == "*" || etag == info.etag) return true;
  }
  return false;
}

// Header dates have whole seconds; nullopt for a date nobody can read, which is as good as none.
std::optional<bool> modified_after(std::string_view date, const ObjectInfo& info) {
  const auto when = sandbox::parse_http_date(date);
  if (!when) return std::nullopt;
  return info.modified_ms / 1000 > *when / 1000;
}

Fault failed(std::string_view condition) {
  return fault("PreconditionFailed", {{"Condition", std::string(condition)}});
}

// The four conditions under one set of names, in the order of RFC 9110, 13.2.2.
Verdict check(const sandbox::http::Request& request,
              const std::string& prefix,
              const ObjectInfo& info) {
  const auto header = [&](std::string_view name) {
    return request.headers.find(prefix + std::string(name));
  };
  if (const auto etags = header("if-match")) {
    if (!matches(*etags, info)) throw failed("If-Match");
  } else if (const auto date = header("if-unmodified-since")) {
    if (modified_after(*date, info).value_or(false)) throw failed("If-Unmodified-Since");
  }
  if (const auto etags = header("if-none-match")) {
    if (matches(*etags, info)) return Verdict::not_modified;
  } else if (const auto date = header("if-modified-since")) {
    if (!modified_after(*date, info).value_or(true)) return Verdict::not_modified;
  }
  return Verdict::proceed;
}

}  // namespace

Verdict check_read_conditions(const sandbox::http::Request& request, const ObjectInfo& info) {
  return check(request, "", info);
}

void check_copy_source_conditions(const sandbox::http::Request& request, const ObjectInfo& source) {
  const std::string prefix = "x-amz-copy-source-";
  if (check(request, prefix, source) == Verdict::proceed) return;
  const bool by_etag = request.headers.find(prefix + "if-none-match").has_value();
  throw failed(prefix + (by_etag ? "If-None-Match" : "If-Modified-Since"));
}

WriteConditions read_write_conditions(const sandbox::http::Request& request) {
  WriteConditions conditions;
  if (const auto etag = request.headers.find("if-match")) conditions.if_match = unquoted(*etag);
  if (const auto etag = request.headers.find("if-none-match")) {
    if (sandbox::trim(*etag) != "*") {
      throw fault("NotImplemented", "A write may be made conditional on If-None-Match: * only.",
                  {{"Header", "If-None-Match"}});
    }
    conditions.if_none_match = true;
  }
  if (conditions.if_match && conditions.if_none_match) {
    throw fault("NotImplemented", "A write may carry If-Match or If-None-Match, not both.",
                {{"Header", "If-None-Match"}});
  }
  return conditions;
}

void check_write_conditions(const WriteConditions& conditions,
                            ObjectStore& store,
                            const std::string& bucket,
                            const std::string& key) {
  if (!conditions.if_match && !conditions.if_none_match) return;
  const auto existing = store.find(bucket, key);
  if (conditions.if_none_match && existing) throw failed("If-None-Match");
  if (!conditions.if_match) return;
  if (!existing) throw fault("NoSuchKey", {{"Key", key}});
  if (*conditions.if_match != "*" && *conditions.if_match != existing->etag) {
    throw failed("If-Match");
  }
}

}  // namespace store::s3

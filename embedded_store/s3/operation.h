// One S3 operation as a row of the table in operations.cpp, and what its handler is given.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "embedded_store/object_store.h"
#include "embedded_store/s3/options.h"
#include "embedded_store/s3/sigv4.h"
#include "sandbox/base/env.h"
#include "sandbox/http/request.h"

namespace store::s3 {

struct Operation;

// A request whose sender is known and allowed, whose bucket exists (but for CreateBucket).
struct Context {
  sandbox::Env& env;
  ObjectStore& store;
  const S3Options& options;
  sandbox::http::Request& request;
  const sandbox::http::Query& query;  // '+' is a plus sign
  const Operation& operation;
  const Authorization& authorization;
  std::string bucket;
  std::string key;
};

enum class Scope { service, bucket, object };
enum class Access {
  anyone,  // no signature is asked for
  read,
  write,
};

struct Operation {
  std::string_view method;
  Scope scope;
  // What makes a request this operation: query names joined by '&', with "=value" where the value
  // decides; "@name" stands for a header.
  std::string_view markers;
  std::string_view name;
  Access access;
  sandbox::http::Response (*handler)(Context&);
  // Query names it takes besides its markers; "*" for all.
  std::string_view parameters = "";
};

// The table, in matching order: the first row whose method, scope and markers fit is the operation.
std::span<const Operation> operations();

// Throws Fault MethodNotAllowed when no row fits, and NotImplemented when the row does not know one
// of the query's names: an unknown sub-resource must never become a plain PutObject or listing.
const Operation& find_operation(const sandbox::http::Request& request,
                                const sandbox::http::Query& query,
                                Scope scope);

}  // namespace store::s3

#include "sandbox/import/objects.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "embedded_store/object_digest.h"
#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/base/at_once.h"
#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"

namespace sandbox::import {
namespace {

constexpr std::size_t copies_at_a_time = 4;
constexpr int keys_a_page = 1'000;
constexpr std::string_view scheme = "s3://";

// Refusals that are about one object, and leave the others to be copied.
constexpr std::array refusals_of_one{
    "AccessDenied", "EntityTooLarge",  "InvalidArgument",  "InvalidObjectState", "InvalidRequest",
    "InvalidTag",   "KeyTooLongError", "MetadataTooLarge", "PreconditionFailed"};

std::string shown(const std::string& bucket, const std::string& key) {
  return std::string(scheme) + bucket + "/" + key;
}

artifacts::Location place_in(const std::string& uri, const std::string& flag) {
  if (!uri.starts_with(scheme) || uri.size() == scheme.size()) {
    throw Error(Code::invalid_parameter_value,
                flag + " has to be s3://bucket or s3://bucket/path; '" + uri + "' is not.");
  }
  artifacts::Location place = artifacts::parse_s3_uri(uri);
  if (!place.key.empty() && !place.key.ends_with('/')) place.key += '/';
  return place;
}

}  // namespace

// An object of the source and its place in the lab.
struct ObjectCopy::Pair {
  store::ObjectInfo object;
  std::string bucket;
  std::string key;
};

std::vector<ObjectMove> object_moves(store::ObjectStore& source,
                                     const std::string& from,
                                     const std::string& to) {
  if (from == scheme) {
    if (!to.empty()) {
      throw Error(Code::invalid_parameter_value,
                  "--to names a place for one bucket, and all are to come. Name one: import s3 "
                  "s3://bucket --endpoint URL --to " +
                      to);
    }
    std::vector<ObjectMove> all;
    for (const store::BucketInfo& bucket : source.buckets()) {
      all.push_back({bucket.name, "", bucket.name, ""});
    }
    return all;
  }
  const artifacts::Location theirs = place_in(from, "What to import");
  const artifacts::Location ours = to.empty() ? theirs : place_in(to, "--to");
  if (!source.find_bucket(theirs.bucket)) {
    throw Error(Code::invalid_parameter_value,
                "The other server has no bucket '" + theirs.bucket +
                    "'. Name another, or the server's address alone for all it has.");
  }
  return {{theirs.bucket, theirs.key, ours.bucket, ours.key}};
}

void ObjectCopy::run(const ObjectMove& move) {
  counted_ = "objects in " + move.from_bucket;
  ledger_.compare(counted_, 0, 0);
  has_bucket_ = target_.find_bucket(move.to_bucket).has_value();
  if (!has_bucket_ && !options_.dry_run) {
    target_.create_bucket(move.to_bucket, "us-east-1");
    has_bucket_ = true;
  }
  store::ListQuery query;
  query.prefix = move.from_prefix;
  query.keys_max = keys_a_page;
  for (bool has_more = true; has_more;) {
    const store::ListPage page = source_.list(move.from_bucket, query);
    take_page(move, page.objects);
    has_more = page.truncated;
    query.after = page.next_after;
  }
}

void ObjectCopy::take_page(const ObjectMove& move, const std::vector<store::ObjectInfo>& objects) {
  each_at_once(objects.size(), copies_at_a_time, [&](std::size_t at) {
    const store::ObjectInfo& object = objects[at];
    const Pair pair{object, move.to_bucket,
                    move.to_prefix + object.key.substr(move.from_prefix.size())};
    std::string why;
    Outcome outcome = Outcome::odd;
    try {
      outcome = take(pair, why);
    } catch (const store::Fault& fault) {
      if (std::find(refusals_of_one.begin(), refusals_of_one.end(), fault.code()) ==
          refusals_of_one.end()) {
        throw;
      }
      why = fault.what();
    }
    tell(pair, outcome, why);
  });
}

ObjectCopy::Outcome ObjectCopy::take(const Pair& pair, std::string& why) {
  const auto there = has_bucket_ ? target_.find(pair.bucket, pair.key) : std::nullopt;
  if (there && is_same(pair, *there)) return Outcome::same;
  if (there && !options_.overwrites) return Outcome::different;
  if (options_.dry_run) return Outcome::missing;
  if (copy(pair)) return Outcome::copied;
  why = "it changed or went while it was read";
  return Outcome::odd;
}

bool ObjectCopy::is_same(const Pair& pair, const store::ObjectInfo& there) {
  const store::ObjectInfo& object = pair.object;
  if (there.size != object.size) return false;
  if (there.etag == object.etag) return true;
  // An ETag of parts, or of an encrypted object, does not tell.
  const auto digest = store::content_digest(source_, object.bucket, object.key);
  return !digest.empty() && digest == store::content_digest(target_, pair.bucket, pair.key);
}

// False where the source no longer has what was listed; the lab has nothing of it then.
bool ObjectCopy::copy(const Pair& pair) {
  const auto reader = source_.open(pair.object.bucket, pair.object.key);
  if (!reader) return false;
  const store::ObjectInfo& info = reader->info();
  store::ObjectHeaders headers = info.headers;
  headers.tags = source_.tags(pair.object.bucket, pair.object.key);
  const auto writer = target_.begin_put(pair.bucket, pair.key, headers);
  Digest md5(DigestKind::md5);
  reader->read(0, info.size, [&](std::string_view piece) {
    md5.update(piece);
    writer->write(piece);
    const std::lock_guard lock(ledger_mutex_);
    ledger_.advance(0, static_cast<std::int64_t>(piece.size()));
  });
  // Checksums that a client sent are not handed on: they may be of parts, which differ here.
  const store::ObjectInfo made = writer->commit(headers);
  const std::string etag = hex(md5.finish());
  const bool was_read_whole = info.etag == etag || store::is_etag_of_parts(info.etag);
  if (was_read_whole && made.size == pair.object.size && made.etag == etag) return true;
  if (is_same(pair, made)) return true;
  target_.remove(pair.bucket, pair.key);
  return false;
}

void ObjectCopy::tell(const Pair& pair, Outcome outcome, const std::string& why) {
  const std::lock_guard lock(ledger_mutex_);
  const auto bytes = static_cast<std::int64_t>(pair.object.size);
  const bool is_alike = outcome == Outcome::same || outcome == Outcome::copied;
  ledger_.compare(counted_, 1, is_alike ? 1 : 0);
  ledger_.compare("bytes", bytes, is_alike ? bytes : 0);
  const std::string there = shown(pair.bucket, pair.key);
  switch (outcome) {
    case Outcome::same: ledger_.present(1); break;
    case Outcome::copied:
    case Outcome::missing: ledger_.add(1); break;
    case Outcome::different:
      ledger_.different(there, there +
                                   " is in the lab already with other content. The lab's stays "
                                   "as it is; --overwrite replaces it.");
      break;
    case Outcome::odd:
      ledger_.odd(there,
                  shown(pair.object.bucket, pair.object.key) + " could not be taken over: " + why);
      break;
  }
  ledger_.advance(1, 0);
}

}  // namespace sandbox::import

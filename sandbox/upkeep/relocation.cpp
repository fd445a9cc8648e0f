#include "sandbox/upkeep/relocation.h"

#include <algorithm>

#include "sandbox/artifacts/uri_rewriting.h"
#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"
#include "sandbox/tracking/names.h"
#include "sandbox/upkeep/objects.h"

namespace sandbox::upkeep {
namespace {

constexpr int page_keys = 1000;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

std::string checked_uri(std::string_view name, std::string uri) {
  const bool is_known = uri.starts_with("s3://") || uri.starts_with("mlflow-artifacts:/");
  const bool is_plain = std::none_of(uri.begin(), uri.end(), [](unsigned char c) {
    return c < 0x20 || c == '"' || c == '\\' || c == '?' || c == '#';
  });
  if (!is_known || !is_plain) {
    refuse("'" + std::string(name) +
           "' must be a place like s3://bucket/path or mlflow-artifacts:/path, not '" + uri + "'.");
  }
  while (uri.ends_with('/')) uri.pop_back();
  return uri;
}

bool is_below(const artifacts::Location& inner, const artifacts::Location& outer) {
  return inner.bucket == outer.bucket &&
         (outer.key.empty() || inner.key == outer.key || inner.key.starts_with(outer.key + "/"));
}

std::string sha256_of(store::ObjectReader& reader) {
  Digest digest(DigestKind::sha256);
  reader.read(0, reader.info().size, [&](std::string_view piece) { digest.update(piece); });
  return hex(digest.finish());
}

bool is_same(store::ObjectReader& one, store::ObjectReader& other) {
  if (one.info().size != other.info().size) return false;
  return one.info().etag == other.info().etag || sha256_of(one) == sha256_of(other);
}

// The ways to write the same place.
std::vector<std::string> spellings(const std::string& uri,
                                   const artifacts::Location& place,
                                   const artifacts::Location& destination) {
  std::vector<std::string> all{uri};
  const auto add = [&](const std::string& one) {
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  };
  add(uri_of(place));
  if (is_below(place, destination)) {
    std::string rest = place.key.substr(destination.key.size());
    if (!rest.empty() && rest.front() != '/') rest.insert(rest.begin(), '/');
    add("mlflow-artifacts:" + rest);
  }
  return all;
}

}  // namespace

struct Relocation::Places {
  artifacts::Location from;
  artifacts::Location to;
};

Relocation::Places Relocation::places_of(const Move& move) {
  const artifacts::Location& destination = artifacts_.destination();
  return {artifacts::locate(destination, move.from), artifacts::locate(destination, move.to)};
}

Move Relocation::checked(Move move) {
  if (move.from.empty() == move.experiment_id.empty()) {
    refuse("Say what to move: either 'from' or 'experiment_id'.");
  }
  if (move.from.empty()) {
    database_.read([&](db::Tx& tx) {
      db::Rows rows = tx.query("SELECT artifact_location FROM experiments WHERE experiment_id = ?",
                               tracking::parse_experiment_id(move.experiment_id));
      if (!rows.next()) {
        throw Error(Code::resource_does_not_exist,
                    "No Experiment with id=" + move.experiment_id + " exists");
      }
      move.from = rows.text(0);
    });
  }
  move.from = checked_uri("from", move.from);
  move.to = checked_uri("to", move.to);
  const Places places = places_of(move);
  if (is_below(places.from, places.to) || is_below(places.to, places.from)) {
    refuse("'" + move.to + "' and '" + move.from +
           "' lie one in the other, or are the same. Choose a place beside it.");
  }
  for (const std::string& bucket : {places.from.bucket, places.to.bucket}) {
    if (!store_.find_bucket(bucket)) {
      refuse("There is no bucket '" + bucket + "' in this lab's object store. Make it first.");
    }
  }
  database_.read([&](db::Tx& tx) { artifacts::count_uris(tx, move.from, move.to); });
  return move;
}

void Relocation::check_not_stopped() const {
  if (!stopping_.stop_requested()) return;
  throw Error(Code::invalid_state,
              "The server is stopping. The same command goes on from there later.");
}

// True when it was copied, false when the same bytes were there already.
bool Relocation::copy(const store::ObjectInfo& source,
                      const std::string& bucket,
                      const std::string& key) {
  const auto from = store_.open(source.bucket, source.key);
  if (!from) return false;  // deleted meanwhile
  if (const auto there = store_.open(bucket, key)) {
    if (is_same(*from, *there)) return false;
    // What a client wrote at the new place later than at the old one is the newer file.
    if (there->info().modified_ms > from->info().modified_ms) return false;
  }
  const auto writer = store_.begin_put(bucket, key, from->info().headers);
  Digest digest(DigestKind::sha256);
  from->read(0, from->info().size, [&](std::string_view piece) {
    digest.update(piece);
    writer->write(piece);
  });
  writer->commit(from->info().headers);
  const auto copied = store_.open(bucket, key);
  const bool is_whole = copied && copied->info().size == from->info().size &&
                        sha256_of(*copied) == hex(digest.finish());
  if (!is_whole) {
    throw Error(Code::internal_error, "The copy at " + uri_of({bucket, key}) +
                                          " is not what was read. The original is untouched; "
                                          "run the same command again.");
  }
  return true;
}

void Relocation::copy_all(const Places& places,
                          Progress& total,
                          const std::function<void(const Progress&)>& report) {
  store::ListQuery query;
  query.prefix = places.from.key.empty() ? "" : places.from.key + "/";
  query.keys_max = page_keys;
  total.objects = total.bytes = 0;
  for (;;) {
    const store::ListPage page = store_.list(places.from.bucket, query);
    for (const store::ObjectInfo& object : page.objects) {
      check_not_stopped();
      const std::string rest = object.key.substr(query.prefix.size());
      const std::string key = places.to.key.empty() ? rest : places.to.key + "/" + rest;
      if (copy(object, places.to.bucket, key)) ++total.copied;
      ++total.objects;
      total.bytes += static_cast<std::int64_t>(object.size);
    }
    Progress so_far = total;
    so_far.kind = "copied";
    if (page.truncated) report(so_far);
    if (!page.truncated) return;
    query.after = page.next_after;
  }
}

void Relocation::rewrite(const Move& move,
                         Progress& total,
                         const std::function<void(const Progress&)>& report) {
  const artifacts::Location& destination = artifacts_.destination();
  std::vector<Progress> columns;
  const auto work = [&](db::Tx& tx) {
    columns.clear();
    for (const std::string& from : spellings(move.from, places_of(move).from, destination)) {
      const auto rewritten = move.dry_run ? artifacts::count_uris(tx, from, move.to)
                                          : artifacts::rewrite_uris(tx, from, move.to);
      for (const auto& [column, rows] : rewritten) {
        Progress line;
        line.kind = "column";
        line.from = from;
        line.to = move.to;
        line.column = column;
        line.rows = rows;
        columns.push_back(line);
      }
    }
  };
  if (move.dry_run) {
    database_.read(work);
  } else {
    database_.write(work);
  }
  for (const Progress& line : columns) {
    total.rows += line.rows;
    report(line);
  }
}

void Relocation::remove_sources(const Places& places, Progress& total) {
  store::ListQuery query;
  query.prefix = places.from.key.empty() ? "" : places.from.key + "/";
  query.keys_max = page_keys;
  for (;;) {
    check_not_stopped();
    const store::ListPage page = store_.list(places.from.bucket, query);
    std::vector<std::string> keys;
    for (const store::ObjectInfo& object : page.objects) {
      const std::string rest = object.key.substr(query.prefix.size());
      // One that came or changed a moment ago has no copy yet, and stays.
      const auto old = store_.open(object.bucket, object.key);
      const auto moved =
          store_.open(places.to.bucket, places.to.key.empty() ? rest : places.to.key + "/" + rest);
      if (old && moved && is_same(*old, *moved)) keys.push_back(object.key);
    }
    store_.remove_all(places.from.bucket, keys);
    total.removed += static_cast<std::int64_t>(keys.size());
    if (!page.truncated) return;
    query.after = page.next_after;
  }
}

void Relocation::run(const Move& move, const std::function<void(const Progress&)>& report) {
  const std::unique_lock one(running_, std::try_to_lock);
  if (!one) {
    throw Error(Code::resource_conflict, "Files are being moved already. Wait until that ended.");
  }
  const Places places = places_of(move);
  Progress total;
  total.from = move.from;
  total.to = move.to;
  if (move.dry_run) {
    const Tally tally = count_below(store_, places.from);
    total.objects = tally.objects;
    total.bytes = tally.bytes;
    rewrite(move, total, report);
  } else {
    copy_all(places, total, report);
    rewrite(move, total, report);
    // What clients wrote at the old place while the rest was copied.
    copy_all(places, total, report);
    if (move.delete_source) remove_sources(places, total);
  }
  total.kind = "total";
  report(total);
}

}  // namespace sandbox::upkeep

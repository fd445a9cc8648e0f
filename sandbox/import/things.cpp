#include "sandbox/import/things.h"

#include <algorithm>
#include <map>
#include <set>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::import {
namespace {

// Of one transaction, while which the lab's clients wait; a single thing may have more.
constexpr std::int64_t transaction_rows = 20'000;

Ids without(const Ids& ids, const Ids& others) {
  const std::set<std::string> excluded(others.begin(), others.end());
  Ids left;
  for (const std::string& id : ids) {
    if (excluded.count(id) == 0) left.push_back(id);
  }
  return left;
}

}  // namespace

bool Things::open(const Thing& thing, const Adapt& adapt, db::Database& source) {
  thing_ = thing;
  parts_.clear();
  source.read([&](db::Tx& from) {
    target_.read([&](db::Tx& to) {
      for (const Part& part : thing.parts) {
        parts_.push_back(std::make_unique<PartRows>(from, to, part));
        if (adapt) adapt(*parts_.back());
      }
    });
  });
  return parts_.front()->is_in_source();
}

Ids Things::next_ids(const std::string& after) {
  const Part& own = thing_.parts.front();
  const std::string sql = "SELECT " + thing_.key + " FROM " + own.table + " WHERE " + thing_.key +
                          " > ?" + (thing_.condition.empty() ? "" : " AND " + thing_.condition) +
                          " ORDER BY " + thing_.key + " LIMIT " + std::to_string(page_ids);
  return source_.read([&](db::Tx& tx) {
    Ids ids;
    db::Rows rows = tx.query(sql, after);
    while (rows.next()) ids.push_back(rows.text(0));
    return ids;
  });
}

void Things::copy(const Thing& thing,
                  const Adapt& adapt,
                  const Prepare& prepare,
                  const PageSource& page_source) {
  if (!source_.read([&](db::Tx& tx) { return !tx.columns(thing.parts.front().table).empty(); })) {
    return;
  }
  if (!page_source && !open(thing, adapt, source_)) return;
  thing_ = thing;
  std::string after;
  for (;;) {
    const Ids ids = next_ids(after);
    if (ids.empty()) return;
    after = ids.back();
    db::Database& source = page_source ? page_source(ids) : source_;
    if (page_source) open(thing, adapt, source);
    take_page(ids, prepare, source);
    ledger_.advance(static_cast<std::int64_t>(ids.size()), 0);
  }
}

void Things::take_page(const Ids& ids, const Prepare& prepare, db::Database& source) {
  const Part& own = thing_.parts.front();
  const std::string sql = "SELECT " + thing_.key + " FROM " + own.table + " WHERE " + thing_.key +
                          " IN (" + page_marks() + ")";
  const Ids present = target_.read([&](db::Tx& tx) {
    Ids found;
    db::Rows rows = tx.query_values(sql, page_values(ids));
    while (rows.next()) found.push_back(rows.text(0));
    return found;
  });
  const Ids absent = without(ids, present);
  const Ids coming = prepare ? prepare(absent, present) : absent;
  failed_ = without(absent, coming);
  ledger_.present(static_cast<std::int64_t>(present.size()));
  if (thing_.is_merged) {
    Ids all = coming;
    all.insert(all.end(), present.begin(), present.end());
    if (!dry_run_) write(all, source);
    ledger_.add(static_cast<std::int64_t>(coming.size()));
    compare_merged(without(ids, failed_), source);
    return;
  }
  if (!dry_run_) {
    for (const Ids& portion : portions(coming, source)) {
      write(portion, source);
      ledger_.advance(0, 0);
    }
  }
  ledger_.add(static_cast<std::int64_t>(without(coming, failed_).size()));
  compare(without(ids, failed_), absent, source);
}

std::vector<Ids> Things::portions(const Ids& ids, db::Database& source) {
  if (ids.empty()) return {};
  std::map<std::string, std::int64_t> weights;
  for (const auto& part : parts_) {
    if (part->part().table != thing_.heavy || !part->is_in_source()) continue;
    const std::string owner = part->part().owner;
    const std::string sql = "SELECT " + owner + ", COUNT(*) FROM " + thing_.heavy + " WHERE " +
                            owner + " IN (" + page_marks() + ") GROUP BY " + owner;
    source.read([&](db::Tx& tx) {
      db::Rows rows = tx.query_values(sql, page_values(ids));
      while (rows.next()) weights[rows.text(0)] = rows.integer(1);
    });
  }
  std::vector<Ids> all(1);
  std::int64_t rows = 0;
  for (const std::string& id : ids) {
    if (rows > 0 && rows + weights[id] > transaction_rows) {
      all.emplace_back();
      rows = 0;
    }
    all.back().push_back(id);
    rows += weights[id];
  }
  return all;
}

bool Things::write_together(const Ids& ids, db::Database& source, std::string& why) {
  try {
    target_.write([&](db::Tx& to) {
      source.read([&](db::Tx& from) {
        for (const auto& part : parts_) part->copy(from, to, ids);
      });
    });
    return true;
  } catch (const Error& error) {
    // A full disk or a busy database is no fault of the thing.
    if (error.code() == Code::temporarily_unavailable) throw;
    why = error.message();
    return false;
  }
}

void Things::write(const Ids& ids, db::Database& source) {
  std::string why;
  if (ids.empty() || write_together(ids, source, why)) return;
  for (const std::string& id : ids) {
    if (write_together({id}, source, why)) continue;
    failed_.push_back(id);
    ledger_.odd(id, thing_.name + " " + id + " could not be taken over: " + why);
  }
}

void Things::compare(const Ids& ids, const Ids& absent, db::Database& source) {
  if (ids.empty()) return;
  std::set<std::string> differing;
  const std::set<std::string> new_ones(absent.begin(), absent.end());
  for (const auto& part : parts_) {
    if (!part->is_in_source()) continue;
    std::map<std::string, Digest, std::less<>> theirs;
    std::map<std::string, Digest, std::less<>> ours;
    const auto into = [](auto& digests) {
      return [&digests](std::string_view owner, std::uint64_t hash) {
        auto found = digests.find(owner);
        if (found == digests.end()) found = digests.emplace(std::string(owner), Digest{}).first;
        ++found->second.rows;
        found->second.sum += hash;
      };
    };
    source.read([&](db::Tx& tx) { part->for_each_in_source(tx, ids, into(theirs)); });
    target_.read([&](db::Tx& tx) { part->for_each_in_target(tx, ids, into(ours)); });
    std::int64_t their_rows = 0;
    std::int64_t our_rows = 0;
    for (const std::string& id : ids) {
      const Digest& their = theirs[id];
      const Digest& our = ours[id];
      their_rows += their.rows;
      our_rows += our.rows;
      if (dry_run_ && new_ones.count(id) != 0) continue;
      if (!(their == our)) differing.insert(id);
    }
    if (!part->part().counted.empty()) ledger_.compare(part->part().counted, their_rows, our_rows);
  }
  for (const std::string& id : differing) {
    ledger_.different(id, thing_.name + " " + id +
                              " is in the lab already with other content. The lab's stays as it "
                              "is; to have the source's, delete the lab's for good (gc) and import "
                              "again.");
  }
}

void Things::compare_merged(const Ids& ids, db::Database& source) {
  if (ids.empty()) return;
  std::set<std::string> differing;
  for (const auto& part : parts_) {
    if (!part->is_in_source()) continue;
    std::set<std::uint64_t> ours;
    target_.read([&](db::Tx& tx) {
      part->for_each_in_target(tx, ids,
                               [&](std::string_view, std::uint64_t hash) { ours.insert(hash); });
    });
    std::int64_t rows = 0;
    std::int64_t found = 0;
    source.read([&](db::Tx& tx) {
      part->for_each_in_source(tx, ids, [&](std::string_view owner, std::uint64_t hash) {
        ++rows;
        if (ours.count(hash) != 0) {
          ++found;
        } else if (!dry_run_) {
          differing.emplace(owner);
        }
      });
    });
    if (!part->part().counted.empty()) ledger_.compare(part->part().counted, rows, found);
  }
  for (const std::string& id : differing) {
    ledger_.different(id, thing_.name + " '" + id +
                              "' has something in the lab that differs from the source (a version, "
                              "an alias, a description or a tag). The lab's stays as it is.");
  }
}

}  // namespace sandbox::import

// Takes over all things of one kind: a run with its params, tags and points, a trace with its
// spans, a registered model with its versions. A thing comes whole, in one transaction with all its
// rows, or not at all; one that is there already is compared and never changed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/db/database.h"
#include "sandbox/import/ledger.h"
#include "sandbox/import/rows.h"

namespace sandbox::import {

struct Thing {
  std::string name;            // "Run", for sentences
  std::vector<Part> parts;     // the thing's own row first; a row comes after those it refers to
  std::string key;             // the column of the first part that is the id
  std::string condition = "";  // of the source's own rows, e.g. "experiment_id IS NOT NULL"
  // The part whose rows are so many that a transaction holds few things; "" where none is.
  std::string heavy = "";
  // What the source has is added to a thing that is there, instead of only compared.
  bool is_merged = false;
};

class Things {
 public:
  Things(db::Database& source, db::Database& target, Ledger& ledger, bool dry_run)
      : source_(source), target_(target), ledger_(ledger), dry_run_(dry_run) {}

  // Called before anything is written, outside of transactions, with the ids of a page that are not
  // in the lab and those that are. Answers those of the first that shall come.
  using Prepare = std::function<Ids(const Ids& absent, const Ids& present)>;
  // Called once a part's columns are known, to set what is done to its rows.
  using Adapt = std::function<void(PartRows& part)>;
  // The database the rows of a page are read from, when it is not the source itself.
  using PageSource = std::function<db::Database&(const Ids& ids)>;

  void copy(const Thing& thing,
            const Adapt& adapt,
            const Prepare& prepare = {},
            const PageSource& page_source = {});

 private:
  struct Page;
  bool open(const Thing& thing, const Adapt& adapt, db::Database& source);
  Ids next_ids(const std::string& after);
  void take_page(const Ids& ids, const Prepare& prepare, db::Database& source);
  void write(const Ids& ids, db::Database& source);
  bool write_together(const Ids& ids, db::Database& source, std::string& why);
  std::vector<Ids> portions(const Ids& ids, db::Database& source);
  void compare(const Ids& ids, const Ids& failed, db::Database& source);
  void compare_merged(const Ids& ids, db::Database& source);

  db::Database& source_;
  db::Database& target_;
  Ledger& ledger_;
  bool dry_run_;
  Thing thing_;
  std::vector<std::unique_ptr<PartRows>> parts_;
  Ids failed_;  // things of the page that could not be written
};

}  // namespace sandbox::import

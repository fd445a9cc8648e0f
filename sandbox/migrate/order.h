// What a person asks of a migration, and what the lab's settings become by it.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/base/config.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"
#include "sandbox/migrate/object_sync.h"

namespace sandbox::migrate {

struct Order {
  std::string to_db;
  std::string to_s3;     // s3://bucket/path; "" leaves the files where they are
  std::string endpoint;  // of the S3 server that is in; "" is the built-in store
  std::string region;
  std::string access_key;
  std::string secret_key;
  std::string session_token;
  std::string addressing;
  std::string ca_file;
  bool ignore_tls = false;
  bool keep_keys = false;
  bool no_switch = false;
  static constexpr auto fields() {
    return std::tuple{
        required("to_db", &Order::to_db, "The database it moves to."),
        field("to_s3", &Order::to_s3, "The place its files move to, s3://bucket/path."),
        field("endpoint", &Order::endpoint, "URL of the S3 server that is in."),
        field("region", &Order::region),
        field("access_key", &Order::access_key),
        field("secret_key", &Order::secret_key),
        field("session_token", &Order::session_token),
        field("addressing", &Order::addressing, "path or virtual."),
        field("ca_file", &Order::ca_file, "Who signed its certificate."),
        field("ignore_tls", &Order::ignore_tls, "Do not check its certificate."),
        field("keep_keys", &Order::keep_keys, "Write the keys into the lab's settings."),
        field("no_switch", &Order::no_switch, "Copy and compare, but stay on the old place.")};
  }
};

// Lines of the settings file by which the next `up` works on the new place; "" takes one out.
using Settings = std::map<std::string, std::string>;
Settings settings_after(const Order& order, const Config& from);

// The lab's settings on the new place. Throws Error(invalid_parameter_value) when that is where it
// is already, or when the files would only move inside their store, which `relocate` does.
Config config_after(const Order& order, const Config& from);

// Whether the files go to another store.
bool moves_files(const Config& from, const Config& to);

// Where the artifacts go, and from the built-in store every other bucket that has something in it.
// None where the files stay.
std::vector<ObjectMove> moves_between(const Config& from,
                                      const Config& to,
                                      store::ObjectStore& source);

// Other buckets keep their names; one that is missing is made.
void make_buckets(store::ObjectStore& target,
                  const std::vector<ObjectMove>& moves,
                  const Config& to);

// <data>/migration.json: where an unfinished migration goes, so that its half-filled target is
// known again. Without keys and passwords.
class Mark {
 public:
  Mark(const Order& order, const Config& from);
  // Whether an earlier migration to the same place was not finished.
  [[nodiscard]] bool is_there() const;
  void write() const;
  void remove() const;

 private:
  std::string file_;
  std::string text_;
};

// Refuses a target that somebody uses: nothing in it may be lost. Throws Error(invalid_state).
void need_free_target(db::Database& target, const Mark& mark);

}  // namespace sandbox::migrate

// RocksDB's own words about its work, for whoever looks into a store that failed.
#pragma once

#include <memory>
#include <string>

#include <rocksdb/env.h>

namespace store::engine {

// Writes warnings and worse to `directory`/LOG and keeps the log before it as LOG.old. Lines that
// cannot be written are lost: RocksDB's own logger ends the process when the disk is full.
// Threads: any.
std::shared_ptr<rocksdb::Logger> make_engine_log(const std::string& directory);

}  // namespace store::engine

// Which PostgreSQL a backend-store URI names.
#pragma once

#include <string>
#include <string_view>

namespace sandbox::db {

struct PostgresAddress {
  // What libpq is given: key='value' pairs, the password among them. Never shown.
  std::string connection;
  // For sentences, with what libpq takes from PG* variables and its own defaults filled in.
  std::string host;
  std::string port;
  std::string database;
  std::string user;

  // "database 'mlflow' at db.example:5432 as user 'mlflow'".
  [[nodiscard]] std::string shown() const;
};

// postgresql:// and postgres://, with or without a driver of SQLAlchemy's (postgresql+psycopg2://).
bool is_postgres_uri(std::string_view uri);

// Reads the URI as libpq does: percent-encoding, several hosts, parameters such as
// ?sslmode=require&connect_timeout=3; what it leaves out comes from PG* variables, the password
// file and a service file. Throws Error(invalid_parameter_value) for what libpq would not
// understand, and for an '@' or '/' of a password that was not percent-encoded; no sentence repeats
// the URI.
PostgresAddress postgres_address(const std::string& uri);

// The URI with its password as ***, for messages, files and screens. Other URIs stay as they are.
std::string without_password(const std::string& uri);

}  // namespace sandbox::db

#include "sandbox/db/postgres_failures.h"

#include <array>
#include <string_view>

#include "sandbox/base/text.h"

namespace sandbox::db {
namespace {

using Kind = PostgresFailure::Kind;

// PostgreSQL's first line without its severity: "ERROR:  relation …" says no more with it.
std::string first_line(const std::string& message) {
  std::string_view line = trim(message);
  line = line.substr(0, line.find('\n'));
  for (const std::string_view severity : {"ERROR:", "FATAL:", "PANIC:"}) {
    if (line.starts_with(severity)) line = trim(line.substr(severity.size()));
  }
  return std::string(line);
}

std::string all_lines(const std::string& message) {
  std::string out;
  for (const char c : trim(message)) {
    if (c == '\n') {
      out += "; ";
    } else if (c != '\t') {
      out += c;
    }
  }
  return out;
}

std::string sql_name(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

// What a sentence may name.
struct Place {
  const PostgresAddress& address;
  [[nodiscard]] std::string text(std::string_view sentence) const {
    std::string out(sentence);
    const auto put = [&](std::string_view mark, const std::string& value) {
      for (std::size_t at = out.find(mark); at != std::string::npos;
           at = out.find(mark, at + value.size())) {
        out.replace(at, mark.size(), value);
      }
    };
    put("{user}", sql_name(address.user));
    put("{database}", sql_name(address.database));
    put("{port}", address.port);
    return out;
  }
};

struct StateRow {
  std::string_view state;  // an SQLSTATE, or its first letters
  Kind kind;
  Code code;
  std::string_view advice;
};

// The first row that fits; https://www.postgresql.org/docs/15/errcodes-appendix.html.
constexpr std::array state_rows{
    StateRow{"40001", Kind::conflict, Code::temporarily_unavailable, "Try again."},
    StateRow{"40P01", Kind::conflict, Code::temporarily_unavailable, "Try again."},
    StateRow{"23505", Kind::collision, Code::bad_request, "It exists already."},
    StateRow{"23503", Kind::collision, Code::bad_request,
             "What it refers to does not exist, or is still referred to."},
    StateRow{"23", Kind::refused, Code::bad_request, "Give values the table can keep."},
    StateRow{"22", Kind::refused, Code::bad_request, "Give values the table can keep."},
    StateRow{"57014", Kind::refused, Code::temporarily_unavailable,
             "The server ended the statement (statement_timeout, or somebody cancelled it). Ask "
             "for less at a time, or allow more: ALTER ROLE {user} SET statement_timeout = '60s';"},
    StateRow{"55P03", Kind::refused, Code::temporarily_unavailable,
             "Another program holds a lock for longer than lock_timeout. Try again, or look for it "
             "in pg_stat_activity."},
    StateRow{"53100", Kind::refused, Code::temporarily_unavailable,
             "The disk of the PostgreSQL server is full. Free space there and try again."},
    StateRow{"53300", Kind::unreachable, Code::temporarily_unavailable,
             "The server has no free connection. Raise max_connections, or stop a program that "
             "holds many."},
    StateRow{"53", Kind::refused, Code::temporarily_unavailable,
             "The PostgreSQL server is short of memory or space. Try again later."},
    StateRow{"25006", Kind::refused, Code::temporarily_unavailable,
             "This server or database only reads (a replica, or default_transaction_read_only). "
             "Name the primary server."},
    StateRow{"42501", Kind::refused, Code::invalid_state,
             "From PostgreSQL 15 on a GRANT on the database gives no right to make tables in it. "
             "As its administrator type: ALTER DATABASE {database} OWNER TO {user}; or, connected "
             "to that database: GRANT ALL ON SCHEMA public TO {user}; for tables of another owner: "
             "GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}; GRANT ALL ON ALL SEQUENCES IN "
             "SCHEMA public TO {user};"},
    StateRow{"57P", Kind::unreachable, Code::temporarily_unavailable,
             "The server stops or starts. Try again."},
    StateRow{"08", Kind::unreachable, Code::temporarily_unavailable, "Try again."},
    StateRow{"", Kind::refused, Code::internal_error, ""},
};

struct WordsRow {
  std::string_view words;  // of libpq or the server, found anywhere in the message
  Kind kind;
  std::string_view advice;
};

constexpr std::array words_rows{
    WordsRow{"password authentication failed", Kind::refused,
             "The password or the user is wrong. Check both in the URI (with % codes for special "
             "characters), PGPASSWORD and ~/.pgpass; set a new one with ALTER ROLE {user} PASSWORD "
             "'...';"},
    WordsRow{"no password supplied", Kind::refused,
             "The server wants a password and none was given. Put it into the URI, PGPASSWORD or "
             "~/.pgpass."},
    WordsRow{"no encryption", Kind::refused,
             "The server lets nobody in from this address without TLS. Where its pg_hba.conf has a "
             "hostssl line, add ?sslmode=require to the URI. Otherwise add a line there, such as "
             "`host {database} {user} ADDRESS/32 scram-sha-256`, and reload it: SELECT "
             "pg_reload_conf();"},
    WordsRow{"no pg_hba.conf entry", Kind::refused,
             "The server lets nobody in from this address. Add a line to its pg_hba.conf, such as "
             "`host {database} {user} ADDRESS/32 scram-sha-256` (hostssl when it wants TLS), and "
             "reload it: SELECT pg_reload_conf();"},
    WordsRow{"pg_hba.conf rejects", Kind::refused,
             "A reject line of the server's pg_hba.conf fits. Put a line for this user, database "
             "and address above it and reload it: SELECT pg_reload_conf();"},
    WordsRow{"is not permitted to log in", Kind::refused, "Allow it: ALTER ROLE {user} LOGIN;"},
    WordsRow{"permission denied for database", Kind::refused,
             "Allow it: GRANT ALL PRIVILEGES ON DATABASE {database} TO {user};"},
    WordsRow{"server does not support SSL", Kind::refused,
             "The URI (or PGSSLMODE) asks for TLS and the server offers none. Use sslmode=prefer, "
             "or switch TLS on at the server (ssl = on)."},
    WordsRow{"certificate", Kind::refused,
             "The server's certificate does not satisfy sslmode. Give its authority with "
             "sslrootcert=FILE, or use sslmode=require, which does not check it."},
    WordsRow{"invalid sslmode value", Kind::refused,
             "sslmode is one of disable, allow, prefer, require, verify-ca and verify-full."},
    WordsRow{"does not exist", Kind::refused,
             "Make it as the server's administrator: CREATE ROLE {user} LOGIN PASSWORD '...'; "
             "CREATE DATABASE {database} OWNER {user};"},
    WordsRow{"too many clients", Kind::unreachable,
             "The server has no free connection. Raise max_connections, or stop a program that "
             "holds many."},
    WordsRow{"too many connections for", Kind::unreachable,
             "The role or the database has no free connection. Raise its CONNECTION LIMIT, or stop "
             "a program that holds many."},
    WordsRow{"remaining connection slots", Kind::unreachable,
             "The server has no free connection. Raise max_connections, or stop a program that "
             "holds many."},
    WordsRow{"the database system is", Kind::unreachable,
             "The server starts, stops or recovers. Try again in a moment."},
    WordsRow{"Connection refused", Kind::unreachable,
             "Nothing listens there. Is PostgreSQL running, and does its postgresql.conf listen on "
             "that address (listen_addresses = '*') and port {port}?"},
    WordsRow{"could not translate host name", Kind::unreachable,
             "The host name is not known here. Check its spelling and the DNS."},
    WordsRow{"timeout expired", Kind::unreachable,
             "The host does not answer. Check its address, and firewalls on the way to port "
             "{port}."},
    WordsRow{"No route to host", Kind::unreachable, "Check the address and the network."},
    WordsRow{"Network is unreachable", Kind::unreachable, "Check the address and the network."},
    WordsRow{"No such file or directory", Kind::unreachable,
             "There is no socket of a PostgreSQL there. Is it running? A server on TCP wants a "
             "host in the URI."},
    WordsRow{"", Kind::unreachable, "Check the URI, the server and the network."},
};

}  // namespace

PostgresFailure statement_failure(const PostgresAddress& address,
                                  const std::string& sqlstate,
                                  const std::string& message,
                                  const std::string& doing) {
  for (const StateRow& row : state_rows) {
    if (!sqlstate.starts_with(row.state)) continue;
    const std::string state = sqlstate.empty() ? "" : " (SQLSTATE " + sqlstate + ")";
    const std::string advice = Place{address}.text(row.advice);
    return {row.kind, row.code,
            "PostgreSQL's " + address.shown() + " failed while " + doing + ": " +
                first_line(message) + state + "." + (advice.empty() ? "" : " " + advice),
            sqlstate};
  }
  return {Kind::refused, Code::internal_error, first_line(message)};
}

PostgresFailure connection_failure(const PostgresAddress& address, const std::string& message) {
  for (const WordsRow& row : words_rows) {
    if (message.find(row.words) == std::string::npos) continue;
    const Code code =
        row.kind == Kind::unreachable ? Code::temporarily_unavailable : Code::invalid_state;
    return {row.kind, code,
            "Cannot connect to PostgreSQL's " + address.shown() + ": " + all_lines(message) + ". " +
                Place{address}.text(row.advice)};
  }
  return {Kind::unreachable, Code::temporarily_unavailable, all_lines(message)};
}

PostgresFailure foreign_connection_failure(const PostgresAddress& address,
                                           const std::string& message) {
  if (message.find("does not exist") == std::string::npos ||
      message.find("password authentication failed") != std::string::npos) {
    return connection_failure(address, message);
  }
  return {Kind::refused, Code::invalid_parameter_value,
          "Cannot connect to PostgreSQL's " + address.shown() + ": " + all_lines(message) +
              ". Check the names in the URI: they have to be those of the other server's "
              "--backend-store-uri."};
}

}  // namespace sandbox::db

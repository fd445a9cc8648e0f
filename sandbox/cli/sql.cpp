#include <csignal>
#include <cstdio>
#include <thread>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/sql_lines.h"
#include "sandbox/cli/sql_table.h"
#include "sandbox/cli/tracking_door.h"
#include "sandbox/db/console.h"

namespace sandbox::cli {
namespace {

constexpr const char* shell_help =
    "  SELECT ... ;   ask; a statement ends with ; and may go over several lines\n"
    "  \\dt            the tables and how many rows they have\n"
    "  \\d TABLE       the columns, indexes and references of a table\n"
    "  \\l             the database\n"
    "  \\?             this help\n"
    "  \\q             leave (Ctrl-D too); Ctrl-C ends a statement that takes too long\n";

constexpr const char* help_footer =
    "Without a statement it is a shell like psql: statements end with ;, \\dt lists the tables, "
    "\\? the rest.\nIt only reads. It works beside a running lab, which does not notice, and on a "
    "stopped one.\n"
    "\nExamples:\n"
    "  mlops-sandbox sql                                    the shell\n"
    "  mlops-sandbox sql \"SELECT * FROM experiments\"        one answer, exit code 1 on an error\n"
    "  mlops-sandbox sql --json \"SELECT key, value FROM params\" | jq .\n"
    "  mlops-sandbox sql < questions.sql                    many\n"
    "  mlops-sandbox sql \"SELECT e.name, COUNT(*) FROM runs r JOIN experiments e USING "
    "(experiment_id)\n"
    "                     GROUP BY e.name\"";

// While it lives, Ctrl-C ends the statement instead of the program.
class InterruptsGoTo {
 public:
  explicit InterruptsGoTo(db::Console& console) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGUSR1);  // tells the watcher to end
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    watcher_ = std::jthread([&console, signals = signals_] {
      int signal = 0;
      while (sigwait(&signals, &signal) == 0 && signal == SIGINT) console.interrupt();
    });
  }
  ~InterruptsGoTo() {
    pthread_kill(watcher_.native_handle(), SIGUSR1);
    watcher_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  InterruptsGoTo(const InterruptsGoTo&) = delete;
  InterruptsGoTo& operator=(const InterruptsGoTo&) = delete;

 private:
  sigset_t signals_{};
  sigset_t before_{};
  std::jthread watcher_;
};

class Shell {
 public:
  Shell(db::Console& console, bool as_json) : console_(console), as_json_(as_json) {}

  // False when it failed; the reason has been printed.
  bool run(const std::string& statements) {
    return attempt([&] { console_.run(statements, reader()); });
  }

  // \\dt and the like; false when it failed.
  bool command(const std::string& line) {
    const std::size_t blank = line.find(' ');
    const std::string name = line.substr(0, blank);
    std::string argument(blank == std::string::npos ? "" : trim(line.substr(blank)));
    while (argument.ends_with(';')) argument.pop_back();
    if (name == "\\?" || name == "\\h") {
      std::fputs(shell_help, stdout);
      return true;
    }
    if (name == "\\l") return attempt([&] { console_.databases(reader()); });
    if (name == "\\dt" || (name == "\\d" && argument.empty())) {
      return attempt([&] { console_.tables(reader()); });
    }
    if (name == "\\d") return attempt([&] { console_.describe(argument, reader()); });
    std::fprintf(stderr, "invalid command %s\nTry \\? for help.\n", name.c_str());
    return false;
  }

  // The exit code: 1 when a statement of a file failed; a person has seen it.
  int converse(Lines& lines) {
    bool has_failed = false;
    std::string text;
    while (const auto line = lines.next(console_.name() + (text.empty() ? "=> " : "-> "))) {
      const std::string_view word = trim(*line);
      if (text.empty() && (word.starts_with('\\') || word == "quit" || word == "exit")) {
        if (word == "quit" || word == "exit" || word.starts_with("\\q")) {
          return lines.is_terminal() || !has_failed ? 0 : 1;
        }
        lines.remember(*line);
        has_failed = !command(std::string(word)) || has_failed;
        continue;
      }
      if (text.empty() && word == "help") {
        std::fputs(shell_help, stdout);
        continue;
      }
      if (text.empty() && word.empty()) continue;
      text += *line + "\n";
      if (!console_.is_whole(text)) continue;
      lines.remember(text);
      has_failed = !run(text) || has_failed;
      text.clear();
    }
    if (!trim(text).empty()) has_failed = !run(text) || has_failed;
    if (lines.is_terminal()) std::fputs("\\q\n", stdout);
    return lines.is_terminal() || !has_failed ? 0 : 1;
  }

 private:
  db::ConsoleReader& reader() {
    if (as_json_) return json_;
    return table_;
  }

  template <class Function>
  bool attempt(Function function) {
    try {
      const InterruptsGoTo console(console_);
      function();
      return true;
    } catch (const Error& error) {
      if (!as_json_) table_.abandon();
      std::fflush(stdout);
      std::fprintf(stderr, "ERROR:  %s\n", error.what());
      return false;
    }
  }

  db::Console& console_;
  bool as_json_;
  TableReader table_;
  JsonReader json_;
};

}  // namespace

int sql(const Words& words) {
  Arguments arguments("sql", "Asks the metadata database of the lab in SQL. It only reads.");
  std::string statement;
  std::string command;
  LabFlags lab;
  std::int64_t timeout_s = 300;
  bool as_json = false;
  arguments.text("statement", statement, "What to ask; without it, a shell");
  arguments.text("--command,-c", command, "The same, as psql takes it");
  arguments.flag("--json", as_json, "A JSON array of objects instead of a table");
  arguments.number("--timeout", timeout_s, "Seconds a statement may take, 0 is no limit [300]");
  arguments.text("--data-dir,--data", lab.data_dir, "The lab's data directory");
  arguments.text("--backend-store-uri", lab.backend_store_uri, "Another database");
  arguments.footer(help_footer);
  if (!arguments.parse(words)) return 0;
  if (timeout_s < 0 || timeout_s > 86'400) {
    throw Error(Code::invalid_parameter_value, "--timeout must be between 0 and 86400 seconds.");
  }
  if (statement.empty()) statement = command;
  SystemEnv env;
  const auto console = db::open_console(env, backend_store_of(lab), timeout_s * 1000);
  Shell shell(*console, as_json);
  if (!statement.empty()) {
    // A command of the shell may be asked alone too.
    if (!statement.starts_with('\\')) return shell.run(statement) ? 0 : 1;
    return shell.command(statement) ? 0 : 1;
  }
  Lines lines(find_data_dir(lab.data_dir, process_environment()) + "/sql_history");
  if (lines.is_terminal()) {
    std::printf(
        "mlops-sandbox sql: the metadata of the lab, read-only. \\? shows help, \\q "
        "leaves.\n\n");
  }
  return shell.converse(lines);
}

}  // namespace sandbox::cli

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <list>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/app.h"
#include "sandbox/backend.h"
#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/cli/lifetime.h"
#include "sandbox/cli/settings_file.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/snapshots/restore.h"

namespace sandbox::cli {
namespace {

namespace fs = std::filesystem;

struct Start {
  Config config;
  std::int64_t began_ns = 0;
  int parent = 0;          // the process whose end ends a --ci lab, 0 without
  bool temporary = false;  // the data directory goes away with the lab
};

std::string option_about(const SettingRow& row) {
  std::string about = row.about;
  if (!row.standard.empty()) about += " [" + row.standard + "]";
  return about;
}

std::string footer(const std::vector<SettingRow>& rows) {
  std::string text = "The same settings as environment variables:\n";
  for (const SettingRow& row : rows) text += "  " + join(row.environment, ", ") + "\n";
  text +=
      "\nOr as lines `name = value` (s3-port = 9100) of the file mlops-sandbox.conf in the data\n"
      "directory, or of the file --config names. A flag wins over the environment, that over the "
      "file.\n"
      "\nExamples:\n"
      "  mlops-sandbox up                              in this terminal, until Ctrl-C\n"
      "  mlops-sandbox up --detach                     in the background\n"
      "  mlops-sandbox up --port 5001 --data-dir lab2  a second lab (give the other ports too)\n"
      "  mlops-sandbox up --default-artifact-root s3://mlflow-artifacts\n"
      "                                                clients write files to S3 themselves\n"
      "  mlops-sandbox up --artifacts-endpoint https://minio.example.org --no-s3 \\\n"
      "      --artifacts-destination s3://team/mlflow  files lie in another S3 store; its keys "
      "are\n"
      "                                                AWS_ACCESS_KEY_ID and "
      "AWS_SECRET_ACCESS_KEY\n"
      "  mlops-sandbox up --ci                         for a test run; prints one line of JSON\n";
  return text;
}

// ":9001" or "0.0.0.0:9001", MinIO's way to say the console's port.
std::string port_of_address(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  return colon == std::string::npos ? address : address.substr(colon + 1);
}

struct Given {
  SettingTexts flags;
  std::string config_file;
  bool go_on = true;
};

Given read_flags(const Words& words) {
  Arguments arguments("up",
                      "Starts the lab: an MLflow tracking server, an S3 store and a console page.");
  Given given;
  const std::vector<SettingRow> rows = setting_rows();
  std::list<bool> flags;  // a list: the parser keeps references to its elements
  std::string console_address;
  for (const SettingRow& row : rows) {
    const std::string names = "--" + row.name + (row.name == "data-dir" ? ",--data" : "");
    if (row.kind == SettingRow::Kind::flag) {
      arguments.flag(names, flags.emplace_back(false), row.about);
    } else {
      arguments.list(names, given.flags[row.name], option_about(row));
    }
  }
  arguments.text("--console-address", console_address,
                 "MinIO's way to say --console-port, e.g. :9001");
  arguments.text("--config", given.config_file, "A settings file to read instead of the usual one");
  arguments.footer(footer(rows));
  given.go_on = arguments.parse(words);
  auto flag = flags.begin();
  for (const SettingRow& row : rows) {
    if (row.kind == SettingRow::Kind::flag && *flag++) given.flags[row.name] = {"true"};
  }
  if (!console_address.empty()) given.flags["console-port"] = {port_of_address(console_address)};
  return given;
}

std::string make_temporary_directory() {
  std::string pattern = (fs::temp_directory_path() / "mlops-sandbox-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw Error(Code::invalid_state,
                "No temporary directory could be made (" + pattern + "): " + std::strerror(errno));
  }
  return pattern;
}

// What the commands of this machine show the server, for as long as it runs.
std::string new_local_token(Env& env) {
  std::array<std::uint8_t, 32> bytes{};
  env.random_bytes(bytes);
  return hex(bytes);
}

void set_places(LabState& state, const Config& config) {
  const bool is_elsewhere = !config.artifacts_endpoint.empty();
  state.backend_store_uri = config.backend_store_uri;
  state.default_artifact_root = config.default_artifact_root;
  state.artifacts_destination = config.artifacts_destination;
  state.artifacts_endpoint = config.artifacts_endpoint;
  state.artifacts_region = is_elsewhere ? config.artifacts_region : "";
  state.artifacts_addressing = is_elsewhere ? config.artifacts_addressing : "";
  state.artifacts_ca_file = is_elsewhere ? config.artifacts_ca_file : "";
}

LabState state_of(const App& app, const Config& config, Env& env) {
  LabState state;
  state.auth = config.auth;
  state.tls_cert = config.tls_cert;
  state.tracking_url = local_url(config, app.port());
  if (!config.no_s3) state.s3_url = local_url(config, app.s3_port());
  state.console_url = local_url(config, app.console_port());
  state.access_key = config.access_key;
  state.secret_key = config.secret_key.reveal();
  state.data_dir = config.data_dir;
  state.pid = getpid();
  state.started_ms = env.now_ms();
  state.version = SANDBOX_VERSION;
  set_places(state, config);
  return state;
}

// A running lab has moved. The settings come last: they decide where the next `up` works.
void keep_place(LabState& state, const Config& place, const migrate::Settings& settings) {
  const LabState before = state;
  set_places(state, place);
  write_state(state);
  try {
    change_settings(place.data_dir, settings);
  } catch (const Error&) {
    state = before;
    write_state(state);
    throw;
  }
}

bool has_usual_keys(const LabState& state) {
  const Config usual;
  return state.access_key == usual.access_key && state.secret_key == usual.secret_key.reveal();
}

void print_banner(const LabState& state, const Config& config, std::int64_t ms) {
  const std::string flag = data_dir_flag(state.data_dir);
  const std::string keys = has_usual_keys(state) ? state.access_key + " / " + state.secret_key
                                                 : state.access_key + " / the secret key you set";
  std::printf("mlops-sandbox %s is running (process %lld, ready in %lld ms)\n\n", SANDBOX_VERSION,
              static_cast<long long>(state.pid), static_cast<long long>(ms));
  std::printf("  Tracking server  %s\n", state.tracking_url.c_str());
  std::printf("  MLflow UI        %s/mlflow/%s\n", state.tracking_url.c_str(),
              find_mlflow_ui(config.mlflow_ui) ? "" : "  (after: pip install mlflow)");
  if (config.no_s3) {
    std::printf("  S3               off (--no-s3)\n");
  } else {
    std::printf("  S3               %s  (keys: %s)\n", state.s3_url.c_str(), keys.c_str());
  }
  if (!state.artifacts_endpoint.empty()) {
    std::printf("  Artifacts        %s in the object store at %s\n",
                state.artifacts_destination.c_str(), state.artifacts_endpoint.c_str());
  }
  std::printf("  Console          %s\n", state.console_url.c_str());
  std::printf("  Data             %s\n", state.data_dir.c_str());
  std::printf("  Runs             %s\n", db::without_password(state.backend_store_uri).c_str());
  std::printf("  Log              %s\n\n", log_file(state.data_dir).c_str());
  std::printf("In another shell:  eval \"$(%s env%s)\"\n", program().c_str(), flag.c_str());
  std::printf("To stop it:        %s%s down%s\n", config.detach ? "" : "Ctrl-C here, or ",
              program().c_str(), flag.c_str());
  if (config.auth == "basic") {
    std::printf("Users:             %s auth user add NAME%s\n", program().c_str(), flag.c_str());
  }
  if (is_open_to_others(config.host) && config.auth == "none") {
    std::printf(
        "\nWarning: every machine that reaches %s can read and change everything without a login. "
        "--auth basic asks for one.\n",
        config.host.c_str());
  }
  if (is_open_to_others(config.host) && !config.no_s3 && has_usual_keys(state)) {
    std::printf(
        "\nNote: %s lets other machines in, and these keys are known to everybody. Set "
        "--access-key and --secret-key.\n",
        config.host.c_str());
  }
  std::fflush(stdout);
}

void print_ready(const LabState& state, const Config& config, std::int64_t ms) {
  if (!config.ci) {
    print_banner(state, config, ms);
    return;
  }
  std::printf("%s\n", to_json(state).c_str());
  std::fflush(stdout);
}

void open_log(const Config& config) {
  std::error_code failure;
  fs::create_directories(config.data_dir + "/logs", failure);
  if (failure) {
    throw Error(Code::invalid_state,
                "The directory for the log cannot be made: " + failure.message() + ".");
  }
  log::open(log_file(config.data_dir), log::Level::info, true);
}

// Removes the data directory of a lab that was made for one test run.
struct TemporaryPlace {
  const Start& start;
  ~TemporaryPlace() {
    std::error_code ignored;
    if (start.temporary) fs::remove_all(start.config.data_dir, ignored);
  }
};

// Everything from the lock to the last closed file. `ready` is told once the ports answer.
int serve(const Start& start, const std::function<void(const LabState&, std::int64_t ms)>& ready) {
  SystemEnv env;
  const Config& config = start.config;
  umask(077);  // runs, objects and keys are their owner's
  const TemporaryPlace place{start};
  const LabLock lock(config.data_dir);
  snapshots::refuse_unfinished(config.data_dir);
  open_log(config);
  Lifetime lifetime(start.parent);
  {
    const std::string local_token = new_local_token(env);
    LabState state;
    App app(config, {local_token,
                     {"/proc/self/exe", "shim"},  // this very program, also when it was built anew
                     [&](const Config& now, const migrate::Settings& settings) {
                       keep_place(state, now, settings);
                     }});
    // The ports take connections already, so whoever reads this is answered.
    state = state_of(app, config, env);
    state.local_token = local_token;
    write_state(state);
    app.start();
    const std::int64_t ms = (env.monotonic_ns() - start.began_ns) / 1'000'000;
    log::info("started", {{"version", SANDBOX_VERSION},
                          {"pid", state.pid},
                          {"tracking", state.tracking_url},
                          {"s3", config.no_s3 ? "off" : state.s3_url},
                          {"artifact_store", state.artifacts_endpoint},
                          {"console", state.console_url},
                          {"ready_ms", ms}});
    ready(state, ms);
    std::function<void()> on_hangup;
    if (!config.tls_cert.empty()) on_hangup = [&app] { app.reload_certificate(); };
    log::info("stopping", {{"reason", lifetime.wait(on_hangup)}});
    remove_state(config.data_dir);
    app.stop();
  }
  log::info("stopped");
  return 0;
}

// What the background process tells the one that started it, through a pipe: 'R' and the time in
// milliseconds when it is ready, 'E' and the reason when it will not be.
void send(int& pipe, const std::string& text) {
  if (pipe < 0) return;
  (void)!write(pipe, text.data(), text.size());
  close(pipe);
  pipe = -1;
}

std::string receive(int pipe) {
  std::string text;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t got = read(pipe, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  close(pipe);
  return text;
}

void leave_terminal() {
  setsid();
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nothing, stream);
  close(nothing);
  // A background lab must not keep a directory of the person busy.
  (void)!chdir("/");
}

[[noreturn]] void run_in_background(const Start& start, int pipe) {
  int code = 1;
  try {
    leave_terminal();
    code = serve(start, [&](const LabState& /*state*/, std::int64_t ms) {
      send(pipe, "R" + std::to_string(ms));
    });
  } catch (const Error& error) {
    send(pipe, std::string("E") + error.what());
  } catch (const std::exception& error) {
    send(pipe, std::string("Eunexpected failure: ") + error.what());
  }
  std::exit(code);
}

int detach(const Start& start) {
  std::array<int, 2> pipe{};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0)
    throw Error(Code::invalid_state, "No pipe could be made.");
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) throw Error(Code::invalid_state, "No process could be started.");
  if (child == 0) {
    close(pipe[0]);
    run_in_background(start, pipe[1]);
  }
  close(pipe[1]);
  const std::string told = receive(pipe[0]);
  if (told.starts_with('R')) {
    if (const auto state = running_lab(start.config.data_dir)) {
      print_ready(*state, start.config, parse_int64(told.substr(1)).value_or(0));
      return 0;
    }
  }
  throw Error(Code::invalid_state, told.starts_with('E')
                                       ? told.substr(1)
                                       : "The lab ended before it was ready. Its log: " +
                                             log_file(start.config.data_dir));
}

}  // namespace

namespace {

// MLflow's own command starts open to everybody, as people who type it expect, and says so.
enum class Habit { ours, mlflows };

void check_openness(const Config& config, Habit habit) {
  const bool is_asked = config.auth == "none" && is_open_to_others(config.host);
  if (!is_asked || config.insecure_no_auth || habit == Habit::mlflows) return;
  throw Error(Code::invalid_parameter_value,
              "--host " + config.host +
                  " lets other machines in, and without a login every one of them can read and "
                  "change everything. Ask for a login: MLFLOW_AUTH_ADMIN_PASSWORD='…' " +
                  program() + " up --host " + config.host +
                  " --auth basic. Or, where only your own machines reach this one, say that it is "
                  "meant: " +
                  program() + " up --host " + config.host + " --insecure-no-auth");
}

int start_lab(const Words& words, Habit habit) {
  SystemEnv env;
  Start start;
  start.began_ns = env.monotonic_ns();
  Given given = read_flags(words);
  if (!given.go_on) return 0;
  const Environment environment = process_environment();
  start.config = load_config(given.flags, environment, given.config_file);
  check_openness(start.config, habit);
  if (start.config.ci) start.parent = getppid();
  if (start.config.data_dir.empty()) {
    given.flags["data-dir"] = {make_temporary_directory()};
    start.temporary = true;
    start.config = load_config(given.flags, environment, given.config_file);
  }
  if (start.config.detach) return detach(start);
  return serve(
      start, [&](const LabState& state, std::int64_t ms) { print_ready(state, start.config, ms); });
}

}  // namespace

int up(const Words& words) {
  return start_lab(words, Habit::ours);
}

int server(const Words& words) {
  return start_lab(words, Habit::mlflows);
}

}  // namespace sandbox::cli

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include <unistd.h>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/tracking_door.h"
#include "sandbox/import/importer.h"

namespace sandbox::cli {
namespace {

using import::Finding;

constexpr const char* help_footer =
    "What another MLflow has comes into the lab with its ids, times, deleted states, histories,\n"
    "tags, versions, aliases and files. The source is only read.\n"
    "\n"
    "  mlflow-db URI    its database, of MLflow 2.9 to 3.17 whatever the revision: the path of an\n"
    "                   SQLite file, sqlite:////absolute/path or postgresql://user:pw@host/db\n"
    "                   (PG* variables and ~/.pgpass are those of the lab that runs)\n"
    "  mlruns DIR       the directory of its file store, which a new MLflow refuses\n"
    "  mlflow-server URL  the server itself, over its API, of MLflow 2.9 or later\n"
    "  s3 URL           all buckets of another S3 server (MinIO, AWS), e.g. http://minio:9000; or\n"
    "                   one with s3://bucket[/path] --endpoint URL, to another place with --to\n"
    "                   s3://bucket/path. Keys come from --access-key and --secret-key, or\n"
    "                   AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. The newest version of each\n"
    "                   object comes, with content type, metadata and tags; users and policies do\n"
    "                   not. An object the lab has with other content stays, without --overwrite.\n"
    "\n"
    "Files come from where the source's artifact URIs say, or from --artifacts DIR, the directory\n"
    "with the experiments' directories (0, 1, ...) in it; their URIs become the lab's. Files that\n"
    "cannot be reached are counted and keep their URIs.\n"
    "\n"
    "An experiment keeps its id where the lab has no other of that id; one whose name the lab has "
    "is\n"
    "merged into it. Runs that are there already are compared, never changed. It works on a "
    "running\n"
    "lab, beside its clients, and on a stopped one. Interrupted anywhere, kill -9 included, the\n"
    "same command goes on; what came until then is whole and can be used. Once it is finished, it\n"
    "adds nothing. At the end both sides are counted and compared: exit code 1 says that "
    "something\n"
    "differs.\n"
    "\n"
    "Examples:\n"
    "  mlops-sandbox import mlflow-db mlflow.db --dry-run       count what would come\n"
    "  mlops-sandbox import mlflow-db mlflow.db                 with the files its URIs name\n"
    "  mlops-sandbox import mlflow-db mlflow.db --artifacts ./mlartifacts\n"
    "  mlops-sandbox import s3 http://localhost:9000 --access-key minioadmin --secret-key ...\n"
    "  mlops-sandbox import s3 s3://mlflow/old --endpoint https://s3.amazonaws.com\n";

// One line that is written over at a terminal; elsewhere one now and then.
class ProgressLine {
 public:
  void show(const Finding& finding) {
    if (!is_terminal_ && shown_++ % 25 != 0) return;
    std::fprintf(stderr, "%s%lld done, %.1f MB of files%s", is_terminal_ ? "\r\033[K" : "",
                 static_cast<long long>(finding.things.value_or(0)),
                 static_cast<double>(finding.bytes.value_or(0)) / 1e6, is_terminal_ ? "" : "\n");
    std::fflush(stderr);
    is_open_ = is_terminal_;
  }
  void clear() {
    if (is_open_) std::fprintf(stderr, "\r\033[K");
    is_open_ = false;
  }

 private:
  bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  bool is_open_ = false;
  int shown_ = 0;
};

void print_total(const Finding& total, bool dry_run) {
  std::printf("%-28s %14s %14s\n", dry_run ? "(nothing was changed)" : "", "source", "lab");
  for (const import::Compared& one : total.compared) {
    if (one.source == 0 && one.target == 0) continue;
    std::printf("%-28s %14lld %14lld%s\n", one.kind.c_str(), static_cast<long long>(one.source),
                static_cast<long long>(one.target),
                one.source == one.target || dry_run ? "" : "  differs");
  }
  std::printf("%lld %s, %lld were there already", static_cast<long long>(total.added.value_or(0)),
              dry_run ? "things would be added" : "things were added",
              static_cast<long long>(total.present.value_or(0)));
  if (total.unreachable.value_or(0) > 0) {
    std::printf(", the files of %lld could not be reached",
                static_cast<long long>(*total.unreachable));
  }
  if (total.odd.value_or(0) > 0) {
    std::printf(", %lld could not be taken over as they are", static_cast<long long>(*total.odd));
  }
  std::printf(".\n");
  if (total.different.value_or(0) > 0) {
    std::printf("%lld differ from what the lab has of that name.\n",
                static_cast<long long>(*total.different));
  }
}

// A place of this machine as the server finds it, whatever directory it was started in.
std::string absolute_place(const std::string& place) {
  if (place.empty() || place.find("://") != std::string::npos) return place;
  return std::filesystem::absolute(place).lexically_normal().string();
}

// Whose keys the S3 server is asked with: all from the command line or all from the environment.
void take_keys(import::Order& order) {
  const auto variable = [environment = process_environment()](const char* name) {
    return environment(name).value_or("");
  };
  if (order.access_key.empty() != order.secret_key.empty()) {
    throw Error(Code::invalid_parameter_value,
                "--access-key and --secret-key belong together: give both, or neither and set "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
  }
  if (order.access_key.empty()) {
    order.access_key = variable("AWS_ACCESS_KEY_ID");
    order.secret_key = variable("AWS_SECRET_ACCESS_KEY");
    order.session_token = variable("AWS_SESSION_TOKEN");
  }
  if (order.access_key.empty() || order.secret_key.empty()) {
    throw Error(Code::invalid_parameter_value,
                "The other S3 server wants keys: give --access-key and --secret-key, or set "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
  }
  if (order.region.empty()) order.region = variable("AWS_REGION");
  if (order.region.empty()) order.region = variable("AWS_DEFAULT_REGION");
  order.ca_file = absolute_place(variable("AWS_CA_BUNDLE"));
}

// `import s3 URL` is all that the server there has.
void complete_objects(import::Order& order) {
  const bool is_url = order.source.starts_with("http://") || order.source.starts_with("https://");
  if (is_url && !order.endpoint.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Name the other server once: import s3 " + order.endpoint +
                    ", or import s3 s3://bucket --endpoint " + order.endpoint);
  }
  if (is_url) {
    order.endpoint = order.source;
    order.source = "s3://";
  }
  if (!order.source.starts_with("s3://")) {
    throw Error(Code::invalid_parameter_value,
                "import s3 takes the address of an S3 server that runs, e.g. "
                "http://localhost:9000, or s3://bucket/path with --endpoint URL. For MinIO's own "
                "directory start it there first: minio server DIR.");
  }
  if (order.endpoint.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Say which S3 server has " + order.source +
                    ": --endpoint http://localhost:9000, or https://s3.amazonaws.com for AWS.");
  }
  take_keys(order);
}

std::string absolute_source(const std::string& source) {
  constexpr std::string_view relative = "sqlite:///";
  if (source.starts_with(relative)) return absolute_place(source.substr(relative.size()));
  return absolute_place(source);
}

int take_over(TrackingDoor& door, const import::Order& order, bool as_json) {
  ProgressLine progress;
  std::string failure =
      "The import ended in the middle; what is there is whole. Start the lab if "
      "it does not run, and run the same command: it goes on.";
  bool has_begun = false;
  bool is_equal = false;
  bool is_complete = false;
  const auto take = [&](std::string_view line) {
    has_begun = true;
    const auto finding = from_json<Finding>(line);
    if (finding.kind == "progress") return progress.show(finding);
    progress.clear();
    if (finding.kind == "error") failure = finding.note;
    if (finding.kind == "total") {
      is_complete = true;
      is_equal = finding.is_equal.value_or(false) && finding.odd.value_or(0) == 0;
    }
    if (as_json) {
      std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
    } else if (finding.kind == "total") {
      print_total(finding, order.dry_run);
    } else if (finding.kind != "error") {
      std::printf("%s\n", finding.note.c_str());
    }
    std::fflush(stdout);
  };
  try {
    door.post_for_lines("sandbox/import", to_json(order), take);
  } catch (const Error& error) {
    progress.clear();
    if (!has_begun) throw;
    throw Error(error.code(), error.message() + " " + failure);
  }
  progress.clear();
  if (!is_complete) throw Error(Code::invalid_state, failure);
  return is_equal || order.dry_run ? 0 : 1;
}

}  // namespace

int import(const Words& words) {
  Arguments arguments("import", "Takes over what another MLflow has.");
  import::Order order;
  LabFlags lab;
  bool as_json = false;
  arguments.text("kind", order.kind, "mlflow-db, mlruns, mlflow-server or s3");
  arguments.text("source", order.source, "Where it is");
  arguments.text("--artifacts", order.artifacts,
                 "Where the source's artifact root lies now, if not where its URIs say");
  arguments.text("--user", order.user, "For mlflow-server: who logs in there");
  arguments.text("--password", order.password,
                 "Of that user; asked for when it is not given, or in MLFLOW_TRACKING_PASSWORD");
  arguments.text("--token", order.token, "For mlflow-server: a token instead");
  arguments.text("--endpoint", order.endpoint, "For s3: URL of the server that has s3://bucket");
  arguments.text("--region", order.region, "Its region; us-east-1 when nothing says another");
  arguments.text("--access-key", order.access_key, "Its access key");
  arguments.text("--secret-key", order.secret_key, "Its secret key; better in the environment");
  arguments.text("--to", order.to,
                 "For s3: where in the lab, s3://bucket/path; else the same place");
  arguments.flag("--overwrite", order.overwrite, "For s3: replace what the lab has otherwise");
  arguments.flag("--dry-run,-n", order.dry_run, "Change nothing; count what would come");
  arguments.flag("--json", as_json, "One JSON object a line");
  lab.declare(arguments);
  arguments.footer(help_footer);
  if (!arguments.parse(words)) return 0;
  if (order.kind.empty() || order.source.empty()) {
    throw Error(Code::invalid_parameter_value,
                "import takes what to import from and where it is, e.g. `" + program() +
                    " import mlflow-db /home/me/mlflow.db`.");
  }
  order.artifacts = absolute_place(order.artifacts);
  if (order.kind != "s3" && (order.overwrite || !order.endpoint.empty() || !order.to.empty())) {
    throw Error(
        Code::invalid_parameter_value,
        "--endpoint, --to and --overwrite are for `import s3`, not for " + order.kind + ".");
  }
  if (order.kind == "s3") {
    complete_objects(order);
  } else {
    order.source = absolute_source(order.source);
  }
  if (!order.user.empty() && order.password.empty() && order.token.empty()) {
    order.password = process_environment()("MLFLOW_TRACKING_PASSWORD").value_or("");
    if (order.password.empty()) order.password = read_hidden_line("Password: ");
  }
  TrackingDoor door(lab);
  return take_over(door, order, as_json);
}

}  // namespace sandbox::cli

// `verify storage`: the labs' check of their storage in five steps, in their words, against what
// really runs here. A pod is this process, a service is one of its ports.
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include "embedded_store/s3/presign.h"
#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/http/client.h"

namespace sandbox::cli {
namespace {

// A sentence in both languages.
struct Both {
  const char* korean;
  const char* english;
};

// What the probes found; texts explain a failure.
struct Findings {
  std::string data_dir;
  std::optional<LabState> state;
  bool s3_alive = false;
  bool s3_signed = false;     // a signed request was answered and the artifact bucket is there
  bool is_elsewhere = false;  // artifacts lie in a store that is not ours; it was asked, not our S3
  bool console = false;
  bool tracking = false;
  bool experiments = false;  // the server read the Default experiment from its database
  bool is_postgres = false;
  bool database = false;  // can be reached
  std::string age;
};

// A listing of the bucket that keeps the runs' files, as a target that signs itself.
std::string signed_listing(const LabState& state, std::int64_t now_ms) {
  const auto place = parse_s3_place(state.artifacts_destination);
  store::s3::PresignedRequest request;
  request.endpoint = state.s3_url;
  request.bucket = place ? place->bucket : "mlflow";
  request.query = "list-type=2&max-keys=1";
  const store::s3::AccessKey key{state.access_key, Secret(state.secret_key)};
  return store::s3::presigned_url(key, "us-east-1", now_ms, request).substr(state.s3_url.size());
}

bool answers(const LabState& state, const std::string& url, const std::string& target) {
  // The S3 port would take a token for a broken signature.
  const http::Peer peer{url, state.tls_cert, ""};
  const auto answer = http::ask(peer, target);
  return answer && answer->status == 200;
}

Findings probe(const std::string& data_dir) {
  Findings found;
  found.data_dir = data_dir;
  found.state = running_lab(data_dir);
  if (!found.state) return found;
  SystemEnv env;
  const LabState& state = *found.state;
  found.age = age_text(env.now_ms() - state.started_ms);
  found.is_elsewhere = !state.artifacts_endpoint.empty() || state.s3_url.empty();
  if (found.is_elsewhere) {
    // The tracking server asks the store: it has the keys, or it has no port.
    const auto listing = http::ask(peer_of(state, state.tracking_url), artifact_store_probe);
    found.s3_alive = found.s3_signed = listing && listing->status == 200;
  } else {
    found.s3_alive = answers(state, state.s3_url, "/minio/health/live");
    found.s3_signed =
        found.s3_alive && answers(state, state.s3_url, signed_listing(state, env.now_ms()));
  }
  found.console = answers(state, state.console_url, "/");
  found.tracking = answers(state, state.tracking_url, "/health");
  const auto experiment = http::ask(peer_of(state, state.tracking_url),
                                    "/api/2.0/mlflow/experiments/get?experiment_id=0");
  found.experiments = experiment && experiment->status == 200 &&
                      experiment->body.find("\"Default\"") != std::string::npos;
  std::error_code missing;
  constexpr std::string_view scheme = "sqlite:///";
  // Experiments come from the database itself; a file may be gone and still be open.
  found.is_postgres = db::is_postgres_uri(state.backend_store_uri);
  found.database = found.is_postgres
                       ? found.experiments
                       : state.backend_store_uri.starts_with(scheme) &&
                             std::filesystem::is_regular_file(
                                 state.backend_store_uri.substr(scheme.size()), missing);
  return found;
}

class Report {
 public:
  Report(bool korean, const Findings& found) : korean_(korean), found_(found) {}

  // The five steps; true when all of them passed.
  bool steps() {
    step_minio_pod();
    step_minio_service();
    step_database_pod();
    step_database_service();
    step_summary();
    std::printf("\n");
    if (passed_) {
      say(true, {"스토리지 확인 완료!", "Storage check complete!"});
    } else {
      say(false, {"스토리지 확인 실패: 위의 ❌ 항목을 확인하세요.",
                  "Storage check failed: see the lines marked ❌ above."});
      hint();
    }
    return passed_;
  }

  // The seven points of the labs' list; true when the five that must be are.
  bool checklist() {
    struct Item {
      Both text;
      bool done;
      bool must;
    };
    const Findings& f = found_;
    const std::array items{
        Item{{"MinIO 파드가 Running 상태", "The MinIO pod is Running"}, f.s3_alive, true},
        Item{{"MinIO 서비스가 존재 (9000, 9001)", "The MinIO service exists (9000, 9001)"},
             f.s3_signed && f.console,
             true},
        Item{{"메타데이터 DB가 실행 중", "The metadata database runs"}, f.experiments, true},
        Item{{"메타데이터 DB 서비스에 접속 가능", "The metadata database can be reached"},
             f.experiments && f.database,
             true},
        Item{{"verify_storage 5단계 모두 통과", "All five steps of verify_storage pass"},
             all_well(),
             true},
        Item{{"MinIO 콘솔 접속 (선택)", "The MinIO console opens (optional)"}, f.console, false},
        Item{{"experiments 테이블 조회 (선택)", "The experiments table can be read (optional)"},
             f.experiments,
             false},
    };
    banner({"완료 체크리스트", "Completion checklist"});
    bool complete = true;
    for (const Item& item : items) {
      std::printf("%s %s\n", item.done ? "✅" : "❌", text(item.text));
      complete = complete && (item.done || !item.must);
    }
    if (!complete) hint();
    return complete;
  }

 private:
  [[nodiscard]] const char* text(const Both& both) const {
    return korean_ ? both.korean : both.english;
  }

  void banner(const Both& title) const {
    const std::string rule(60, '=');
    std::printf("%s\n%s\n%s\n", rule.c_str(), text(title), rule.c_str());
  }

  void say(bool good, const Both& both, const std::string& rest = "") {
    std::printf("%s %s%s\n", good ? "✅" : "❌", text(both), rest.c_str());
    passed_ = passed_ && good;
  }

  void hint() const {
    const std::string flag = data_dir_flag(found_.data_dir);
    if (!found_.state) {
      std::printf("   %s up --detach%s\n", program().c_str(), flag.c_str());
    } else {
      std::printf("   %s status%s; %s logs%s --tail 50\n", program().c_str(), flag.c_str(),
                  program().c_str(), flag.c_str());
    }
  }

  [[nodiscard]] bool all_well() const {
    return found_.s3_alive && found_.s3_signed && found_.console && found_.tracking &&
           found_.experiments && found_.database;
  }

  [[nodiscard]] std::string name(const char* part) const {
    return std::string(part) + "-" + std::to_string(found_.state ? found_.state->pid : 0);
  }

  void pod_table(const std::string& pod) const {
    std::printf("%-28s %-7s %-9s %-10s %s\n", "NAME", "READY", "STATUS", "RESTARTS", "AGE");
    std::printf("%-28s %-7s %-9s %-10s %s\n", pod.c_str(), "1/1", "Running", "0",
                found_.age.c_str());
  }

  void service_table(const char* service, const std::string& url, const std::string& ports) const {
    const std::size_t start = url.find("://") + 3;
    const std::string address = url.substr(start, url.rfind(':') - start);
    std::printf("%-18s %-11s %-15s %-13s %-20s %s\n", "NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP",
                "PORT(S)", "AGE");
    std::printf("%-18s %-11s %-15s %-13s %-20s %s\n", service, "ClusterIP", address.c_str(),
                "<none>", ports.c_str(), found_.age.c_str());
  }

  static std::string port_of(const std::string& url) { return url.substr(url.rfind(':') + 1); }

  void step_minio_pod() {
    banner({"Step 1: MinIO 파드 상태 확인", "Step 1: MinIO pod state"});
    if (found_.is_elsewhere) {
      say(found_.s3_alive,
          {"MinIO 파드 대신 사용 중인 오브젝트 스토어: ", "No MinIO pod: artifacts lie in "},
          store_place() + (found_.s3_alive ? "" : text({" (응답 없음)", " (does not answer)"})));
      return;
    }
    if (!found_.s3_alive) {
      say(false,
          {"MinIO 파드를 찾을 수 없습니다: S3 서버가 응답하지 않습니다",
           "MinIO pod not found: the S3 server does not answer"},
          place(&LabState::s3_url));
      return;
    }
    say(true, {"MinIO 파드: ", "MinIO pod: "}, name("minio"));
    pod_table(name("minio"));
  }

  void step_minio_service() {
    banner({"Step 2: MinIO 서비스 확인", "Step 2: MinIO service"});
    if (!found_.s3_signed) {
      say(false,
          {"MinIO 서비스 없음: 서명된 S3 요청이 실패했습니다",
           "No MinIO service: a signed S3 request failed"},
          found_.is_elsewhere ? " (" + store_place() + ")" : place(&LabState::s3_url));
    }
    if (!found_.console) {
      say(false, {"MinIO 콘솔이 응답하지 않습니다", "The MinIO console does not answer"},
          place(&LabState::console_url));
    }
    if (!found_.s3_signed || !found_.console) return;
    if (found_.is_elsewhere) {
      say(true, {"MinIO 서비스 대신 사용 중: ", "No MinIO service: the tracking server reached "},
          store_place());
      return;
    }
    say(true, {"MinIO 서비스 존재", "MinIO service exists"});
    service_table(
        "minio-service", found_.state->s3_url,
        port_of(found_.state->s3_url) + "/TCP," + port_of(found_.state->console_url) + "/TCP");
  }

  void step_database_pod() {
    banner({"Step 3: PostgreSQL 파드 상태 확인", "Step 3: PostgreSQL pod state"});
    if (!found_.tracking || !found_.experiments) {
      say(false,
          {"메타데이터 DB를 읽을 수 없습니다: 트래킹 서버",
           "The metadata database cannot be read: tracking server"},
          place(&LabState::tracking_url));
      return;
    }
    if (found_.is_postgres) {
      const std::string pod = db::postgres_address(found_.state->backend_store_uri).database;
      say(true, {"PostgreSQL 파드: ", "PostgreSQL pod: "}, pod);
      pod_table(pod);
      return;
    }
    say(true,
        {"PostgreSQL 파드 대신 SQLite 백엔드 사용 중: ",
         "No PostgreSQL pod: the active backend is SQLite, in "},
        name("mlops-sandbox"));
    pod_table(name("mlops-sandbox"));
  }

  void step_database_service() {
    banner({"Step 4: PostgreSQL 서비스 확인", "Step 4: PostgreSQL service"});
    if (!found_.experiments || !found_.database) {
      say(false, {"메타데이터 DB에 접속할 수 없습니다", "The metadata database cannot be reached"},
          db::without_password(place(&LabState::backend_store_uri)));
      return;
    }
    if (found_.is_postgres) {
      say(true, {"PostgreSQL 서비스 접속 가능: ", "PostgreSQL can be reached: "},
          db::postgres_address(found_.state->backend_store_uri).shown());
      return;
    }
    say(true,
        {"postgres-service 대신 SQLite 파일 사용 중: ",
         "No postgres-service: the active backend is the SQLite file "},
        found_.state->backend_store_uri);
  }

  // Facts about a fixed arrangement: nothing is probed here, so nothing is marked.
  void step_summary() {
    banner({"Step 5: 스토리지 아키텍처 요약", "Step 5: Storage architecture summary"});
    const bool has_port = found_.state && !found_.state->s3_url.empty();
    std::string s3 = has_port ? port_of(found_.state->s3_url) : "9000";
    if (found_.state && !has_port) s3 = "-";
    const std::string console = found_.state ? port_of(found_.state->console_url) : "9001";
    const char* use = text({"용도", "Use"});
    std::printf("┌────────────────────────────────────────────────────────┐\n");
    row("MinIO (Object Storage)");
    row("  Namespace: kubeflow");
    row("  Port: " + s3 + " (API), " + console + " (Console)");
    row(std::string("  ") + use + ": MLflow Artifacts, Pipeline Data");
    std::printf("├────────────────────────────────────────────────────────┤\n");
    row("PostgreSQL (Metadata DB)");
    row("  Namespace: mlflow-system");
    row("  Port: 5432");
    row(std::string("  ") + use + ": MLflow Metadata");
    row(found_.is_postgres ? text({"  이 샌드박스: PostgreSQL, 파드와 네임스페이스 없음",
                                   "  In this sandbox: PostgreSQL, no pods or namespaces"})
                           : text({"  이 샌드박스: SQLite, 파드와 네임스페이스 없음",
                                   "  In this sandbox: SQLite, no pods or namespaces"}));
    std::printf("└────────────────────────────────────────────────────────┘\n");
  }

  static void row(const std::string& line) {
    constexpr std::size_t columns = 54;
    // Hangul takes two columns of a terminal; its syllables begin with these bytes in UTF-8.
    const auto wide = std::count_if(line.begin(), line.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return byte >= 0xEA && byte <= 0xED;
    });
    const std::size_t used = utf8_length(line) + static_cast<std::size_t>(wide);
    const std::string blanks(used < columns ? columns - used : 0, ' ');
    std::printf("│ %s%s │\n", line.c_str(), blanks.c_str());
  }

  [[nodiscard]] std::string store_place() const {
    const LabState& state = *found_.state;
    const std::string& store = state.artifacts_endpoint;
    return state.artifacts_destination + ", " +
           (store.empty()
                ? text({"내장 스토어 (S3 포트 꺼짐)", "the built-in store (its S3 port is off)"})
                : store.c_str());
  }

  std::string place(std::string LabState::*member) const {
    if (!found_.state) return korean_ ? " (실행 중이 아님)" : " (not running)";
    return " (" + (*found_.state).*member + ")";
  }

  bool korean_;
  const Findings& found_;
  bool passed_ = true;
};

}  // namespace

int verify(const Words& words) {
  Arguments arguments(
      "verify", "Checks the lab's storage in five steps, as the course's verify_storage.sh does.");
  std::string what;
  std::string place;
  std::string language = "ko";
  bool checklist = false;
  arguments.one_of("what", what, {"storage"}, "What to check: storage");
  arguments.one_of("--lang", language, {"ko", "en"}, "Language of the report [ko]");
  arguments.flag("--checklist", checklist, "The seven points of the completion checklist");
  arguments.text("--data-dir,--data", place, "The lab's data directory");
  arguments.footer("Exit code: 0 when everything passed, 1 when something did not.");
  if (!arguments.parse(words)) return 0;
  if (what.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Say what to check: `" + program() + " verify storage`.");
  }
  const Findings found = probe(find_data_dir(place, process_environment()));
  Report report(language == "ko", found);
  return (checklist ? report.checklist() : report.steps()) ? 0 : 1;
}

}  // namespace sandbox::cli

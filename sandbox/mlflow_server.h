// What answers on the tracking port: MLflow's endpoints under /api and /ajax-api, /health,
// /version, and this server's own table of endpoints. Owns the rooms behind them.
#pragma once

#include <memory>
#include <string>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/auth/gate.h"
#include "sandbox/base/env.h"
#include "sandbox/db/database.h"
#include "sandbox/http/request.h"

namespace sandbox {

// The version of MLflow whose behaviour this server has; clients read it from /version.
inline constexpr std::string_view mlflow_version = "3.17.2";

struct MlflowServerOptions {
  std::string default_artifact_root = "mlflow-artifacts:/";
  std::string artifacts_destination = "s3://mlflow";  // where mlflow-artifacts:/ keeps its files
  // A URL that takes one part of a multipart upload; without it multipart uploads are refused.
  artifacts::PresignPart presign_part;
  // Where users have to log in; it must outlive the server. Null lets everybody do everything.
  auth::Gate* gate = nullptr;
};

class MlflowServer {
 public:
  // The collaborators must outlive it.
  MlflowServer(Env& env,
               db::Database& database,
               store::ObjectStore& objects,
               const MlflowServerOptions& options);
  ~MlflowServer();

  // Safe from every thread.
  http::Response handle(http::Request& request) const;
  // The table of endpoints as JSON, what GET /sandbox/api.json answers.
  [[nodiscard]] std::string endpoints_json() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace sandbox

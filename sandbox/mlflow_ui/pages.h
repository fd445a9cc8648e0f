// MLflow's own web UI, served from the files of an installed MLflow: index.html at /mlflow/ and
// what it loads below /static-files/. Its other requests go to the API below /mlflow/
// (http/prefix.h).
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>

#include "sandbox/http/router.h"

namespace sandbox::mlflow_ui {

class Pages {
 public:
  // Where the front end is, if there is one. Asked again at every visit until it says a place, so
  // that installing MLflow needs no restart.
  using Find = std::function<std::optional<std::filesystem::path>()>;

  explicit Pages(Find find) : find_(std::move(find)) {}

  // Adds /, /mlflow, /mlflow/ and /static-files/…; the pages must outlive the router.
  void install(http::Router& router);

 private:
  std::optional<std::filesystem::path> front_end();

  Find find_;
  std::mutex mutex_;  // guards found_
  std::optional<std::filesystem::path> found_;
};

}  // namespace sandbox::mlflow_ui

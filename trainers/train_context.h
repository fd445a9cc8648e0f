// What a trainer sees of the lab: one run, spoken to over MLflow's public REST API and artifact
// proxy (MLFLOW_TRACKING_URI, MLFLOW_RUN_ID, MLFLOW_EXPERIMENT_NAME and the variables for logins
// and certificates), so it works with any MLflow server. Used by one thread.
//
// What is logged is kept until the server has it. While the server does not answer, training goes
// on; what waits is sent with the next flush, and finish() waits for a server that went away; what
// it does not get then a resumed run sends. Files lie in directory() first and stay there.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/env.h"
#include "trainers/tracking_client.h"
#include "trainers/trainer.h"

namespace trainers {

class TrainContext {
 public:
  // Opens the run: the one that `run.resume` or MLFLOW_RUN_ID names, else a new one in the
  // experiment. Throws Error when there is no server to open it at.
  TrainContext(sandbox::Env& env,
               const Variables& environment,
               const Trainer& trainer,
               const RunSettings& run);
  // Opens a run that has ended, to write more into it; its status stays.
  struct Earlier {
    std::string run_id;
  };
  TrainContext(sandbox::Env& env,
               const Variables& environment,
               const RunSettings& run,
               const Earlier& earlier);
  ~TrainContext();
  TrainContext(const TrainContext&) = delete;
  TrainContext& operator=(const TrainContext&) = delete;

  [[nodiscard]] const std::string& run_id() const { return run_.run_id; }
  [[nodiscard]] const std::string& experiment_id() const { return run_.experiment_id; }
  // The run's artifact root, such as mlflow-artifacts:/1/abc/artifacts.
  [[nodiscard]] const std::string& artifact_uri() const { return run_.artifact_uri; }
  // This run's own directory, <output>/<run id>; it exists.
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  // Goes on with a run that was begun earlier (--resume).
  [[nodiscard]] bool is_resumed() const { return is_resumed_; }
  // The person or the system asked for an end (Ctrl-C, SIGTERM): finish the step, keep the state,
  // and return; the run becomes KILLED.
  [[nodiscard]] bool is_stopping() const;

  // A parameter that the run has already keeps its first value.
  void log_param(const std::string& key, const std::string& value);
  void log_param(const std::string& key, const char* value) { log_param(key, std::string(value)); }
  void log_param(const std::string& key, std::int64_t value);
  void log_param(const std::string& key, double value);
  void log_param(const std::string& key, bool value);  // "True" or "False", as Python's clients
  void log_metric(const std::string& key, double value, std::int64_t step = 0);
  void set_tag(const std::string& key, const std::string& value);
  // Names data that the run read; the server shows them among its inputs.
  void log_dataset(const DatasetInput& dataset) { datasets_.push_back(dataset); }

  // Sends what waits, at most once in `flush_ms` unless `now`. Never waits for an absent server.
  void flush(bool now = false);

  // Copies a file, or all files below a folder, to the run's artifacts: below `folder` ("" is the
  // root) under its own name. The local file has to stay as it is until the run has ended; one that
  // is logged again replaces the first. Sent with the next flush.
  void log_file(const std::filesystem::path& file, const std::string& folder = "");
  void log_folder(const std::filesystem::path& local, const std::string& folder);
  // The local path of one of the run's artifacts: from directory() where it lies at the same
  // place, else downloaded there; nullopt when the run has none of that name.
  std::optional<std::filesystem::path> fetch(const std::string& artifact);
  // The same for all files below a folder; false when there is none.
  bool fetch_folder(const std::string& artifact);

  // Says which folder of the run's artifacts is the model that --register means.
  void set_model(const std::string& folder) { model_folder_ = folder; }
  // Keeps the model from being registered though the person asked for it; `why` ends the sentence
  // that says so.
  void refuse_registration(const std::string& why) { registration_refusal_ = why; }

  // The run's values, where it went on or is evaluated; empty for a new one.
  [[nodiscard]] const std::map<std::string, std::string>& earlier_params() const {
    return run_.params;
  }
  [[nodiscard]] const std::map<std::string, std::string>& earlier_tags() const { return run_.tags; }

  // A line for the person, on standard error, clear of a progress bar.
  void say(const std::string& line);
  // Standard error is a terminal: a bar may be drawn on it.
  [[nodiscard]] bool is_terminal() const { return is_terminal_; }
  // Replaces the bar's line on a terminal; nothing elsewhere. "" takes it away.
  void show_progress(const std::string& line);

  // Ends the run: sends everything, waiting for a server that went away, registers the model where
  // that was asked for and `status` is FINISHED, and sets the status. `sentence` becomes the run's
  // note. Throws Error when the server stays away, saying where everything lies.
  void finish(const std::string& status, const std::string& sentence = "");

 private:
  struct Upload {
    std::filesystem::path file;
    std::string artifact;
  };

  void open_directory();
  void keep_unsent();
  void take_unsent();
  bool send_waiting();  // false when the server does not answer
  void send_values();
  void send_files();
  void wait_for(const std::function<void()>& attempt);
  void register_model();
  void show_away(const std::string& why);

  sandbox::Env& env_;
  TrackingClient client_;
  RunSettings settings_;
  RunInfo run_;
  std::filesystem::path directory_;
  bool is_resumed_ = false;
  bool is_earlier_ = false;
  bool is_terminal_ = false;
  bool bar_is_shown_ = false;
  bool server_is_away_ = false;
  bool has_unsent_ = false;  // metrics that an earlier process of this run kept in a file
  std::int64_t last_flush_ms_ = 0;
  std::int64_t next_attempt_ms_ = 0;
  std::string model_folder_;
  std::string registration_refusal_;
  std::ofstream metrics_file_;                 // every metric, one JSON object a line
  std::map<std::string, std::string> params_;  // waiting
  std::map<std::string, std::string> tags_;    // waiting
  std::deque<Metric> metrics_;                 // waiting
  std::vector<DatasetInput> datasets_;         // waiting
  std::deque<Upload> uploads_;                 // waiting
};

}  // namespace trainers

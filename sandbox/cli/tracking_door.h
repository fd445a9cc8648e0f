// Asks the tracking server of a lab, whether it runs or not: a running one over HTTP, a stopped one
// by opening its stores under its lock and handing the same requests to the same handlers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/base/config.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/http/client.h"

namespace sandbox::cli {

// The flags by which a person says which lab is meant.
struct LabFlags {
  std::string data_dir;
  std::string backend_store_uri;
  std::string artifacts_destination;
  std::string artifacts_endpoint;

  // `stores` adds those that matter for a stopped lab only.
  void declare(Arguments& arguments, bool stores = true);
};

// Where a lab keeps its metadata: what the flags say, else what the lab that runs or ran there
// used, else what `up` would use now.
std::string backend_store_of(const LabFlags& flags);

// The settings under which a stopped lab is opened: what the flags say, else what it used last,
// else what `up` would use now; `changes` above all.
Config stopped_lab_config(const LabFlags& flags, const SettingTexts& changes);

class TrackingDoor {
 public:
  // Throws Error when the lab neither runs nor has ever run.
  explicit TrackingDoor(const LabFlags& flags);
  ~TrackingDoor();

  // `path` stands below /api. Answers the body, or throws the server's sentence.
  std::string get(const std::string& path,
                  const std::vector<std::pair<std::string, std::string>>& query);
  std::string post(const std::string& path, const std::string& json);
  std::string remove(const std::string& path);  // DELETE
  // An answer of many lines, each handed on as it comes, without its end.
  void post_for_lines(const std::string& path,
                      const std::string& json,
                      const std::function<void(std::string_view line)>& take);
  // An answer of any size, each piece handed on as it comes.
  void get_for_pieces(const std::string& path,
                      const std::function<void(std::string_view piece)>& take);
  // Sends a body of any size: `source` fills up to `max` bytes, 0 at the end.
  std::string post_pieces(const std::string& path,
                          const std::function<std::size_t(char* out, std::size_t max)>& source);

 private:
  struct Stopped;
  std::string checked(const std::optional<http::Answer>& answer) const;

  http::Peer peer_;  // of a running lab
  std::unique_ptr<Stopped> stopped_;
};

}  // namespace sandbox::cli

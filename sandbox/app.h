// The whole lab in one object: the stores, what answers on each port, and the ports. Parts are
// built in the order of the members and go away in reverse.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sandbox/base/config.h"
#include "sandbox/live_migration.h"

namespace sandbox {

struct AppOptions {
  // Whoever shows it as a Bearer is an administrator: the commands of this machine. "" is nobody.
  std::string local_token;
  // The command that looks after a job's command; the directory of the attempt is added.
  std::vector<std::string> shim;
  // Called when the running lab has moved; what it throws keeps the lab where it was.
  KeepPlace keep_place;
};

class App {
 public:
  // Opens the stores below config.data_dir, makes the buckets, binds the ports. Nothing is answered
  // before start(). Throws Error with a sentence for the person who started it.
  App(const Config& config, const AppOptions& options);
  ~App();

  void start();
  // Running requests finish, then the ports are closed. The stores close with the object.
  void stop();

  // Reads a renewed certificate; what is wrong with it goes to the log.
  void reload_certificate();

  // The bound ports, also where the setting was 0.
  [[nodiscard]] int port() const;
  [[nodiscard]] int s3_port() const;  // 0 with --no-s3
  [[nodiscard]] int console_port() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// "http://127.0.0.1:5000" (https where the ports speak TLS) for what a client on this machine
// types: every-address hosts become the loopback one, IPv6 gets its brackets.
std::string local_url(const Config& config, int port);

}  // namespace sandbox

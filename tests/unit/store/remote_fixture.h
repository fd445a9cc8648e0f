// A store behind an S3 server of this process, as another machine would have it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "embedded_store/remote/remote_store.h"
#include "embedded_store/s3/service.h"
#include "sandbox/http/server.h"
#include "tests/unit/store/fixture.h"

namespace store::testing {

struct RemoteFixture {
  RemoteFixture() {
    s3_options.access_keys.push_back({"tester", sandbox::Secret("tester-secret")});
    service = std::make_unique<s3::S3Service>(behind.env, *behind.store, s3_options);
    start(0);
    store = open_remote_store(behind.env, options());
  }

  void start(int port) {
    sandbox::http::ServerOptions server_options;
    server_options.host = "127.0.0.1";
    server_options.port = port;
    server = std::make_unique<sandbox::http::Server>(server_options,
                                                     [this](sandbox::http::Request& request) {
                                                       ++requests;
                                                       if (before) {
                                                         if (auto answer = before(request))
                                                           return *std::move(answer);
                                                       }
                                                       return service->handle(request);
                                                     });
    server->start();
  }

  [[nodiscard]] RemoteStoreOptions options() const {
    RemoteStoreOptions chosen;
    chosen.endpoint = "http://127.0.0.1:" + std::to_string(server->port());
    chosen.access_key = "tester";
    chosen.secret_key = sandbox::Secret("tester-secret");
    chosen.part_bytes = std::size_t{5} << 20;
    chosen.first_pause_ms = 1;
    return chosen;
  }

  Fixture behind;
  s3::S3Options s3_options;
  std::unique_ptr<s3::S3Service> service;
  // Sees each request first and may answer it. Set it while nothing is asked.
  std::function<std::optional<sandbox::http::Response>(sandbox::http::Request&)> before;
  std::atomic<int> requests = 0;
  std::unique_ptr<sandbox::http::Server> server;
  std::unique_ptr<ObjectStore> store;
};

}  // namespace store::testing

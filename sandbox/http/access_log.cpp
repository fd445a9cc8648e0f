#include "sandbox/http/access_log.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "sandbox/base/log.h"
#include "sandbox/base/text.h"

namespace sandbox::http {
namespace {

constexpr std::size_t target_characters_max = 400;
constexpr std::array secret_parameters{
    "x-amz-signature", "x-amz-credential", "x-amz-security-token",
    "signature",       "awsaccesskeyid",   "token",
    "access_token",    "password",
};

struct Line {
  std::string id;
  std::string part;
  std::string method;
  std::string target;
  std::int64_t started_ns = 0;
  std::string user;
};

void write_line(Env& env, const Line& line, int status, std::uint64_t bytes) {
  std::array<char, 32> ms{};
  std::snprintf(ms.data(), ms.size(), "%.2f",
                static_cast<double>(env.monotonic_ns() - line.started_ns) / 1e6);
  if (line.user.empty()) {
    log::info("request", {{"part", line.part},
                          {"id", line.id},
                          {"method", line.method},
                          {"path", line.target},
                          {"status", status},
                          {"ms", ms.data()},
                          {"bytes", bytes}});
  } else {
    log::info("request", {{"part", line.part},
                          {"id", line.id},
                          {"user", line.user},
                          {"method", line.method},
                          {"path", line.target},
                          {"status", status},
                          {"ms", ms.data()},
                          {"bytes", bytes}});
  }
}

}  // namespace

std::string masked_target(std::string_view target) {
  const std::size_t question = target.find('?');
  std::string out(target.substr(0, question));
  if (question != std::string_view::npos) {
    char separator = '?';
    for (const std::string& pair : split(target.substr(question + 1), '&')) {
      out += separator;
      separator = '&';
      const std::size_t equals = pair.find('=');
      const std::string name =
          lower(percent_decode(pair.substr(0, equals)).value_or(pair.substr(0, equals)));
      const bool is_secret = std::find(secret_parameters.begin(), secret_parameters.end(), name) !=
                             secret_parameters.end();
      out += is_secret && equals != std::string::npos ? pair.substr(0, equals + 1) + "***" : pair;
    }
  }
  if (out.size() > target_characters_max) {
    out.resize(target_characters_max);
    out += "...";
  }
  return out;
}

Handler logged(Env& env, std::string part, Handler next) {
  return [&env, part = std::move(part), next = std::move(next)](Request& request) {
    Line line{request.id,         part, request.method, masked_target(request.target),
              env.monotonic_ns(), {}};
    Response response = next(request);
    line.user = request.user;
    if (!response.stream) {
      write_line(env, line, response.status, response.body.size());
      return response;
    }
    response.stream = [&env, line = std::move(line), status = response.status,
                       stream = std::move(response.stream)](const Sink& sink) {
      std::uint64_t bytes = 0;
      // Also when the client goes away in the middle: the line then tells how far it came.
      struct AtEnd {
        Env& env;
        const Line& line;
        int status;
        const std::uint64_t& bytes;
        ~AtEnd() { write_line(env, line, status, bytes); }
      } at_end{env, line, status, bytes};
      stream([&](std::string_view piece) {
        sink(piece);
        bytes += piece.size();
      });
    };
    return response;
  };
}

}  // namespace sandbox::http

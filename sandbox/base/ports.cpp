#include "sandbox/base/ports.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <sys/socket.h>
#include <unistd.h>

#include <netdb.h>

#include "sandbox/base/text.h"

namespace sandbox {
namespace {

namespace fs = std::filesystem;

constexpr int ports_tried_max = 300;
constexpr std::size_t command_characters_max = 120;

// Inodes of the sockets that listen on the port. A line of /proc/net/tcp is
// "sl local:port remote:port state …", the inode is its tenth word, state 0A is LISTEN.
void add_listening_inodes(const char* table, int port, std::set<std::string>& inodes) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::array<std::string, 10> word;
    for (std::string& one : word) words >> one;
    const std::size_t colon = word[1].rfind(':');
    if (word[3] != "0A" || colon == std::string::npos) continue;
    int found = 0;
    std::from_chars(word[1].data() + colon + 1, word[1].data() + word[1].size(), found, 16);
    if (found == port) inodes.insert("socket:[" + word[9] + "]");
  }
}

bool holds_one(const fs::path& process, const std::set<std::string>& inodes) {
  std::error_code refused;
  for (auto entry = fs::directory_iterator(process / "fd", refused);
       !refused && entry != fs::directory_iterator(); entry.increment(refused)) {
    std::error_code gone;
    if (inodes.contains(fs::read_symlink(entry->path(), gone).string())) return true;
  }
  return false;
}

std::string command_line(const fs::path& process) {
  std::ifstream file(process / "cmdline");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  if (text.size() > command_characters_max) {
    text = std::string(utf8_prefix(text, command_characters_max)) + "...";
  }
  return text;
}

bool can_bind(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* addresses = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &addresses) != 0)
    return false;
  bool bound = addresses != nullptr;
  for (const addrinfo* one = addresses; one != nullptr && bound; one = one->ai_next) {
    const int socket_fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (socket_fd >= 0) setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bound = socket_fd >= 0 && bind(socket_fd, one->ai_addr, one->ai_addrlen) == 0;
    if (socket_fd >= 0) close(socket_fd);
  }
  freeaddrinfo(addresses);
  return bound;
}

}  // namespace

std::optional<PortHolder> port_holder(int port) {
  std::set<std::string> inodes;
  add_listening_inodes("/proc/net/tcp", port, inodes);
  add_listening_inodes("/proc/net/tcp6", port, inodes);
  if (inodes.empty()) return std::nullopt;
  std::error_code refused;
  for (auto entry = fs::directory_iterator("/proc", refused);
       !refused && entry != fs::directory_iterator(); entry.increment(refused)) {
    const auto pid = parse_int64(entry->path().filename().string());
    if (!pid || !holds_one(entry->path(), inodes)) continue;
    return PortHolder{static_cast<int>(*pid), command_line(entry->path())};
  }
  return std::nullopt;
}

int free_port_after(const std::string& host, int port, const std::vector<int>& taken) {
  const int last = std::min(port + ports_tried_max, 65535);
  for (int candidate = port + 1; candidate <= last; ++candidate) {
    const bool is_taken = std::find(taken.begin(), taken.end(), candidate) != taken.end();
    if (!is_taken && can_bind(host, candidate)) return candidate;
  }
  return 0;
}

}  // namespace sandbox

#include "sandbox/http/server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"
#include "sandbox/http/connection.h"
#include "sandbox/http/door.h"
#include "sandbox/http/framing.h"
#include "sandbox/http/listener.h"

namespace sandbox::http {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr int events_max = 128;
constexpr int accepts_max = 64;  // in one turn, so that arrivals do not starve those inside
// A request that nobody took up for this long means that every worker is stuck.
constexpr int stuck_ms = 2;
// After the last answer a client that still sends is listened to for so long, because closing on
// unread bytes would destroy the answer on its way.
constexpr int leaving_ms = 2'000;
constexpr std::size_t leaving_bytes_max = 16 * 1024 * 1024;
// A worker that nobody needs stays with its client for so long: the next request of one that asks
// in a row is then answered without the way through the watcher.
constexpr int linger_ms = 2;
constexpr std::size_t linger_bytes = 16 * 1024;
constexpr std::size_t refused_max = 64;  // refused connections that may leave politely at a time
constexpr int greeting_ms = 1'000;       // how long the peer may take our part of a handshake
constexpr int accept_pause_ms = 200;     // after the system ran out of descriptors
constexpr int tick_ms_max = 250;

// One client. `place` says who may touch it: a parked or leaving one belongs to the watcher, a
// queued or serving one to the worker that takes it.
struct Guest {
  Guest(Descriptor socket, std::string peer) : connection(std::move(socket), std::move(peer)) {}

  enum class Place { parked, queued, serving, leaving };

  Connection connection;
  HeadScanner scanner;
  std::size_t head_bytes = 0;     // of the head that waits at the front of the input
  std::size_t dropped_bytes = 0;  // while leaving
  Place place = Place::parked;    // under the mutex, like deadline
  std::int64_t deadline_ns = 0;
};

[[noreturn]] void fail(const char* what) {
  throw Error(Code::invalid_state,
              std::string(what) + ": " + std::generic_category().message(errno));
}

Response refusal_answer(const Refusal& refusal) {
  return Response::text(refusal.status, refusal.reason + "\n");
}

}  // namespace

// Two kinds of threads. The watcher owns the epoll set: it accepts, collects heads, and ends what
// waits too long. Workers take requests with a whole head from the queue, answer them, and park the
// connection again.
class Server::Impl {
 public:
  Impl(ServerOptions options, Handler handler);
  ~Impl() { stop(); }

  [[nodiscard]] int port() const { return listener_.port(); }
  void start();
  void stop();

 private:
  enum class After { park, again, leave, close };

  // The watcher's side.
  void watch();
  int wait_ms();
  void accept_arrivals(Door& door);
  void pause_accepting(bool pause);
  void visit(Guest& guest, std::vector<Guest*>& ready);
  void enqueue(const std::vector<Guest*>& ready);
  void end_overdue(Door& door);
  void refuse(Guest& guest, Door& door, const Refusal& refusal);
  void grow();
  void close_all_waiting();

  // The workers' side.
  void work();
  After serve(Guest& guest, Door& door);
  bool linger(Connection& connection);
  After greet(Connection& connection, Door& door);
  After exchange(Connection& connection, std::string_view head_bytes, Door& door);
  Response answer(Request& request);
  void settle(Guest& guest, After after);  // with the mutex held

  bool arm(Guest& guest, int operation);
  void park(Guest& guest);
  void remove(Guest& guest) { guests_.erase(&guest); }
  std::int64_t in_ms(int milliseconds) {
    return env_.monotonic_ns() + std::int64_t{milliseconds} * ns_per_ms;
  }
  std::string next_request_id();

  const ServerOptions options_;
  const HeadLimits limits_;
  const Handler handler_;
  SystemEnv env_;
  Listener listener_;
  Descriptor epoll_;
  Descriptor wake_;
  std::atomic<std::uint64_t> next_id_;
  std::atomic<bool> is_stopping_ = false;
  std::vector<char> scratch_;         // the watcher's
  std::int64_t accept_again_ns_ = 0;  // the watcher's; 0 while accepting
  std::int64_t next_check_ns_ = 0;    // the watcher's

  std::mutex mutex_;  // guards what follows
  std::condition_variable work_;
  std::condition_variable settled_;
  std::unordered_map<Guest*, std::unique_ptr<Guest>> guests_;
  struct Waiting {
    Guest* guest;
    std::int64_t since_ns;
  };
  std::deque<Waiting> queue_;
  std::size_t idle_workers_ = 0;
  std::size_t active_ = 0;  // queued and serving
  bool is_started_ = false;
  bool is_stopped_ = false;
  bool workers_end_ = false;
  std::vector<std::jthread> workers_;

  std::jthread watcher_;
};

Server::Impl::Impl(ServerOptions options, Handler handler)
    : options_(std::move(options)),
      limits_{options_.head_bytes_max, options_.headers_max},
      handler_(std::move(handler)),
      listener_(options_.host, options_.port),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      scratch_(64 * 1024) {
  if (!epoll_.is_open()) fail("Cannot make an epoll set");
  if (!wake_.is_open()) fail("Cannot make an event descriptor");
  std::array<std::uint8_t, 8> seed{};
  env_.random_bytes(seed);
  std::uint64_t first = 0;
  for (const std::uint8_t byte : seed) first = first << 8 | byte;
  next_id_ = first;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &listener_;
  if (::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, listener_.socket(), &event) != 0) {
    fail("Cannot watch the listening socket");
  }
  event.data.ptr = &wake_;
  if (::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, wake_.number(), &event) != 0) {
    fail("Cannot watch the event descriptor");
  }
}

void Server::Impl::start() {
  const std::lock_guard lock(mutex_);
  if (is_started_ || is_stopped_) return;
  is_started_ = true;
  const unsigned first =
      std::clamp(std::thread::hardware_concurrency(), 1U, std::max(options_.workers_max, 1U));
  for (unsigned i = 0; i < first; ++i) workers_.emplace_back([this] { work(); });
  watcher_ = std::jthread([this] { watch(); });
}

void Server::Impl::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_stopped_, true)) return;
    is_stopping_ = true;
  }
  const std::uint64_t one = 1;
  if (::write(wake_.number(), &one, sizeof one) < 0) {
    log::error("the HTTP watcher could not be woken");
  }
  if (watcher_.joinable()) watcher_.join();
  listener_.close();
  {
    std::unique_lock lock(mutex_);
    settled_.wait_for(lock, std::chrono::milliseconds(options_.stop_grace_ms),
                      [this] { return active_ == 0; });
    // Whoever is left loses the connection; its worker notices at the next byte.
    for (const Waiting& waiting : std::exchange(queue_, {})) settle(*waiting.guest, After::close);
    for (const auto& [guest, owned] : guests_) ::shutdown(guest->connection.socket(), SHUT_RDWR);
    workers_end_ = true;
  }
  work_.notify_all();
  workers_.clear();  // joins
  guests_.clear();
}

void Server::Impl::watch() {
  Door door(options_.server_name);
  std::array<epoll_event, events_max> events{};
  std::vector<Guest*> ready;
  while (!is_stopping_) {
    const int count = ::epoll_wait(epoll_.number(), events.data(), events_max, wait_ms());
    ready.clear();
    for (int i = 0; i < count; ++i) {
      void* const source = events[static_cast<std::size_t>(i)].data.ptr;
      if (source == &listener_) {
        accept_arrivals(door);
      } else if (source != &wake_) {
        visit(*static_cast<Guest*>(source), ready);
      }
    }
    enqueue(ready);
    if (env_.monotonic_ns() >= next_check_ns_) end_overdue(door);
    grow();
  }
  close_all_waiting();
}

// Until the next deadline might pass; for ever when nobody is there.
int Server::Impl::wait_ms() {
  const std::lock_guard lock(mutex_);
  if (queue_.size() > idle_workers_ && workers_.size() < options_.workers_max) return stuck_ms;
  if (guests_.empty() && accept_again_ns_ == 0) return -1;
  const int shortest = std::min(options_.head_deadline_ms, options_.idle_ms);
  return std::clamp(shortest / 8, 5, tick_ms_max);
}

void Server::Impl::accept_arrivals(Door& door) {
  for (int i = 0; i < accepts_max; ++i) {
    Listener::Arrival arrival = listener_.accept();
    if (arrival.outcome == Listener::Outcome::exhausted) {
      log::error("no file descriptor is left for a new connection; see `ulimit -n`");
      pause_accepting(true);
    }
    if (arrival.outcome != Listener::Outcome::accepted) return;
    auto owned = std::make_unique<Guest>(std::move(arrival.socket), std::move(arrival.peer));
    Guest& guest = *owned;
    // Who refuses a connection has no time for a handshake, so those end without a word.
    if (options_.tls != nullptr) {
      guest.connection.encrypt(options_.tls->open(guest.connection.socket()));
    }
    {
      const std::lock_guard lock(mutex_);
      const std::size_t count = guests_.size();
      // Too many even to tell them are closed without a word.
      const bool is_full = count >= options_.connections_max;
      if (count >= options_.connections_max + refused_max) continue;
      if (is_full && guest.connection.is_encrypted()) continue;
      guest.deadline_ns =
          in_ms(guest.connection.is_open() ? options_.idle_ms : options_.head_deadline_ms);
      guests_.emplace(&guest, std::move(owned));
      if (!arm(guest, EPOLL_CTL_ADD) || count < options_.connections_max) continue;
    }
    refuse(guest, door, {503, "The server has too many connections. Try again soon."});
  }
}

void Server::Impl::pause_accepting(bool pause) {
  accept_again_ns_ = pause ? in_ms(accept_pause_ms) : 0;
  epoll_event event{};
  event.events = pause ? 0 : static_cast<std::uint32_t>(EPOLLIN);
  event.data.ptr = &listener_;
  ::epoll_ctl(epoll_.number(), EPOLL_CTL_MOD, listener_.socket(), &event);
}

// Bytes came for a parked or leaving guest, or it went away.
void Server::Impl::visit(Guest& guest, std::vector<Guest*>& ready) {
  Connection& connection = guest.connection;
  std::unique_lock lock(mutex_);
  const bool is_leaving = guest.place == Guest::Place::leaving;
  lock.unlock();
  // Handshakes are work for the workers.
  if (!is_leaving && !connection.is_open()) return ready.push_back(&guest);
  const bool is_new = connection.input().empty();
  const Connection::Arrival arrival = connection.receive_now(scratch_);
  if (is_leaving) {
    guest.dropped_bytes += connection.input().size();
    connection.consume(connection.input().size());
  } else {
    guest.head_bytes = guest.scanner.scan(connection.input(), limits_);
  }
  lock.lock();
  if (arrival == Connection::Arrival::ended || guest.dropped_bytes > leaving_bytes_max) {
    return remove(guest);
  }
  if (guest.head_bytes > 0 && !is_leaving) return ready.push_back(&guest);
  if (!is_leaving && is_new && !connection.input().empty()) {
    guest.deadline_ns = in_ms(options_.head_deadline_ms);
  }
  arm(guest, EPOLL_CTL_MOD);
}

void Server::Impl::enqueue(const std::vector<Guest*>& ready) {
  if (ready.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now_ns = env_.monotonic_ns();
    for (Guest* guest : ready) {
      guest->place = Guest::Place::queued;
      queue_.push_back({guest, now_ns});
    }
    active_ += ready.size();
  }
  for (std::size_t i = 0; i < ready.size(); ++i) work_.notify_one();
}

void Server::Impl::end_overdue(Door& door) {
  const std::int64_t now_ns = env_.monotonic_ns();
  if (accept_again_ns_ != 0 && now_ns >= accept_again_ns_) pause_accepting(false);
  std::vector<Guest*> overdue;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [guest, owned] : guests_) {
      const bool is_ours =
          guest->place == Guest::Place::parked || guest->place == Guest::Place::leaving;
      if (is_ours && guest->deadline_ns <= now_ns) overdue.push_back(guest);
    }
  }
  // Nobody else touches parked guests, so they are still there without the lock.
  for (Guest* guest : overdue) {
    if (guest->place == Guest::Place::parked && !guest->connection.input().empty()) {
      refuse(*guest, door, {408, "The request head did not come in time."});
    } else {
      const std::lock_guard lock(mutex_);
      remove(*guest);
    }
  }
  const int shortest = std::min(options_.head_deadline_ms, options_.idle_ms);
  next_check_ns_ = in_ms(std::clamp(shortest / 8, 5, tick_ms_max));
}

// Answers from the watcher, which waits for nobody: what the socket does not take at once is lost.
void Server::Impl::refuse(Guest& guest, Door& door, const Refusal& refusal) {
  guest.connection.set_patience(0);
  const std::string id = next_request_id();
  const bool is_sent = door.send(guest.connection, {.id = id}, refusal_answer(refusal));
  const std::lock_guard lock(mutex_);
  ++active_;
  settle(guest, is_sent ? After::leave : After::close);
}

void Server::Impl::grow() {
  const std::lock_guard lock(mutex_);
  if (queue_.size() <= idle_workers_ || workers_.size() >= options_.workers_max) return;
  if (env_.monotonic_ns() - queue_.front().since_ns < stuck_ms * ns_per_ms) return;
  try {
    workers_.emplace_back([this] { work(); });
  } catch (const std::system_error& failure) {
    log::error("no thread is left for another HTTP worker", {{"reason", failure.what()}});
  }
}

void Server::Impl::close_all_waiting() {
  const std::lock_guard lock(mutex_);
  std::erase_if(guests_, [](const auto& one) {
    return one.first->place == Guest::Place::parked || one.first->place == Guest::Place::leaving;
  });
}

void Server::Impl::work() {
  Door door(options_.server_name);
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_workers_;
    work_.wait(lock, [this] { return workers_end_ || !queue_.empty(); });
    --idle_workers_;
    if (queue_.empty()) return;
    Guest& guest = *queue_.front().guest;
    queue_.pop_front();
    guest.place = Guest::Place::serving;
    lock.unlock();
    const After after = serve(guest, door);
    lock.lock();
    settle(guest, after);
  }
}

// Answers the request at the front of the input, and those right behind it as long as nobody else
// waits for a worker.
Server::Impl::After Server::Impl::serve(Guest& guest, Door& door) {
  Connection& connection = guest.connection;
  if (!connection.is_open()) return greet(connection, door);
  for (;;) {
    const std::string head(connection.input().substr(0, guest.head_bytes));
    connection.consume(guest.head_bytes);
    const After after = exchange(connection, head, door);
    if (after != After::park) return after;
    guest.scanner = HeadScanner();
    connection.take_pending();
    if (connection.input().empty() && !linger(connection)) return After::park;
    guest.head_bytes = guest.scanner.scan(connection.input(), limits_);
    if (guest.head_bytes == 0) return After::park;
    const std::lock_guard lock(mutex_);
    if (!queue_.empty()) return After::again;
  }
}

// Waits a moment for the next request; true when something of it came. A client that went away is
// left to the watcher.
bool Server::Impl::linger(Connection& connection) {
  {
    const std::lock_guard lock(mutex_);
    if (idle_workers_ == 0 || !queue_.empty() || is_stopping_) return false;
  }
  pollfd waiting{connection.socket(), POLLIN, 0};
  if (::poll(&waiting, 1, linger_ms) != 1 || waiting.revents != POLLIN) return false;
  thread_local std::vector<char> scratch(linger_bytes);
  return connection.receive_now(scratch) == Connection::Arrival::bytes;
}

// Parks until the next part of the handshake, or the first request, comes.
Server::Impl::After Server::Impl::greet(Connection& connection, Door& door) {
  connection.set_patience(greeting_ms);
  switch (connection.greet()) {
    case Connection::Greeting::done:
    case Connection::Greeting::unfinished: return After::park;
    case Connection::Greeting::failed: return After::close;
    case Connection::Greeting::plain: break;
  }
  const bool is_sent =
      door.send(connection, {.id = next_request_id()},
                Response::text(400, "This port speaks HTTPS only: use https:// in the address.\n"));
  return is_sent ? After::leave : After::close;
}

Server::Impl::After Server::Impl::exchange(Connection& connection,
                                           std::string_view head_bytes,
                                           Door& door) {
  connection.set_patience(options_.body_stall_ms);
  const std::string id = next_request_id();
  auto parsed = parse_head(head_bytes, limits_);
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
    const bool is_sent = door.send(connection, {.id = id}, refusal_answer(*refusal));
    return is_sent ? After::leave : After::close;
  }
  auto& head = std::get<Head>(parsed);
  Body body(connection, head);
  Request& request = head.request;
  request.id = id;
  request.remote_address = connection.peer();
  request.secure = connection.is_encrypted();
  request.body = &body;

  Response response = answer(request);
  // A stream may go on reading the body, so its rest is not dropped for it.
  const bool is_clean = response.stream ? body.is_finished() : body.discard_rest();
  const bool keep_alive = head.keep_alive && is_clean && !is_stopping_ &&
                          !equal_ignoring_case(response.headers.get("Connection"), "close");
  connection.set_patience(options_.body_stall_ms);
  const bool is_sent = door.send(connection,
                                 {.id = id,
                                  .is_head = request.method == "HEAD",
                                  .is_http_1_0 = head.is_http_1_0,
                                  .keep_alive = keep_alive},
                                 std::move(response));
  if (is_sent && keep_alive) return After::park;
  const bool is_quiet = body.is_finished() && connection.input().empty();
  return connection.is_broken() || is_quiet ? After::close : After::leave;
}

// Routers have a catch of their own; this one keeps a handler without one from ending the program.
Response Server::Impl::answer(Request& request) {
  try {
    return handler_(request);
  } catch (const Error& failure) {
    return Response::text(http_status(failure.code()), std::string(failure.what()) + "\n");
  } catch (const std::exception& failure) {
    log::error("request failed", {{"request_id", request.id}, {"reason", failure.what()}});
  } catch (...) {
    log::error("request failed", {{"request_id", request.id}});
  }
  return Response::text(
      500,
      "The server failed to answer. Its log has the cause under request id " + request.id + ".\n");
}

// The worker is done with the guest and must not touch it afterwards.
void Server::Impl::settle(Guest& guest, After after) {
  if (after == After::again) {
    guest.place = Guest::Place::queued;
    queue_.push_back({&guest, env_.monotonic_ns()});
    return;
  }
  --active_;
  if (is_stopping_) settled_.notify_all();
  if (after == After::close || is_stopping_) return remove(guest);
  if (after == After::park) return park(guest);
  guest.connection.shut_sending();
  guest.connection.consume(guest.connection.input().size());
  guest.place = Guest::Place::leaving;
  guest.deadline_ns = in_ms(leaving_ms);
  arm(guest, EPOLL_CTL_MOD);
}

void Server::Impl::park(Guest& guest) {
  // The first bytes of the next head may be here already, and their time runs.
  const bool has_begun = !guest.connection.input().empty();
  guest.place = Guest::Place::parked;
  // A handshake has one deadline from its first byte to its last.
  if (guest.connection.is_open()) {
    guest.deadline_ns = in_ms(has_begun ? options_.head_deadline_ms : options_.idle_ms);
  }
  arm(guest, EPOLL_CTL_MOD);
}

// The next arrival wakes the watcher, once. False when that cannot be had and the guest is gone.
bool Server::Impl::arm(Guest& guest, int operation) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.ptr = &guest;
  if (::epoll_ctl(epoll_.number(), operation, guest.connection.socket(), &event) == 0) return true;
  log::error("a connection cannot be watched",
             {{"reason", std::generic_category().message(errno)}});
  remove(guest);
  return false;
}

// A random start and a count: unique in the log, at no cost.
std::string Server::Impl::next_request_id() {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx",
                static_cast<unsigned long long>(next_id_.fetch_add(1)));
  return text.data();
}

Server::Server(ServerOptions options, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler))) {}

Server::~Server() = default;

int Server::port() const {
  return impl_->port();
}

void Server::start() {
  impl_->start();
}

void Server::stop() {
  impl_->stop();
}

}  // namespace sandbox::http

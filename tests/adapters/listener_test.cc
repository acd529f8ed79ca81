#include "net/listener.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "net/open_files.h"
#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

// Returns `fd`, connected.
int Dial(uint16_t port, int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

struct Descriptors {
  std::vector<int> all;
  ~Descriptors() {
    for (int fd : all) close(fd);
  }
};

bool Mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("listener: accepts non-blocking sockets and tells where they come from") {
  TestLoop loop;
  Descriptors ours, theirs;
  sockaddr_storage from{};
  Listener listener(
      loop.get(),
      [&](int fd, const sockaddr_storage& peer) {
        ours.all.push_back(fd);
        from = peer;
      },
      [] {});
  REQUIRE(listener.Listen("127.0.0.1", 0).outcome == ListenOutcome::kListening);
  REQUIRE(listener.port() != 0);
  for (int i = 0; i < 100; ++i) theirs.all.push_back(Dial(listener.port()));
  CHECK(loop.Until([&] { return ours.all.size() == 100; }));
  CHECK((fcntl(ours.all[0], F_GETFL) & O_NONBLOCK) != 0);
  CHECK((fcntl(ours.all[0], F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(ntohl(reinterpret_cast<sockaddr_in*>(&from)->sin_addr.s_addr) == INADDR_LOOPBACK);
}

TEST_CASE("listener: a port in use is told apart, named, and free again when its holder ends") {
  TestLoop loop;
  auto accept = [](int fd, const sockaddr_storage&) { close(fd); };
  auto holder = std::make_unique<Listener>(loop.get(), accept, [] {});
  REQUIRE(holder->Listen("127.0.0.1", 0).outcome == ListenOutcome::kListening);
  const uint16_t port = holder->port();
  Listener second(loop.get(), accept, [] {});
  ListenResult result = second.Listen("127.0.0.1", port);
  CHECK(result.outcome == ListenOutcome::kInUse);
  CHECK(result.error.find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
  CHECK(second.port() == 0);
  holder.reset();
  CHECK(loop.Until([&] {
    return second.port() != 0 ||
           second.Listen("127.0.0.1", port).outcome == ListenOutcome::kListening;
  }));
  int fd = Dial(port);
  CHECK(fd >= 0);
  close(fd);
}

TEST_CASE("listener: an address that is no address, and one that is not ours") {
  TestLoop loop;
  Listener listener(
      loop.get(), [](int fd, const sockaddr_storage&) { close(fd); }, [] {});
  ListenResult name = listener.Listen("localhost", 0);
  CHECK(name.outcome == ListenOutcome::kFailed);
  CHECK(name.error == "\"localhost\" is not a numeric IPv4 or IPv6 address");
  ListenResult foreign = listener.Listen("192.0.2.1", 0);
  CHECK(foreign.outcome == ListenOutcome::kFailed);
  CHECK(foreign.error.find("192.0.2.1:0") != std::string::npos);
}

TEST_CASE("listener: may be destroyed by the connection it hands over") {
  TestLoop loop;
  int accepted = 0;
  std::unique_ptr<Listener> listener;
  listener = std::make_unique<Listener>(
      loop.get(),
      [&](int fd, const sockaddr_storage&) {
        ++accepted;
        close(fd);
        listener.reset();
      },
      [] {});
  REQUIRE(listener->Listen("127.0.0.1", 0).outcome == ListenOutcome::kListening);
  Descriptors theirs;
  for (int i = 0; i < 3; ++i) theirs.all.push_back(Dial(listener->port()));
  CHECK(loop.Until([&] { return listener == nullptr; }));
  loop.For(20 * kMillisecond);
  CHECK(accepted == 1);
}

TEST_CASE("listener: the reserve of descriptors is not for connections, at n and n + 1") {
  TestLoop loop;
  Descriptors ours, theirs;
  Listener listener(
      loop.get(), [&](int fd, const sockaddr_storage&) { ours.all.push_back(fd); }, [] {});
  REQUIRE(listener.Listen("127.0.0.1", 0).outcome == ListenOutcome::kListening);
  theirs.all.push_back(Dial(listener.port()));
  theirs.all.push_back(Dial(listener.port()));
  // As many as the reserve: with a lower limit it would be smaller.
  while (theirs.all.back() < kReservedFiles) theirs.all.push_back(dup(theirs.all.front()));
  theirs.all.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));  // for the third
  const int lowest_free = theirs.all.back() + 1;
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit two = before;
  two.rlim_cur = static_cast<rlim_t>(lowest_free + 2 + kReservedFiles);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &two) == 0);
  CHECK(loop.Until([&] { return ours.all.size() == 2; }));
  loop.For(20 * kMillisecond);
  CHECK(listener.fault().empty());
  REQUIRE(Dial(listener.port(), theirs.all.back()) >= 0);
  CHECK(loop.Until([&] { return !listener.fault().empty(); }));
  CHECK(ours.all.size() == 2);
  Listener another(
      loop.get(), [](int fd, const sockaddr_storage&) { close(fd); }, [] {});
  CHECK(Mentions(another.Listen("127.0.0.1", 0).error, "open files"));
  const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);  // what is not a connection still can
  CHECK(file >= 0);
  close(file);
  close(ours.all.back());
  ours.all.pop_back();
  CHECK(loop.Until([&] { return ours.all.size() == 2 && listener.fault().empty(); }));
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("listener: out of descriptors it waits, says so once, and then goes on") {
  TestLoop loop;
  Descriptors ours;
  int changes = 0;
  Listener listener(
      loop.get(), [&](int fd, const sockaddr_storage&) { ours.all.push_back(fd); },
      [&changes] { ++changes; });
  REQUIRE(listener.Listen("127.0.0.1", 0).outcome == ListenOutcome::kListening);
  int party = Dial(listener.port());
  REQUIRE(party >= 0);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  int lowest_free = dup(party);
  close(lowest_free);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(lowest_free);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  loop.For(250 * kMillisecond);  // three tries
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK(ours.all.empty());
  CHECK(changes == 1);
  CHECK(Mentions(listener.fault(), "cannot accept on 127.0.0.1:"));
  int second = Dial(listener.port());
  CHECK(second >= 0);
  CHECK(loop.Until([&] { return ours.all.size() == 2 && listener.fault().empty(); }));
  CHECK(changes == 2);
  close(second);
  close(party);
}

}  // namespace hotlink

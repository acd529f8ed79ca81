// A long line: takes TCP connections and passes their bytes on to another port, each direction with
// a delay and, where wanted, at a limited rate.
//
//   wan_proxy TARGET_PORT DELAY_US RATE_BYTES_PER_SECOND     rate 0: no limit
//
// Prints the port that it listens on (127.0.0.1), and runs until it is killed. What is not as on a
// real line: nothing is lost, and the sender's kernel gets its ACKs from here, at once; so the
// line's queue is bounded here, and the sender sees it as a receive window that is closed.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <list>
#include <optional>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

constexpr size_t kPiece = 64 << 10;                  // bytes read at once without a rate
constexpr std::chrono::milliseconds kPieceTime(2);   // of the line that are read at once
constexpr std::chrono::milliseconds kQueueTime(20);  // of the line that may wait to enter it
constexpr size_t kUnderWay = 64 << 20;               // bytes; above any window / RTT measured
constexpr int kSocketBuffer = 32 << 10;              // bytes, where a rate is limited: the
                                                     // queue is to be here, not in the kernel

struct Line {
  Clock::duration delay;
  double rate;  // bytes a second, 0: no limit
};

[[noreturn]] void Fail(const char* doing) {
  std::perror(doing);
  std::exit(1);
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void Prepare(int fd, const Line& line) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (line.rate > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
}

// One direction of a connection.
class Direction {
 public:
  Direction(int from, int to, const Line& line) : from_(from), to_(to), line_(line) {}

  bool WantsToRead(Time now) const {
    return !ended_ && under_way_ < kUnderWay && free_at_ - now < kQueueTime;
  }
  bool WantsToWrite(Time now) const { return !pieces_.empty() && pieces_.front().due <= now; }
  // When something changes by itself.
  std::optional<Time> Next(Time now) const {
    std::optional<Time> next;
    if (!pieces_.empty() && pieces_.front().due > now) next = pieces_.front().due;
    const Time readable = free_at_ - kQueueTime;
    if (!ended_ && readable >= now) next = next ? std::min(*next, readable) : readable;
    return next;
  }

  // Both: false when the connection is broken.
  bool Read(Time now) {
    Piece piece;
    piece.bytes.resize(line_.rate > 0 ? Bytes(kPieceTime) : kPiece);
    const ssize_t n = recv(from_, piece.bytes.data(), piece.bytes.size(), MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN;
    piece.bytes.resize(static_cast<size_t>(n));
    free_at_ = std::max(free_at_, now) + TimeOf(piece.bytes.size());
    piece.due = free_at_ + line_.delay;
    under_way_ += piece.bytes.size();
    ended_ = n == 0;
    pieces_.push_back(std::move(piece));  // an empty one is the end
    return true;
  }
  bool Write(Time now) {
    while (WantsToWrite(now)) {
      Piece& piece = pieces_.front();
      if (piece.bytes.empty()) {
        pieces_.clear();
        done_ = true;
        return shutdown(to_, SHUT_WR) == 0;
      }
      const size_t left = piece.bytes.size() - piece.sent;
      const ssize_t n =
          send(to_, piece.bytes.data() + piece.sent, left, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN;
      piece.sent += static_cast<size_t>(n);
      under_way_ -= static_cast<size_t>(n);
      if (piece.sent == piece.bytes.size()) pieces_.pop_front();
    }
    return true;
  }
  bool done() const { return done_; }

 private:
  struct Piece {
    Time due;
    std::vector<char> bytes;
    size_t sent = 0;
  };

  size_t Bytes(std::chrono::duration<double> time) const {
    return std::max<size_t>(1, static_cast<size_t>(line_.rate * time.count()));
  }
  Clock::duration TimeOf(size_t bytes) const {
    if (line_.rate <= 0) return {};
    const std::chrono::duration<double> time(static_cast<double>(bytes) / line_.rate);
    return std::chrono::duration_cast<Clock::duration>(time);
  }

  int from_, to_;
  const Line& line_;
  std::deque<Piece> pieces_;
  size_t under_way_ = 0;
  Time free_at_{};  // when what was read has entered the line
  bool ended_ = false, done_ = false;
};

struct Connection {
  int near, far;
  Direction there, back;
};

int Listen(const Line& line) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Prepare(fd, line);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, SOMAXCONN) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Fail("listen");
  }
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

void Accept(int listener, uint16_t target, const Line& line, std::list<Connection>* connections) {
  const int near = accept(listener, nullptr, nullptr);
  if (near < 0) return;
  const int far = socket(AF_INET, SOCK_STREAM, 0);
  Prepare(near, line);
  Prepare(far, line);
  const sockaddr_in address = Loopback(target);
  if (connect(far, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(near);
    close(far);
    return;
  }
  connections->push_back({near, far, Direction(near, far, line), Direction(far, near, line)});
}

// What is to be waited for; the listener comes first, then each connection's two sockets.
std::vector<pollfd> Wanted(int listener, const std::list<Connection>& connections, Time now) {
  std::vector<pollfd> wanted = {{listener, POLLIN, 0}};
  const auto events = [now](const Direction& in, const Direction& out) {
    return static_cast<short>((in.WantsToRead(now) ? POLLIN : 0) |
                              (out.WantsToWrite(now) ? POLLOUT : 0));
  };
  for (const Connection& connection : connections) {
    const short near = events(connection.there, connection.back);
    const short far = events(connection.back, connection.there);
    // poll() tells of a hangup even where nothing is asked; a negative one is skipped.
    wanted.push_back({near != 0 ? connection.near : -1, near, 0});
    wanted.push_back({far != 0 ? connection.far : -1, far, 0});
  }
  return wanted;
}

timespec TimeLeft(const std::list<Connection>& connections, Time now) {
  std::optional<Time> next;
  for (const Connection& connection : connections) {
    for (const Direction* direction : {&connection.there, &connection.back}) {
      const std::optional<Time> at = direction->Next(now);
      if (at && (!next || *at < *next)) next = at;
    }
  }
  if (!next) return {3600, 0};
  const auto left = std::max<int64_t>(
      1, std::chrono::duration_cast<std::chrono::nanoseconds>(*next - now).count());
  return {static_cast<time_t>(left / 1000000000), static_cast<long>(left % 1000000000)};
}

// False: it has ended or is broken.
bool Move(Connection* connection, Time now) {
  for (Direction* direction : {&connection->there, &connection->back}) {
    if (direction->WantsToRead(now) && !direction->Read(now)) return false;
    if (!direction->Write(now)) return false;
  }
  return !connection->there.done() || !connection->back.done();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "wan_proxy TARGET_PORT DELAY_US RATE_BYTES_PER_SECOND\n");
    return 2;
  }
  const auto target = static_cast<uint16_t>(std::atoi(argv[1]));
  const Line line{std::chrono::microseconds(std::atol(argv[2])), std::atof(argv[3])};
  const int listener = Listen(line);
  std::list<Connection> connections;
  for (;;) {
    const Time before = Clock::now();
    std::vector<pollfd> wanted = Wanted(listener, connections, before);
    const timespec left = TimeLeft(connections, before);
    if (ppoll(wanted.data(), wanted.size(), &left, nullptr) < 0) Fail("ppoll");
    if (wanted[0].revents != 0) Accept(listener, target, line, &connections);
    const Time now = Clock::now();
    connections.remove_if([now](Connection& connection) {
      if (Move(&connection, now)) return false;
      close(connection.near);
      close(connection.far);
      return true;
    });
  }
}

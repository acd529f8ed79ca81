#include "proxy/adapters/party_sockets.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>

#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

// One party connection on loopback: the party's end as a plain descriptor, ours in PartySockets.
struct Rig {
  Rig() {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener, 1) == 0);
    socklen_t size = sizeof address;
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    party = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(connect(party, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    REQUIRE(fd >= 0);
    close(listener);
    sockets =
        std::make_unique<PartySockets>(loop.get(), PartySockets::Events{.ready = [this](ConnId id) {
                                         ++ready[id];
                                         if (on_ready) on_ready(id);
                                       }});
    auto added = sockets->Add(fd);
    REQUIRE(added.has_value());
    conn = *added;
  }
  ~Rig() {
    sockets.reset();
    if (party >= 0) close(party);
  }

  void PartySends(const std::string& text) {
    REQUIRE(send(party, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  void PartyCloses() {
    close(party);
    party = -1;
  }
  void PartyAborts() {
    linger value{1, 0};
    setsockopt(party, SOL_SOCKET, SO_LINGER, &value, sizeof value);
    PartyCloses();
  }
  // What the party reads now: its bytes, "EOF", "RST" or "" for nothing yet.
  std::string PartyReads() {
    char buffer[4096];
    ssize_t n = recv(party, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n > 0) return std::string(buffer, static_cast<size_t>(n));
    if (n == 0) return "EOF";
    return errno == ECONNRESET ? "RST" : "";
  }
  bool PeekBecomes(PartyState state) {
    return loop.Until([&] { return sockets->Peek(conn) == state; });
  }
  PartyRead Read(size_t size = 4096) {
    bytes.resize(size);
    PartyRead read = sockets->Read(conn, bytes);
    bytes.resize(read.n);
    return read;
  }
  void Write(std::string_view text) {
    PartyWrite write = sockets->Write(conn, AsBytes(text));
    REQUIRE(!write.reset);
    REQUIRE(write.n == text.size());
  }

  TestLoop loop;
  std::map<ConnId, int> ready;
  std::function<void(ConnId)> on_ready;
  std::unique_ptr<PartySockets> sockets;
  int party = -1, fd = -1;
  ConnId conn = 0;
  Bytes bytes;
};

}  // namespace

TEST_CASE("party sockets: bytes are seen, read and written") {
  Rig rig;
  CHECK(rig.sockets->Peek(rig.conn) == PartyState::kQuiet);
  CHECK(rig.Read().state == PartyState::kQuiet);
  rig.PartySends("hello");
  REQUIRE(rig.PeekBecomes(PartyState::kBytes));
  CHECK(rig.sockets->Peek(rig.conn) == PartyState::kBytes);  // taking nothing
  CHECK(rig.Read(2).n == 2);
  CHECK(rig.Read().n == 3);
  CHECK(AsText(rig.bytes) == "llo");
  CHECK(rig.Read().state == PartyState::kQuiet);
  rig.Write("back");
  std::string got;
  CHECK(rig.loop.Until([&] { return (got += rig.PartyReads()) == "back"; }));
}

TEST_CASE("party sockets: the socket options of every connection") {
  Rig rig;
  auto option = [&](int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(rig.fd, level, name, &value, &size);
    return value;
  };
  CHECK(option(IPPROTO_TCP, TCP_NODELAY) == 1);
  CHECK(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
  linger value{};
  socklen_t size = sizeof value;
  getsockopt(rig.fd, SOL_SOCKET, SO_LINGER, &value, &size);
  CHECK(value.l_onoff == 1);
  CHECK(value.l_linger == 0);
  int off = 0;
  setsockopt(rig.fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
  rig.PartySends("x");
  REQUIRE(rig.PeekBecomes(PartyState::kBytes));
  CHECK(rig.Read().n == 1);
  CHECK(rig.loop.Until([&] { return option(IPPROTO_TCP, TCP_QUICKACK) == 1; }));
}

TEST_CASE("party sockets: readable is told while bytes are left, and not without interest") {
  Rig rig;
  rig.PartySends("abc");
  REQUIRE(rig.PeekBecomes(PartyState::kBytes));
  rig.loop.For(20 * kMillisecond);
  CHECK(rig.ready[rig.conn] == 0);
  rig.sockets->Watch(rig.conn, {.readable = true});
  CHECK(rig.loop.Until([&] { return rig.ready[rig.conn] >= 3; }));  // level-triggered
  CHECK(rig.Read().n == 3);
  int before = rig.ready[rig.conn];
  rig.loop.For(20 * kMillisecond);
  CHECK(rig.ready[rig.conn] == before);
}

TEST_CASE("party sockets: end of file behind bytes, half-close goes on writing") {
  Rig rig;
  rig.PartySends("last");
  shutdown(rig.party, SHUT_WR);
  REQUIRE(rig.PeekBecomes(PartyState::kBytes));
  CHECK(rig.Read().n == 4);
  REQUIRE(rig.PeekBecomes(PartyState::kEof));
  CHECK(rig.Read().state == PartyState::kEof);
  rig.Write("answer");
  rig.sockets->ShutdownWrite(rig.conn);
  std::string got;
  CHECK(rig.loop.Until([&] { return (got += rig.PartyReads()) == "answerEOF"; }));
}

TEST_CASE("party sockets: a hangup is told once, even behind unread bytes") {
  Rig rig;
  rig.PartySends("unread");
  REQUIRE(rig.PeekBecomes(PartyState::kBytes));
  rig.sockets->Watch(rig.conn, {.hangup = true});
  rig.loop.For(20 * kMillisecond);
  CHECK(rig.ready[rig.conn] == 0);
  shutdown(rig.party, SHUT_WR);
  REQUIRE(rig.loop.Until([&] { return rig.ready[rig.conn] > 0; }));
  rig.loop.For(30 * kMillisecond);
  CHECK(rig.ready[rig.conn] == 1);
  CHECK(rig.sockets->Peek(rig.conn) == PartyState::kBytes);

  // Asked for anew, it is told anew.
  rig.sockets->Watch(rig.conn, {});
  rig.sockets->Watch(rig.conn, {.hangup = true});
  rig.loop.For(30 * kMillisecond);
  CHECK(rig.ready[rig.conn] == 2);
}

TEST_CASE("party sockets: a RST is told without any interest, once, and stays a reset") {
  Rig rig;
  SUBCASE("before anything") {}
  SUBCASE("after a FIN that was not asked about") {
    shutdown(rig.party, SHUT_WR);
    REQUIRE(rig.PeekBecomes(PartyState::kEof));
    rig.loop.For(20 * kMillisecond);
    CHECK(rig.ready[rig.conn] == 0);
    rig.Write("never read");  // closing over unread bytes, the party's kernel sends RST
  }
  rig.loop.For(20 * kMillisecond);
  rig.PartyAborts();
  REQUIRE(rig.loop.Until([&] { return rig.ready[rig.conn] > 0; }));
  rig.loop.For(30 * kMillisecond);
  CHECK(rig.ready[rig.conn] == 1);
  for (int i = 0; i < 2; ++i) {
    CHECK(rig.sockets->Peek(rig.conn) == PartyState::kReset);
    CHECK(rig.Read().state == PartyState::kReset);
    CHECK(rig.sockets->Write(rig.conn, AsBytes("x")).reset);
  }
}

TEST_CASE("party sockets: a RST after a write that failed is not taken for a clean end") {
  Rig rig;
  rig.PartyAborts();
  // The kernel tells its error to the first who asks: here to send().
  REQUIRE(rig.loop.Until([&] { return rig.sockets->Write(rig.conn, AsBytes("x")).reset; }));
  CHECK(rig.Read().state == PartyState::kReset);
  CHECK(rig.sockets->Peek(rig.conn) == PartyState::kReset);
}

TEST_CASE("party sockets: bytes in front of a RST can be read in several wake-ups") {
  Rig rig;
  std::string got;
  PartyState last = PartyState::kQuiet;
  rig.on_ready = [&](ConnId) {
    PartyRead read = rig.Read(2);
    got += AsText(rig.bytes);
    last = read.state;
    if (last == PartyState::kReset) rig.sockets->Watch(rig.conn, {});
  };
  rig.PartySends("sixsix");
  REQUIRE(rig.PeekBecomes(PartyState::kBytes));
  rig.PartyAborts();
  rig.sockets->Watch(rig.conn, {.readable = true, .hangup = true});
  CHECK(rig.loop.Until([&] { return last == PartyState::kReset; }));
  CHECK(got == "sixsix");
}

TEST_CASE("party sockets: a full send buffer gives short writes, then room is told") {
  Rig rig;
  Bytes chunk(256 << 10, 7);
  size_t written = 0;
  PartyWrite write;
  do {
    write = rig.sockets->Write(rig.conn, chunk);
    CHECK(!write.reset);
    written += write.n;
  } while (write.n > 0);
  CHECK(rig.sockets->Unacknowledged(rig.conn) > 0);
  rig.sockets->Watch(rig.conn, {.writable = true});
  rig.loop.For(20 * kMillisecond);
  CHECK(rig.ready[rig.conn] == 0);
  size_t read = 0;
  CHECK(rig.loop.Until([&] {
    read += rig.PartyReads().size();
    return rig.ready[rig.conn] > 0;
  }));
  rig.sockets->Watch(rig.conn, {});
  CHECK(rig.loop.Until([&] {
    for (int i = 0; i < 64; ++i) read += rig.PartyReads().size();
    return read >= written;
  }));
  CHECK(read == written);
  CHECK(rig.loop.Until([&] { return rig.sockets->Unacknowledged(rig.conn) == 0; }));
}

TEST_CASE("party sockets: reset sends RST") {
  Rig rig;
  rig.sockets->Reset(rig.conn);
  CHECK(rig.sockets->size() == 0);
  CHECK(rig.loop.Until([&] { return rig.PartyReads() == "RST"; }));
}

TEST_CASE("party sockets: all that is open is reset at the end") {
  Rig rig;
  rig.sockets.reset();
  CHECK(rig.loop.Until([&] { return rig.PartyReads() == "RST"; }));
}

TEST_CASE("party sockets: a close delivers what was written, whatever the party still sends") {
  Rig rig;
  rig.PartySends("not read by anybody");
  REQUIRE(rig.PeekBecomes(PartyState::kBytes));
  rig.Write("goodbye");
  rig.sockets->Close(rig.conn);
  CHECK(rig.sockets->size() == 0);
  rig.PartySends("nor this");
  rig.loop.For(20 * kMillisecond);
  std::string got;
  CHECK(rig.loop.Until([&] { return (got += rig.PartyReads()) == "goodbyeEOF"; }));
  CHECK(send(rig.party, "more", 4, MSG_NOSIGNAL) == 4);
  rig.loop.For(10 * kMillisecond);
  CHECK(rig.PartyReads() == "EOF");  // and not RST
  CHECK(rig.ready[rig.conn] == 0);
}

TEST_CASE("party sockets: a connection may be ended from inside its wake-up") {
  Rig rig;
  rig.on_ready = [&](ConnId id) { rig.sockets->Reset(id); };
  rig.sockets->Watch(rig.conn, {.readable = true, .writable = true, .hangup = true});
  CHECK(rig.loop.Until([&] { return rig.PartyReads() == "RST"; }));
  CHECK(rig.ready[rig.conn] == 1);
}

}  // namespace hotlink

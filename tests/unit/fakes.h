// What lies outside the core, as the unit tests see it: party sockets, link and log that record
// every call, take orders from the test, and do nothing of their own accord.
#ifndef HOTLINK_TESTS_UNIT_FAKES_H_
#define HOTLINK_TESTS_UNIT_FAKES_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/log.h"
#include "common/message.h"
#include "proxy/core/link_side.h"
#include "proxy/core/party_side.h"

namespace hotlink {

class FakeLog : public Log {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Write(LogLevel level, std::string_view text) override;
  // How many lines of at least this level hold `words`.
  int Count(std::string_view words, LogLevel least = LogLevel::kDebug) const;
  void Clear() { lines_.clear(); }

 private:
  std::vector<std::pair<LogLevel, std::string>> lines_;
};

// The party's end of each connection. A call that names a connection which does not exist, or is
// dead, fails the test.
class FakeParty : public PartySide {
 public:
  enum class End { kOpen, kClosed, kReset };
  struct Conn {
    std::string wrote;                                 // by the party, not read by the core yet
    bool eof = false;                                  // behind `wrote`
    bool reset = false;                                // by the party
    std::string taken;                                 // what the core gave
    size_t room = std::numeric_limits<size_t>::max();  // bytes the socket still takes
    size_t unacknowledged = 0;
    bool fin = false;      // the core shut its side down
    End end = End::kOpen;  // how the core ended it
    PartyInterest interest;
    bool eof_told = false, reset_told = false;  // as hangups
  };

  // Makes a connection; the core is to be told by the test.
  Conn& Connect(ConnId conn);
  Conn& operator[](ConnId conn);
  // Whether the core, for what it watches, would be told that the connection is ready.
  bool Ready(ConnId conn);
  std::vector<ConnId> Open() const;

  // Every address that was dialled, in order; the connection is there at once, but the core is to
  // be told by the test.
  std::vector<std::pair<ConnId, std::string>> dialled;
  bool no_descriptors = false;

  ConnId Dial(const std::string& address) override;
  PartyState Peek(ConnId conn) override;
  PartyRead Read(ConnId conn, std::span<uint8_t> into) override;
  PartyWrite Write(ConnId conn, ByteView bytes) override;
  void ShutdownWrite(ConnId conn) override;
  size_t Unacknowledged(ConnId conn) override;
  void Watch(ConnId conn, PartyInterest interest) override;
  void Close(ConnId conn) override;
  void Reset(ConnId conn) override;

 private:
  Conn& Alive(ConnId conn);
  std::map<ConnId, Conn> conns_;
  ConnId next_dialled_ = 1000;
};

// One message that was given to the link, with its own copy of everything.
struct Sent {
  MessageType type = MessageType::kOpen;
  std::string sid, path, to, from;
  std::string kind, token;  // of a Signal
  std::string reason;       // of a Reject or Close; a Signal's error
  uint64_t seq = 0;
  std::string etag, payload;

  // Views into this object.
  MessageBody Body() const;
};

class FakeLink : public LinkSide {
 public:
  std::vector<Sent> sent;                      // in the order of the calls
  int room = std::numeric_limits<int>::max();  // Data frames taken before it is full
  bool holds_frames = false;                   // frames stay `queued` until the test frees them
  std::vector<FramePtr> held;

  std::vector<Sent> Of(MessageType type) const;
  std::vector<Sent> Signals(std::string_view kind) const;
  // All messages since the last call; `sent` is empty then.
  std::vector<Sent> Take();

  void SendControl(const MessageBody& body) override;
  bool CanSendData() const override { return room > 0; }
  void SendData(const Data& header, const FramePtr& frame) override;
};

// Random numbers that can be told apart, never 0.
class FakeRandom {
 public:
  explicit FakeRandom(uint64_t seed) : state_(seed) {}
  uint64_t operator()();

 private:
  uint64_t state_;
};

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_FAKES_H_

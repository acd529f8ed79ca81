// Two cores with one channel, wired to one another by codecs and a relay that does nothing, with
// parties that cost next to nothing: what is counted is the product's. Time is virtual.
#ifndef HOTLINK_TESTS_BENCH_INSTRUCTIONS_CORE_PAIR_H_
#define HOTLINK_TESTS_BENCH_INSTRUCTIONS_CORE_PAIR_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>

#include "common/log.h"
#include "common/message.h"
#include "common/time.h"
#include "proxy/core/core.h"
#include "proxy/core/link_side.h"
#include "proxy/core/party_side.h"

namespace hotlink::bench {

// One connection whose party writes and takes everything; what its bytes are does not matter, so
// they are left as they lie: the kernel's copying is not counted.
class CountingParty : public PartySide {
 public:
  size_t to_read = 0;  // written by the party, not read by the core yet
  uint64_t taken = 0;  // bytes that the core gave
  PartyInterest interest;

  bool Ready() const { return interest.writable || (interest.readable && to_read > 0); }

  ConnId Dial(const std::string&) override { return 0; }
  PartyState Peek(ConnId) override { return to_read > 0 ? PartyState::kBytes : PartyState::kQuiet; }
  PartyRead Read(ConnId, std::span<uint8_t> into) override;
  PartyWrite Write(ConnId, ByteView bytes) override;
  void ShutdownWrite(ConnId) override {}
  size_t Unacknowledged(ConnId) override { return 0; }
  void Watch(ConnId, PartyInterest wanted) override { interest = wanted; }
  void Close(ConnId) override {}
  void Reset(ConnId) override {}
};

// Encodes as the relay link does. Data stays in the sender's frame until it is delivered.
class QueueLink : public LinkSide {
 public:
  struct Item {
    Bytes control;      // a whole message, or
    FramePtr frame;     // the payload, with
    size_t header = 0;  // so many bytes of the message in front of it
  };
  std::deque<Item> items;

  explicit QueueLink(std::string user) : user_(std::move(user)) {}
  void SendControl(const MessageBody& body) override;
  bool CanSendData() const override { return true; }
  void SendData(const Data& header, const FramePtr& frame) override;

 private:
  std::string user_;
};

class CorePair {
 public:
  CorePair();  // until bytes have passed in both directions

  // The party of side 0 or 1 writes so many bytes; returns when the other party has them.
  void Carry(int from, size_t bytes);

 private:
  class NoLog : public Log {
   public:
    bool Enabled(LogLevel) const override { return false; }
    void Write(LogLevel, std::string_view) override {}
  };
  struct Side {
    explicit Side(const std::string& user) : link(user) {}
    CountingParty party;
    QueueLink link;
    NoLog log;
    MessageDecoder decoder;
    std::unique_ptr<Core> core;
  };

  void Start(Side* side, const std::string& user, const std::string& peer);
  bool Step();  // false: nothing was left to do at this time
  bool Deliver(QueueLink* from, Side* to);

  Time now_ = 1000 * kSecond;
  uint64_t random_ = 0;
  Side a_{"a@x"}, b_{"b@x"};
};

}  // namespace hotlink::bench

#endif  // HOTLINK_TESTS_BENCH_INSTRUCTIONS_CORE_PAIR_H_

#include "proxy/adapters/link_sender.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

// A socket that takes as much as it is told to, and notes where each offer lay.
struct FakeSocket {
  size_t room = SIZE_MAX;   // bytes it takes before it says kAgain
  size_t piece = SIZE_MAX;  // at most so many in one write
  bool broken = false;
  std::string taken;
  std::vector<ByteView> offers;

  IoResult Take(ByteView bytes) {
    offers.push_back(bytes);
    if (broken) return {IoResult::Status::kFailed, 0, "broken pipe"};
    size_t n = std::min({bytes.size(), room, piece});
    if (n == 0) return {IoResult::Status::kAgain, 0, ""};
    taken += AsText(bytes.first(n));
    room -= n;
    return {IoResult::Status::kDone, n, ""};
  }
};

struct Rig {
  Rig() { sender.Begin(Encoding::kMsgpack); }
  IoResult Flush() {
    return sender.Flush([this](ByteView bytes) { return socket.Take(bytes); });
  }
  // The opcodes and payloads of all frames that were taken whole.
  std::vector<std::pair<int, std::string>> Frames() const {
    std::vector<std::pair<int, std::string>> out;
    std::string_view in = socket.taken;
    auto byte = [&](size_t i) { return static_cast<uint8_t>(in[i]); };
    while (in.size() >= 6) {
      size_t size = byte(1) & 0x7F, extra = size == 126 ? 2 : size == 127 ? 8 : 0, header = 2;
      if (in.size() < 6 + extra) break;
      if (extra > 0) size = 0;
      for (size_t i = 0; i < extra; ++i) size = size << 8 | byte(header++);
      if (in.size() < header + 4 + size) break;
      std::string payload;
      for (size_t i = 0; i < size; ++i)
        payload += static_cast<char>(byte(header + 4 + i) ^ byte(header + i % 4));
      out.emplace_back(byte(0) & 0xF, payload);
      in.remove_prefix(header + 4 + size);
    }
    return out;
  }
  static FramePtr MakeFrame(const std::string& payload, size_t headroom = 512) {
    auto frame = std::make_shared<Frame>(headroom, payload.size() + 1);
    std::copy(payload.begin(), payload.end(), frame->room().begin());
    frame->Grow(payload.size());
    return frame;
  }
  static std::string PayloadOf(const std::string& message, std::string* sid = nullptr) {
    MessageDecoder decoder;
    Result<Message> decoded = decoder.Decode(false, AsBytes(message));
    REQUIRE(decoded.ok());
    const Data& data = std::get<Data>(decoded->body);
    if (sid != nullptr) *sid = data.sid;
    return std::string(AsText(data.payload));
  }

  TestLog log;
  uint64_t draws = 0;
  LinkSender sender{[this] { return ++draws * 0x9E3779B97F4A7C15u; }, log};
  FakeSocket socket;
};

Data Header(std::string_view sid) {
  Data data;
  data.sid = sid;
  data.seq = 1;
  data.path = "a@x/p/0_to_1/stream.tcp.request";
  data.etag = "1";
  return data;
}

}  // namespace

TEST_CASE("link sender: a retransmission with any header carries the same payload") {
  Rig rig;
  std::string payload;
  for (int i = 0; i < 1000; ++i) payload += static_cast<char>(i * 7);
  FramePtr frame = rig.MakeFrame(payload);
  std::string sid;
  for (int length = 1; length <= 40; ++length) {
    sid += 's';
    rig.sender.QueueData(Header(sid), frame);
    CHECK(rig.Flush().status == IoResult::Status::kDone);
    CHECK(!frame->queued);
    CHECK(frame->masked);
    auto frames = rig.Frames();
    REQUIRE(frames.size() == static_cast<size_t>(length));
    CHECK(frames.back().first == 2);
    std::string got_sid;
    CHECK(rig.PayloadOf(frames.back().second, &got_sid) == payload);
    CHECK(got_sid == sid);
  }
}

TEST_CASE("link sender: a frame that was sent as msgpack goes out right as JSON, and back") {
  Rig rig;
  FramePtr frame = rig.MakeFrame("pay\x01load");
  rig.sender.QueueData(Header("s"), frame);
  rig.Flush();
  rig.sender.Begin(Encoding::kJson);
  rig.sender.QueueData(Header("s"), frame);
  CHECK(!frame->queued);  // it was copied
  rig.Flush();
  rig.sender.Begin(Encoding::kMsgpack);
  rig.sender.QueueData(Header("s"), frame);
  rig.Flush();
  auto frames = rig.Frames();
  REQUIRE(frames.size() == 3);
  CHECK(rig.PayloadOf(frames[0].second) == "pay\x01load");
  CHECK(frames[1].first == 1);
  CHECK(frames[1].second.find("\"cGF5AWxvYWQ=\"") != std::string::npos);
  CHECK(rig.PayloadOf(frames[2].second) == "pay\x01load");
}

TEST_CASE("link sender: what has begun is offered again from its address; control goes next") {
  Rig rig;
  FramePtr first = rig.MakeFrame(std::string(5000, 'a'));
  FramePtr second = rig.MakeFrame(std::string(5000, 'b'));
  rig.socket.room = 100;
  rig.sender.QueueData(Header("s1"), first);
  rig.sender.QueueData(Header("s2"), second);
  CHECK(rig.Flush().status == IoResult::Status::kAgain);
  ByteView refused = rig.socket.offers.back();
  rig.sender.QueueControl(Accept{"s3"});
  rig.sender.QueuePong(AsBytes("old"));
  rig.sender.QueuePong(AsBytes("new"));
  CHECK(first->queued);
  CHECK(second->queued);
  CHECK(rig.Flush().status == IoResult::Status::kAgain);
  CHECK(rig.socket.offers.back().data() == refused.data());
  CHECK(rig.socket.offers.back().size() >= refused.size());

  rig.socket.room = SIZE_MAX;
  rig.socket.piece = 1;  // a byte at a time
  IoResult done = rig.Flush();
  CHECK(done.status == IoResult::Status::kDone);
  CHECK(done.n == rig.socket.taken.size() - 100);
  auto frames = rig.Frames();
  REQUIRE(frames.size() == 4);
  CHECK(rig.PayloadOf(frames[0].second) == std::string(5000, 'a'));
  CHECK(frames[1] == std::pair<int, std::string>(10, "new"));
  CHECK(frames[2].second.find("s3") != std::string::npos);
  CHECK(rig.PayloadOf(frames[3].second) == std::string(5000, 'b'));
  CHECK(!first->queued);
  CHECK(!second->queued);
  CHECK(rig.sender.empty());
}

TEST_CASE("link sender: small ones leave in one write, control in front; a large one by itself") {
  Rig rig;
  FramePtr small = rig.MakeFrame("a"), other = rig.MakeFrame("b");
  FramePtr large = rig.MakeFrame(std::string(kSmallMessage, 'c')), last = rig.MakeFrame("d");
  for (const FramePtr& frame : {small, other, large, last})
    rig.sender.QueueData(Header("s1"), frame);
  rig.sender.QueueControl(Accept{"s2"});
  rig.sender.QueuePong(AsBytes("pong"));
  const size_t waits = rig.sender.pending();
  CHECK(rig.Flush().n == waits + 10);  // with the pong
  CHECK(rig.socket.offers.size() == 3);
  const auto frames = rig.Frames();
  REQUIRE(frames.size() == 6);
  CHECK(frames[0] == std::pair<int, std::string>(10, "pong"));
  CHECK(frames[1].second.find("s2") != std::string::npos);
  CHECK(rig.PayloadOf(frames[2].second) == "a");
  CHECK(rig.PayloadOf(frames[3].second) == "b");
  CHECK(rig.PayloadOf(frames[4].second) == std::string(kSmallMessage, 'c'));
  CHECK(rig.PayloadOf(frames[5].second) == "d");
  CHECK(rig.sender.pending() == 0);
}

TEST_CASE("link sender: what is to go behind Data does, and ahead of later Data") {
  Rig rig;
  rig.sender.QueueData(Header("s1"), rig.MakeFrame("a"));
  rig.sender.QueueBehindData(Accept{"echo"});
  rig.sender.QueueData(Header("s1"), rig.MakeFrame("b"));
  rig.sender.QueueControl(Accept{"control"});
  rig.Flush();
  const auto frames = rig.Frames();
  REQUIRE(frames.size() == 4);
  CHECK(frames[0].second.find("control") != std::string::npos);
  CHECK(rig.PayloadOf(frames[1].second) == "a");
  CHECK(frames[2].second.find("echo") != std::string::npos);
  CHECK(rig.PayloadOf(frames[3].second) == "b");
  CHECK(rig.sender.pending() == 0);
}

TEST_CASE("link sender: a batch has a limit, and is finished from its address") {
  Rig rig;
  const size_t count = 3 * kBatchMax / 1000;
  for (size_t i = 0; i < count; ++i)
    rig.sender.QueueData(Header("s"), rig.MakeFrame(std::string(1000, 'x')));
  rig.socket.room = 100;
  CHECK(rig.Flush().status == IoResult::Status::kAgain);
  CHECK(rig.socket.offers.front().size() <= kBatchMax);
  CHECK(rig.socket.offers.front().size() > kBatchMax - kSmallMessage);
  const ByteView refused = rig.socket.offers.back();
  rig.sender.QueueControl(Accept{"s2"});
  CHECK(rig.Flush().status == IoResult::Status::kAgain);
  CHECK(rig.socket.offers.back().data() == refused.data());
  CHECK(rig.socket.offers.back().size() == refused.size());
  rig.socket.room = SIZE_MAX;
  rig.Flush();
  CHECK(rig.Frames().size() == count + 1);
  CHECK(rig.sender.empty());
}

TEST_CASE("link sender: limits of what waits, at n-1, n and n+1") {
  Rig rig;
  rig.socket.room = 0;
  // One frame of exactly kDataPendingMax - 1 bytes on the wire: found by measuring a small one.
  FramePtr probe = rig.MakeFrame(std::string(300000, 'p'));
  rig.sender.QueueData(Header("s"), probe);
  rig.socket.room = SIZE_MAX;
  rig.Flush();
  const size_t overhead = rig.socket.taken.size() - 300000;
  rig.socket.room = 0;
  for (int extra : {-1, 0, 1}) {
    FramePtr frame = rig.MakeFrame(std::string(kDataPendingMax - overhead + extra, 'x'));
    rig.sender.QueueData(Header("s"), frame);
    rig.Flush();
    CHECK(rig.sender.CanQueueData() == (extra < 0));
    rig.sender.Drop();
    CHECK(rig.sender.CanQueueData());
    CHECK(!frame->queued);
  }
  while (!rig.sender.ControlOverflow()) rig.sender.QueueFrame(WsOpcode::kText, Bytes(60000));
  rig.sender.Drop();
  CHECK(!rig.sender.ControlOverflow());
  CHECK(rig.sender.empty());
}

TEST_CASE("link sender: too little headroom is said once and costs a copy") {
  Rig rig;
  for (int i = 0; i < 2; ++i) {
    FramePtr frame = rig.MakeFrame("payload", 20);
    rig.sender.QueueData(Header("s"), frame);
    CHECK(!frame->queued);
  }
  rig.Flush();
  auto frames = rig.Frames();
  REQUIRE(frames.size() == 2);
  CHECK(rig.PayloadOf(frames[1].second) == "payload");
  CHECK(rig.log.Count(LogLevel::kError, "headroom") == 1);
}

TEST_CASE("link sender: empty payloads (ends of streams) and failures") {
  Rig rig;
  FramePtr frame = rig.MakeFrame("");
  rig.sender.QueueData(Header("s"), frame);
  rig.Flush();
  REQUIRE(rig.Frames().size() == 1);
  CHECK(rig.PayloadOf(rig.Frames()[0].second).empty());
  rig.socket.broken = true;
  frame = rig.MakeFrame(std::string(kSmallMessage, 'x'));
  rig.sender.QueueData(Header("s"), frame);
  IoResult result = rig.Flush();
  CHECK(result.status == IoResult::Status::kFailed);
  CHECK(result.error == "broken pipe");
  CHECK(frame->queued);
  rig.sender.Drop();
  CHECK(!frame->queued);
}

}  // namespace hotlink

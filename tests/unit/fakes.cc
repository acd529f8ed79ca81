#include "tests/unit/fakes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

namespace hotlink {
namespace {

std::string Text(std::string_view text) { return std::string(text); }

// A message whose type the core never sends is a failure of its own.
Sent Copy(const MessageBody& body) {
  Sent sent;
  if (const auto* open = std::get_if<hotlink::Open>(&body)) {
    sent.type = MessageType::kOpen;
    sent.sid = open->sid;
    sent.path = open->path;
    sent.to = open->to;
    sent.from = open->from;
  } else if (const auto* accept = std::get_if<Accept>(&body)) {
    sent.type = MessageType::kAccept;
    sent.sid = accept->sid;
  } else if (const auto* reject = std::get_if<Reject>(&body)) {
    sent.type = MessageType::kReject;
    sent.sid = reject->sid;
    sent.reason = reject->reason;
  } else if (const auto* close = std::get_if<Close>(&body)) {
    sent.type = MessageType::kClose;
    sent.sid = close->sid;
    sent.reason = close->reason;
  } else if (const auto* signal = std::get_if<Signal>(&body)) {
    sent.type = MessageType::kSignal;
    sent.sid = signal->sid;
    sent.kind = signal->kind;
    sent.token = signal->token;
    sent.reason = signal->error;
  } else {
    FAIL("a control message of an unexpected type");
  }
  return sent;
}

}  // namespace

void FakeLog::Write(LogLevel level, std::string_view text) { lines_.emplace_back(level, text); }

int FakeLog::Count(std::string_view words, LogLevel least) const {
  return static_cast<int>(std::count_if(lines_.begin(), lines_.end(), [&](const auto& line) {
    return line.first >= least && line.second.find(words) != std::string::npos;
  }));
}

FakeParty::Conn& FakeParty::Connect(ConnId conn) {
  const auto [at, made] = conns_.try_emplace(conn);
  REQUIRE(made);
  return at->second;
}

FakeParty::Conn& FakeParty::operator[](ConnId conn) {
  const auto at = conns_.find(conn);
  REQUIRE(at != conns_.end());
  return at->second;
}

FakeParty::Conn& FakeParty::Alive(ConnId conn) {
  Conn& found = (*this)[conn];
  REQUIRE_MESSAGE(found.end == End::kOpen, "the core names a dead connection: ", conn);
  return found;
}

bool FakeParty::Ready(ConnId conn) {
  Conn& found = (*this)[conn];
  if (found.end != End::kOpen) return false;
  const bool news = (found.eof && !found.eof_told) || (found.reset && !found.reset_told);
  const bool hangup = news && found.interest.hangup;
  if (hangup) found.eof_told = found.eof, found.reset_told = found.reset;
  const bool readable = !found.wrote.empty() || found.eof || found.reset;
  return hangup || (found.interest.readable && readable) ||
         (found.interest.writable && (found.room > 0 || found.reset));
}

std::vector<ConnId> FakeParty::Open() const {
  std::vector<ConnId> open;
  for (const auto& [id, conn] : conns_) {
    if (conn.end == End::kOpen) open.push_back(id);
  }
  return open;
}

ConnId FakeParty::Dial(const std::string& address) {
  if (no_descriptors) return 0;
  const ConnId conn = next_dialled_++;
  Connect(conn);
  dialled.emplace_back(conn, address);
  return conn;
}

PartyState FakeParty::Peek(ConnId conn) {
  const Conn& found = Alive(conn);
  if (found.reset) return PartyState::kReset;
  if (!found.wrote.empty()) return PartyState::kBytes;
  return found.eof ? PartyState::kEof : PartyState::kQuiet;
}

PartyRead FakeParty::Read(ConnId conn, std::span<uint8_t> into) {
  REQUIRE(!into.empty());
  Conn& found = Alive(conn);
  const PartyState state = Peek(conn);
  if (state != PartyState::kBytes) return {state, 0};
  const size_t n = std::min(into.size(), found.wrote.size());
  std::copy_n(found.wrote.begin(), n, into.begin());
  found.wrote.erase(0, n);
  return {state, n};
}

PartyWrite FakeParty::Write(ConnId conn, ByteView bytes) {
  REQUIRE(!bytes.empty());
  Conn& found = Alive(conn);
  REQUIRE_MESSAGE(!found.fin, "bytes behind our own FIN");
  if (found.reset) return {.reset = true};
  const size_t n = std::min(bytes.size(), found.room);
  found.taken += AsText(bytes.first(n));
  found.room -= n;
  return {.n = n};
}

void FakeParty::ShutdownWrite(ConnId conn) {
  Conn& found = Alive(conn);
  REQUIRE_MESSAGE(!found.fin, "a second FIN");
  found.fin = true;
}

size_t FakeParty::Unacknowledged(ConnId conn) { return Alive(conn).unacknowledged; }

void FakeParty::Watch(ConnId conn, PartyInterest interest) { Alive(conn).interest = interest; }

void FakeParty::Close(ConnId conn) { Alive(conn).end = End::kClosed; }

void FakeParty::Reset(ConnId conn) { Alive(conn).end = End::kReset; }

MessageBody Sent::Body() const {
  switch (type) {
    case MessageType::kOpen:
      return hotlink::Open{.sid = sid, .path = path, .from = from, .to = to};
    case MessageType::kAccept:
      return Accept{.sid = sid};
    case MessageType::kReject:
      return Reject{.sid = sid, .reason = reason};
    case MessageType::kClose:
      return Close{.sid = sid, .reason = reason};
    case MessageType::kSignal:
      return Signal{.sid = sid, .kind = kind, .token = token, .error = reason};
    case MessageType::kData:
      return Data{.sid = sid, .seq = seq, .path = path, .etag = etag, .payload = AsBytes(payload)};
    default:
      FAIL("a message type that no test uses");
      return Other{};
  }
}

std::vector<Sent> FakeLink::Of(MessageType type) const {
  std::vector<Sent> found;
  std::copy_if(sent.begin(), sent.end(), std::back_inserter(found),
               [type](const Sent& message) { return message.type == type; });
  return found;
}

std::vector<Sent> FakeLink::Signals(std::string_view kind) const {
  std::vector<Sent> found;
  std::copy_if(sent.begin(), sent.end(), std::back_inserter(found), [kind](const Sent& message) {
    return message.type == MessageType::kSignal && message.kind == kind;
  });
  return found;
}

std::vector<Sent> FakeLink::Take() { return std::exchange(sent, {}); }

void FakeLink::SendControl(const MessageBody& body) { sent.push_back(Copy(body)); }

void FakeLink::SendData(const Data& header, const FramePtr& frame) {
  REQUIRE(room > 0);
  REQUIRE_MESSAGE(!frame->queued, "a frame was given to the link while it still had it");
  --room;
  sent.push_back({.type = MessageType::kData,
                  .sid = Text(header.sid),
                  .path = Text(header.path),
                  .seq = header.seq,
                  .etag = Text(header.etag),
                  .payload = Text(AsText(frame->payload()))});
  if (!holds_frames) return;
  frame->queued = true;
  held.push_back(frame);
}

// SplitMix64: every state gives another number.
uint64_t FakeRandom::operator()() {
  uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return z == 0 ? 1 : z;
}

}  // namespace hotlink

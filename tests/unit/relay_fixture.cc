#include "tests/unit/relay_fixture.h"

#include <algorithm>
#include <sstream>
#include <variant>

namespace hotlink {

namespace {

struct Teller {
  std::ostringstream& out;

  void operator()(const System& m) const { out << "system msg=" << m.message; }
  void operator()(const ErrorReport&) const { out << "error"; }
  void operator()(const FileWrite&) const { out << "write"; }
  void operator()(const Ack&) const { out << "ack"; }
  void operator()(const Nack& m) const { out << "nack oid=" << m.original_id << " " << m.error; }
  void operator()(const Open& m) const {
    out << "open sid=" << m.sid << " pth=" << m.path << " frm=" << m.from << " to=" << m.to;
  }
  void operator()(const Accept& m) const { out << "accept sid=" << m.sid; }
  void operator()(const Reject& m) const { out << "reject sid=" << m.sid << " rsn=" << m.reason; }
  void operator()(const Data& m) const {
    out << "data sid=" << m.sid << " seq=" << m.seq << " pay=" << AsText(m.payload);
  }
  void operator()(const Close& m) const { out << "close sid=" << m.sid << " rsn=" << m.reason; }
  void operator()(const Signal& m) const {
    out << "signal sid=" << m.sid << " knd=" << m.kind << " tok=" << m.token << " err=" << m.error;
  }
  void operator()(const Other& m) const { out << "type " << m.type; }
};

}  // namespace

std::string Words(const Message& message) {
  std::ostringstream out;
  std::visit(Teller{out}, message.body);
  return out.str();
}

size_t ListLog::Count(std::string_view text) const {
  return static_cast<size_t>(std::count_if(
      lines.begin(), lines.end(),
      [text](const std::string& line) { return line.find(text) != std::string::npos; }));
}

RelayConfig RelayFixture::OpenToAll() {
  RelayConfig config;
  config.router.allow_all_reads = true;
  return config;
}

ConnId RelayFixture::Join(std::string user, Encoding encoding) {
  users_[relay.next_id()] = user;
  const ConnId conn = relay.Connect(std::move(user), encoding, now);
  encodings_[conn] = encoding;
  HeardWire(conn);
  return conn;
}

void RelayFixture::Say(ConnId conn, const MessageBody& body) {
  SayAs(encodings_.at(conn), conn, body);
}

void RelayFixture::SayAs(Encoding encoding, ConnId conn, const MessageBody& body) {
  Bytes bytes;
  EncodeMessage(encoding, Message{"id1", body}, &bytes);
  relay.Receive(conn, WireMessage::Copy(OpcodeOf(encoding), bytes), now);
}

std::vector<WireMessagePtr> RelayFixture::HeardWire(ConnId conn) {
  std::vector<WireMessagePtr> heard;
  while (WireMessagePtr message = relay.NextToSend(conn, now)) heard.push_back(message);
  return heard;
}

std::vector<std::string> RelayFixture::Heard(ConnId conn) {
  std::vector<std::string> heard;
  MessageDecoder decoder;
  for (const WireMessagePtr& wire : HeardWire(conn)) {
    const Result<Message> message = decoder.Decode(wire->text(), wire->bytes());
    heard.push_back(message ? Words(*message) : message.error());
  }
  return heard;
}

void RelayFixture::OpenSession(std::string_view sid, ConnId from, ConnId to) {
  const std::string path = users_.at(from) + "/f/_mpc/0_to_1/stream.tcp.request";
  Say(from, Open{.sid = sid, .path = path, .to = users_.at(to)});
  Settle();
  Say(to, Accept{sid});
  Settle();
  HeardWire(from);
  HeardWire(to);
}

void RelayFixture::Settle() {
  while (relay.NextDeadline() != kNever) {
    now = std::max(now, relay.NextDeadline());
    relay.Advance(now);
  }
}

}  // namespace hotlink

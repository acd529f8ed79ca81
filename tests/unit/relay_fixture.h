// A relay without sockets: connections are spoken for and listened to in words.
#ifndef HOTLINK_TESTS_UNIT_RELAY_FIXTURE_H_
#define HOTLINK_TESTS_UNIT_RELAY_FIXTURE_H_

#include <set>
#include <string>
#include <vector>

#include "relay/core/relay.h"

namespace hotlink {

inline constexpr std::string_view kTcpPath = "a@x.org/f/_mpc/0_to_1/stream.tcp.request";

// A message in one line, as "open sid=s1 pth=a@x.org/f frm=a@x.org to=b@x.org".
std::string Words(const Message& message);

class ListLog : public Log {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Write(LogLevel level, std::string_view text) override {
    lines.push_back((level == LogLevel::kWarning ? "warning " : "") + std::string(text));
  }
  // How many lines hold this text.
  size_t Count(std::string_view text) const;

  std::vector<std::string> lines;
};

class RelayFixture : private RelayHost {
 public:
  explicit RelayFixture(const RelayConfig& config = OpenToAll()) : relay(config, this, &log) {}

  // Everybody may read.
  static RelayConfig OpenToAll();

  // A connection whose greeting has been read.
  ConnId Join(std::string user, Encoding encoding = Encoding::kMsgpack);
  void Leave(ConnId conn) { relay.Disconnect(conn, now); }

  // Sends in the encoding of the connection, or in another.
  void Say(ConnId conn, const MessageBody& body);
  void SayAs(Encoding encoding, ConnId conn, const MessageBody& body);

  // Everything that waits for the connection, read.
  std::vector<std::string> Heard(ConnId conn);
  std::vector<WireMessagePtr> HeardWire(ConnId conn);

  // An open session sid, from one connection to the other's user, accepted by it, all read.
  void OpenSession(std::string_view sid, ConnId from, ConnId to);

  // Lets the time run until nothing is on its way.
  void Settle();

  Time now = kSecond;
  ListLog log;
  std::set<ConnId> want_write;
  std::vector<ConnId> cut;
  Relay relay;

 private:
  void WantWrite(ConnId id) override { want_write.insert(id); }
  void Cut(ConnId id) override { cut.push_back(id); }

  std::map<ConnId, Encoding> encodings_;
  std::map<ConnId, std::string> users_;
};

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_RELAY_FIXTURE_H_

// Each rule of protocol.md §3 that the relay keeps.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/relay_fixture.h"

namespace hotlink {
namespace {

using Lines = std::vector<std::string>;

const std::string kOpenAtB = "open sid=s1 pth=" + std::string(kTcpPath) + " frm=a@x.org to=b@x.org";

Open OpenTo(std::string_view to, std::string_view path = kTcpPath, std::string_view sid = "s1") {
  return {.sid = sid, .path = path, .to = to};
}

TEST_CASE("the first message of a connection is System ok, in its encoding") {
  RelayFixture world;
  for (const Encoding encoding : {Encoding::kJson, Encoding::kMsgpack}) {
    const ConnId conn = world.relay.Connect("a@x.org", encoding, world.now);
    CHECK(world.want_write.contains(conn));
    const std::vector<WireMessagePtr> heard = world.HeardWire(conn);
    REQUIRE(heard.size() == 1);
    CHECK(heard[0]->text() == (encoding == Encoding::kJson));
    MessageDecoder decoder;
    const Result<Message> message = decoder.Decode(heard[0]->text(), heard[0]->bytes());
    REQUIRE(message.ok());
    CHECK(Words(*message) == "system msg=ok");
  }
}

TEST_CASE("an Open reaches every connection of the user meant, stamped with the sender") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b1 = world.Join("b@x.org");
  const ConnId b2 = world.Join("b@x.org", Encoding::kJson), c = world.Join("c@x.org");
  world.Say(a, OpenTo("B@X.org"));
  const std::string open = "open sid=s1 pth=" + std::string(kTcpPath) + " frm=a@x.org to=B@X.org";
  CHECK(world.Heard(b1) == Lines{open});
  CHECK(world.Heard(b2) == Lines{open});
  CHECK(world.Heard(c).empty());
  CHECK(world.Heard(a).empty());
}

TEST_CASE("a sender cannot pretend to be somebody else in an Open") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  world.Say(a, Open{.sid = "s1", .path = kTcpPath, .from = "boss@x.org", .to = "b@x.org"});
  CHECK(world.Heard(b) == Lines{kOpenAtB});
}

TEST_CASE("an Open without a user goes to everybody who may read, never to the sender's user") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), again = world.Join("a@x.org");
  const ConnId b = world.Join("b@x.org"), c = world.Join("c@x.org");
  world.Say(a, OpenTo(""));
  CHECK(world.Heard(b).size() == 1);
  CHECK(world.Heard(c).size() == 1);
  CHECK(world.Heard(a).empty());
  CHECK(world.Heard(again).empty());
}

TEST_CASE("an Open to the own user, or to nobody connected, is answered by nothing") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), again = world.Join("a@x.org");
  world.Say(a, OpenTo("a@x.org"));
  world.Say(a, OpenTo("nobody@x.org", kTcpPath, "s2"));
  CHECK(world.Heard(a).empty());
  CHECK(world.Heard(again).empty());
}

TEST_CASE("an Open on another's path, or to one who may not read, is refused") {
  RelayFixture open_world;
  const ConnId b = open_world.Join("b@x.org"), a = open_world.Join("a@x.org");
  open_world.Say(b, OpenTo("a@x.org"));
  CHECK(open_world.Heard(b) == Lines{"reject sid=s1 rsn=permission denied"});
  CHECK(open_world.Heard(a).empty());
  // No session came of it.
  open_world.Say(a, Accept{"s1"});
  CHECK(open_world.Heard(a) == Lines{"reject sid=s1 rsn=unknown session"});

  RelayFixture closed_world{RelayConfig{}};
  const ConnId owner = closed_world.Join("a@x.org"), other = closed_world.Join("b@x.org");
  closed_world.Say(owner, OpenTo("b@x.org"));
  CHECK(closed_world.Heard(owner) == Lines{"reject sid=s1 rsn=permission denied"});
  closed_world.Say(owner, OpenTo(""));  // a broadcast: allowed, but there is nobody to hear it
  CHECK(closed_world.Heard(owner).empty());
  CHECK(closed_world.Heard(other).empty());
}

TEST_CASE("the owner of a path is compared without regard to case") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  world.Say(a, OpenTo("b@x.org", "A@X.ORG/f/0_to_1/stream.tcp.request"));
  CHECK(world.Heard(b).size() == 1);
  world.Say(a, OpenTo("b@x.org", "a@x.organisation/f", "s2"));
  CHECK(world.Heard(a) == Lines{"reject sid=s2 rsn=permission denied"});
}

TEST_CASE("an Accept goes to the connection that opened") {
  RelayFixture world;
  const ConnId other = world.Join("a@x.org"), a = world.Join("a@x.org");
  const ConnId b = world.Join("b@x.org");
  world.Say(a, OpenTo("b@x.org"));
  world.Say(b, Accept{"s1"});
  CHECK(world.Heard(a) == Lines{"accept sid=s1"});
  CHECK(world.Heard(other).empty());
}

TEST_CASE("an unknown session is rejected: Accept and Data by Reject, Signal by Signal") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  world.Say(a, Accept{"s9"});
  world.Say(a, Data{.sid = "s9", .seq = 1, .path = kTcpPath});
  world.Say(a, Signal{.sid = "s9", .kind = "flow_open"});
  world.Say(a, Close{"s9", ""});
  world.Say(a, Reject{"s9", ""});
  CHECK(world.Heard(a) == Lines{"reject sid=s9 rsn=unknown session",
                                "reject sid=s9 rsn=unknown session",
                                "signal sid=s9 knd=quic_error tok= err=unknown session"});
  CHECK(world.Heard(b).empty());
}

TEST_CASE("a second user's Accept of a TCP channel is refused, a second connection's is not") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b1 = world.Join("b@x.org");
  const ConnId b2 = world.Join("b@x.org"), c = world.Join("c@x.org");
  world.Say(a, OpenTo(""));
  for (const ConnId conn : {b1, c, b2}) world.Say(conn, Accept{"s1"});
  CHECK(world.Heard(a) == Lines{"accept sid=s1", "accept sid=s1"});
  world.HeardWire(b1);
  world.HeardWire(b2);
  const Lines at_c = world.Heard(c);
  REQUIRE(at_c.size() == 2);
  CHECK(at_c[1] == "reject sid=s1 rsn=already accepted");

  world.Say(a, Data{.sid = "s1", .seq = 1, .path = kTcpPath, .payload = AsBytes("hello")});
  CHECK(world.Heard(b1) == Lines{"data sid=s1 seq=1 pay=hello"});
  CHECK(world.Heard(b2) == Lines{"data sid=s1 seq=1 pay=hello"});
  CHECK(world.Heard(c).empty());
}

TEST_CASE("on other paths several users may accept") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org"), c = world.Join("c@x.org");
  world.Say(a, OpenTo("", "a@x.org/f/news.request"));
  world.Say(b, Accept{"s1"});
  world.Say(c, Accept{"s1"});
  CHECK(world.Heard(a).size() == 2);
  world.HeardWire(b);
  world.HeardWire(c);
  world.Say(a, Data{.sid = "s1", .seq = 1, .path = kTcpPath});
  CHECK(world.Heard(b).size() == 1);
  CHECK(world.Heard(c).size() == 1);
}

TEST_CASE("Data before the Accept is dropped, and so is that of anyone but the sender") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org"), c = world.Join("c@x.org");
  world.Say(a, OpenTo("b@x.org"));
  world.HeardWire(b);
  world.Say(a, Data{.sid = "s1", .seq = 1, .path = kTcpPath});
  CHECK(world.Heard(b).empty());
  world.Say(b, Accept{"s1"});
  world.HeardWire(a);
  world.Say(b, Data{.sid = "s1", .seq = 1, .path = kTcpPath});
  world.Say(c, Data{.sid = "s1", .seq = 1, .path = kTcpPath});
  CHECK(world.Heard(a).empty());
  CHECK(world.Heard(b).empty());
  CHECK(world.Heard(c).empty());
  CHECK(world.relay.router().counters().not_forwarded == 3);
}

TEST_CASE("Data passes on as the buffer it came in, to all that speak its encoding") {
  for (const Encoding encoding : {Encoding::kMsgpack, Encoding::kJson}) {
    RelayFixture world;
    const ConnId a = world.Join("a@x.org", encoding), b1 = world.Join("b@x.org", encoding);
    const ConnId b2 = world.Join("b@x.org", encoding);
    const Encoding other = encoding == Encoding::kJson ? Encoding::kMsgpack : Encoding::kJson;
    const ConnId b3 = world.Join("b@x.org", other);
    world.OpenSession("s1", a, b1);
    for (const ConnId conn : {b2, b3}) {
      world.Say(conn, Accept{"s1"});
      world.HeardWire(conn);
    }
    Bytes bytes;
    EncodeMessage(encoding, {"id", Data{.sid = "s1", .seq = 7, .path = kTcpPath}}, &bytes);
    const WireMessagePtr sent = WireMessage::Copy(OpcodeOf(encoding), bytes);
    world.relay.Receive(a, sent, world.now);
    CHECK(world.HeardWire(b1) == std::vector{sent});
    CHECK(world.HeardWire(b2) == std::vector{sent});
    const auto converted = world.HeardWire(b3);
    REQUIRE(converted.size() == 1);
    CHECK(converted[0]->text() == (other == Encoding::kJson));
  }
}

TEST_CASE("messages cross between the encodings, both ways, and JSON in a binary frame counts") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org", Encoding::kJson), b = world.Join("b@x.org");
  world.OpenSession("s1", a, b);
  world.Say(a, Data{.sid = "s1", .seq = 1, .path = kTcpPath, .payload = AsBytes("from json")});
  CHECK(world.Heard(b) == Lines{"data sid=s1 seq=1 pay=from json"});
  world.Say(b, Signal{.sid = "s1", .kind = "flow_hello", .token = "{}"});
  CHECK(world.Heard(a) == Lines{"signal sid=s1 knd=flow_hello tok={} err="});

  Bytes json;
  EncodeMessage(Encoding::kJson, {"id", Data{.sid = "s1", .seq = 2, .path = kTcpPath}}, &json);
  Bytes binary = {'S', 'B', 1, 0};
  binary.insert(binary.end(), json.begin(), json.end());
  world.relay.Receive(a, WireMessage::Copy(WsOpcode::kBinary, binary), world.now);
  const auto heard = world.HeardWire(b);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]->bytes()[3] == 1);
}

TEST_CASE("a Reject of the receiver goes to the opener; the opener's own goes nowhere") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  world.Say(a, OpenTo("b@x.org"));
  world.HeardWire(b);
  world.Say(b, Reject{"s1", "busy"});
  CHECK(world.Heard(a) == Lines{"reject sid=s1 rsn=busy"});
  world.Say(a, Reject{"s1", "me"});
  CHECK(world.Heard(a).empty());
  CHECK(world.Heard(b).empty());
}

TEST_CASE("Close of the sender ends the session and reaches all that accepted") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org"), c = world.Join("c@x.org");
  world.OpenSession("s1", a, b);
  world.Say(a, Close{"s1", "eof"});
  CHECK(world.Heard(b) == Lines{"close sid=s1 rsn=eof"});
  CHECK(world.Heard(c).empty());
  world.Say(a, Data{.sid = "s1", .seq = 1, .path = kTcpPath});
  CHECK(world.Heard(a) == Lines{"reject sid=s1 rsn=unknown session"});
}

TEST_CASE("Close of a receiver takes it off the list and tells the opener") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b1 = world.Join("b@x.org"), b2 = world.Join("b@x.org");
  world.OpenSession("s1", a, b1);
  world.Say(b2, Accept{"s1"});
  world.HeardWire(a);
  world.HeardWire(b2);
  world.Say(b1, Close{"s1", "enough"});
  CHECK(world.Heard(a) == Lines{"close sid=s1 rsn=enough"});
  world.Say(a, Data{.sid = "s1", .seq = 1, .path = kTcpPath});
  CHECK(world.Heard(b1).empty());
  CHECK(world.Heard(b2).size() == 1);
}

TEST_CASE("Signals of any kind: sender to all accepted, accepted to the opener, others dropped") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b1 = world.Join("b@x.org"), b2 = world.Join("b@x.org");
  const ConnId c = world.Join("c@x.org");
  world.OpenSession("s1", a, b1);
  world.HeardWire(b2);
  world.Say(a, Signal{.sid = "s1", .kind = "anything", .token = "t"});
  CHECK(world.Heard(b1) == Lines{"signal sid=s1 knd=anything tok=t err="});
  CHECK(world.Heard(b2).empty());
  world.Say(b1, Signal{.sid = "s1", .kind = "back"});
  CHECK(world.Heard(a) == Lines{"signal sid=s1 knd=back tok= err="});
  world.Say(b2, Signal{.sid = "s1", .kind = "not accepted here"});
  world.Say(c, Signal{.sid = "s1", .kind = "stranger"});
  CHECK(world.Heard(a).empty());
  CHECK(world.Heard(b2).empty());
  CHECK(world.Heard(c).empty());
}

TEST_CASE("after the opener reconnects, Accepts and Signals go nowhere until it opens again") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  world.OpenSession("s1", a, b);
  world.Leave(a);
  const ConnId again = world.Join("a@x.org");
  world.Say(b, Signal{.sid = "s1", .kind = "k"});
  CHECK(world.Heard(again).empty());
  world.Say(again, Data{.sid = "s1", .seq = 1, .path = kTcpPath});  // by user: still the sender
  CHECK(world.Heard(b).size() == 1);
  world.Say(again, OpenTo("b@x.org"));
  CHECK(world.Heard(b) == Lines{kOpenAtB});
  world.Say(again, Data{.sid = "s1", .seq = 2, .path = kTcpPath});  // a new session: not accepted
  CHECK(world.Heard(b).empty());
  world.Say(b, Accept{"s1"});
  CHECK(world.Heard(again) == Lines{"accept sid=s1"});
}

TEST_CASE("after the receiver reconnects, data comes again once the new connection accepts") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org"), c = world.Join("c@x.org");
  world.OpenSession("s1", a, b);
  world.Leave(b);
  const ConnId again = world.Join("b@x.org");
  world.Say(a, Data{.sid = "s1", .seq = 1, .path = kTcpPath});
  CHECK(world.Heard(again).empty());
  world.Say(c, Accept{"s1"});  // the channel is still b's
  CHECK(world.Heard(c) == Lines{"reject sid=s1 rsn=already accepted"});
  world.Say(again, Accept{"s1"});
  world.Say(a, Data{.sid = "s1", .seq = 2, .path = kTcpPath});
  CHECK(world.Heard(again) == Lines{"data sid=s1 seq=2 pay="});
}

TEST_CASE("broken and foreign messages are ignored, the connection goes on") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  for (const std::string& bytes : {std::string(), std::string("SB\x01\x01\x83", 5),
                                   std::string("SB\x01\x01\xff\xff\xff", 7), std::string("x")}) {
    world.relay.Receive(a, WireMessage::Copy(WsOpcode::kBinary, AsBytes(bytes)), world.now);
    world.relay.Receive(a, WireMessage::Copy(WsOpcode::kText, AsBytes(bytes)), world.now);
  }
  world.relay.Receive(
      a, WireMessage::Copy(WsOpcode::kText, AsBytes(R"({"id":"1","typ":7,"dat":{}})")), world.now);
  CHECK(world.relay.router().counters().undecodable == 8);
  world.Say(a, OpenTo("b@x.org"));
  CHECK(world.Heard(b) == Lines{kOpenAtB});
  CHECK(world.Heard(a).empty());
}

TEST_CASE("a sid of 256 bytes and a path of 4096 are taken, longer ones refused") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  const std::string sid(kMaxSidBytes, 's');
  const std::string path = "a@x.org/" + std::string(kMaxPathBytes - 8, 'p');
  world.Say(a, Open{.sid = sid, .path = path, .to = "b@x.org"});
  CHECK(world.Heard(b).size() == 1);
  const std::string long_sid = sid + "s", long_path = path + "p";
  world.Say(a, Open{.sid = long_sid, .path = path, .to = "b@x.org"});
  world.Say(a, Open{.sid = sid, .path = long_path, .to = "b@x.org"});
  CHECK(world.Heard(b).empty());
  CHECK(world.Heard(a).size() == 2);
}

TEST_CASE("a message that would be over 8 MiB in the receiver's encoding is not sent") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org", Encoding::kJson);
  world.OpenSession("s1", a, b);
  const Bytes large(7u << 20, 1);
  world.Say(a, Data{.sid = "s1", .seq = 1, .path = kTcpPath, .payload = large});
  CHECK(world.Heard(b).empty());
  CHECK(world.relay.router().counters().too_large == 1);
}

}  // namespace
}  // namespace hotlink

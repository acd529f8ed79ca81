// Publishing a channel's syft.pub.yaml: what is read, checked, sent, and told.
#include "proxy/markers/acl_publisher.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/unit/fakes.h"

namespace hotlink {
namespace {

using Lines = std::vector<std::string>;

constexpr Duration kWait = 5 * kSecond;

std::string Granting(const std::string& access) {
  return "rules:\n- pattern: '**'\n  access: {" + access + "}\n";
}
const std::string kGood = Granting("write: [b@x.org], read: [b@x.org]");

// The requests are those of channel number n: a@x.org/f/<n> with b@x.org, c@x.org in the same run.
AclRequest RequestOf(ChannelId n) {
  const std::string directory = "a@x.org/f/" + std::to_string(n);
  return {
      "A@x.org/f/" + std::to_string(n), directory, "b@x.org", {"a@x.org", "b@x.org", "c@x.org"}};
}

struct Publishing {
  explicit Publishing(bool enabled = true)
      : publisher({.enabled = enabled, .answer_wait = kWait},
                  {.read = [this](uint64_t ticket,
                                  const std::string& where) { reads.emplace_back(ticket, where); },
                   .send =
                       [this](const std::string& id, const FileWrite& write) {
                         ids.push_back(id);
                         sent.push_back(std::string(write.path) +
                                        " etag=" + std::string(write.etag) +
                                        " len=" + std::to_string(write.length) + "\n" +
                                        std::string(AsText(write.content)));
                       },
                   .done =
                       [this](ChannelId channel, bool published, const std::string& detail) {
                         told.push_back(std::to_string(channel) +
                                        (published ? " published" : " no: ") + detail);
                       }},
                  log) {}

  void Deny(ChannelId channel = 1) { publisher.Denied(channel, RequestOf(channel)); }
  void Found(const std::string& content, ChannelId channel = 1) {
    publisher.FileRead(channel, content, now);
  }
  void Answer(const MessageBody& body) { publisher.Received({"m1", body}); }
  // What is said about a file with this content.
  std::string Said(const std::string& content) {
    Deny();
    Found(content);
    if (told.empty()) return "sent";
    return told.back().substr(0, told.back().find("; missing"));
  }

  Time now = kSecond;
  FakeLog log;
  std::vector<std::pair<uint64_t, std::string>> reads;
  Lines ids, sent, told;
  AclPublisher publisher;
};

TEST_CASE_FIXTURE(Publishing, "a good file is written to the relay, and the channel told") {
  Deny(7);
  REQUIRE(reads.size() == 1);
  CHECK(reads[0] == std::pair<uint64_t, std::string>{7, "A@x.org/f/7"});  // as spelled on disk
  CHECK(sent.empty());
  Answer(Ack{""});
  CHECK(told.empty());
  Found("rules: [{pattern: '**', access: {read: [b@x.org]}}]", 7);
  CHECK(sent == Lines{"a@x.org/f/7/syft.pub.yaml etag=50a40972b4fd8cd615ab82868bf7b17c len=51\n"
                      "rules: [{pattern: '**', access: {read: [b@x.org]}}]"});
  CHECK(told.empty());
  Answer(Ack{"somebody else's"});
  Answer(Ack{""});
  CHECK(told.empty());
  Answer(Ack{ids[0]});
  CHECK(told == Lines{"7 published"});
  CHECK(publisher.Deadline() == kNever);
}

TEST_CASE_FIXTURE(Publishing, "what must not be published, or would not help, says why") {
  const std::string no = "1 no: a@x.org/f/1/syft.pub.yaml is not published: ";
  const struct {
    std::string content, why;
  } cases[] = {
      {Granting("read: [b@x.org, d@x.org]"),
       "it grants something to d@x.org, who is no peer of this run"},
      {Granting("read: [b@x.org], admin: ['*']"),
       "it grants something to everybody, who is no peer of this run"},
      {kGood + "- pattern: other\n  access: {write: [d@x.org]}\n",
       "it grants something to d@x.org, who is no peer of this run"},
      {Granting("read: ['*@x.org']"),
       "it is no valid one: line 3: \"*@x.org\" is neither an e-mail nor \"*\""},
      {"rules: [", "it is no valid one: line 1: end of sequence flow not found"},
      {"", "it is no valid one: line 1: must be a mapping with the key rules"},
      {std::string(kAclFileMax + 1, '#'), "it is no valid one: has 16385 bytes, allowed are 16384"},
      {Granting("read: [c@x.org]"), "it does not let b@x.org read stream.tcp.request"},
      {"rules: [{pattern: stream.tcp, access: {read: [b@x.org]}}]",
       "it does not let b@x.org read stream.tcp.request"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.content);
    CHECK(Said(c.content) == no + c.why);
  }
  CHECK(sent.empty());
}

TEST_CASE_FIXTURE(Publishing, "the own e-mail and all peers of the run may be named") {
  CHECK(Said(Granting("admin: [A@x.org], write: [b@x.org, C@X.org]")) == "sent");
}

TEST_CASE_FIXTURE(Publishing, "what is told names the rule that is missing, ready to be pasted") {
  Deny();
  publisher.FileRead(1, Error{"there is none"}, now);
  const std::string rule = "- {pattern: \"**\", access: {read: [\"b@x.org\"]}}";
  CHECK(told ==
        Lines{"1 no: a@x.org/f/1/syft.pub.yaml cannot be published: there is none; missing: "
              "b@x.org needs read on a@x.org/f/1/**; in a@x.org/f/1/syft.pub.yaml under "
              "rules: " +
              rule});
  CHECK(AclFault(RequestOf(1), "rules:\n" + rule + "\n").empty());  // it is a rule, and enough
}

TEST_CASE("switched off, nothing is read") {
  Publishing off(false);
  off.Deny();
  CHECK(off.reads.empty());
  REQUIRE(off.told.size() == 1);
  CHECK(
      off.told[0].starts_with("1 no: HOTLINK_PROXY_PUBLISH_ACL is 0, nothing was published; "
                              "missing: b@x.org needs read on a@x.org/f/1/**"));
  off.Deny();
  CHECK(off.told.size() == 2);
}

TEST_CASE_FIXTURE(Publishing, "a content is published once, another one again") {
  CHECK(Said(kGood) == "sent");
  Answer(Ack{ids[0]});
  CHECK(Said(kGood) ==
        "1 no: the relay denies although a@x.org/f/1/syft.pub.yaml was published, as it does where "
        "a file further up is terminal");
  CHECK(sent.size() == 1);
  Deny(2);  // the same content in another directory is another file
  Found(kGood, 2);
  CHECK(sent.size() == 2);
  Deny();
  Found(kGood + "# changed\n");
  CHECK(sent.size() == 3);
  Answer(Ack{ids[2]});
  CHECK(told.back() == "1 published");
}

TEST_CASE_FIXTURE(Publishing, "a refusal is told, and not provoked again by the same content") {
  Deny();
  Found(kGood);
  Answer(Nack{ids[0], "no\x1Bspace"});
  REQUIRE(told.size() == 1);
  CHECK(
      told[0].starts_with("1 no: the relay refused a@x.org/f/1/syft.pub.yaml: no?space; missing"));
  Said(kGood);
  CHECK(sent.size() == 1);
}

TEST_CASE_FIXTURE(Publishing, "a relay that does not answer is given up, and asked again") {
  Deny();
  Found(kGood);
  CHECK(publisher.Deadline() == now + kWait);
  publisher.Tick(now + kWait - 1);
  CHECK(told.empty());
  publisher.Tick(now + kWait);
  REQUIRE(told.size() == 1);
  CHECK(told[0].starts_with("1 no: the relay did not answer the FileWrite of a@x.org/f/1/"));
  CHECK(publisher.Deadline() == kNever);
  Answer(Ack{ids[0]});  // too late
  CHECK(told.size() == 1);
  Deny();
  Found(kGood);
  CHECK(sent.size() == 2);
}

TEST_CASE_FIXTURE(Publishing, "after a new connection the relay may have forgotten everything") {
  CHECK(Said(kGood) == "sent");
  publisher.LinkDown();
  CHECK(publisher.Deadline() == kNever);
  Answer(Ack{ids[0]});
  CHECK(told.empty());
  Found(kGood);  // read for the connection that is gone
  CHECK(sent.size() == 1);
  Deny();
  Found(kGood);
  CHECK(sent.size() == 2);
  Answer(Ack{ids[1]});
  CHECK(told == Lines{"1 published"});
}

TEST_CASE_FIXTURE(Publishing, "denied again while it is being worked on: once is enough") {
  Deny();
  Deny();
  Found(kGood);
  Deny();
  Found(kGood);  // a read nobody waits for
  CHECK(reads.size() == 1);
  CHECK(sent.size() == 1);
  CHECK(told.empty());
}

TEST_CASE_FIXTURE(Publishing, "so many at a time; the others follow in their order") {
  constexpr ChannelId kAll = 3 * kAclsInFlight;
  for (ChannelId n = 1; n <= kAll; ++n) Deny(n);
  CHECK(reads.size() == kAclsInFlight);
  Found(kGood, kAll);  // read for a connection that is gone: its turn has not come
  CHECK(sent.empty());
  for (size_t next = 0; next < reads.size(); ++next) {
    const ChannelId channel = reads[next].first;
    CHECK(channel == next + 1);
    Found(kGood, channel);
    if (channel % 3 != 0) Answer(Ack{ids.back()});
    if (channel % 3 == 0) publisher.Tick(now + kWait);
    CHECK(reads.size() == std::min<size_t>(kAll, next + 1 + kAclsInFlight));
  }
  CHECK(told.size() == kAll);
}

// --- the request -------------------------------------------------------------------------------

PlannedChannel Planned(const std::string& above, const std::string& i, const std::string& j,
                       const std::string& peer) {
  PlannedChannel planned;
  const std::string directory = "a@x.org/" + above + "/" + i + "_to_" + j;
  planned.markers = {directory + "/stream.tcp"};
  planned.key = MakeChannelKey(above, i, j, peer);
  planned.spec = {peer, directory + "/stream.tcp.request", above, i, j};
  return planned;
}

TEST_CASE("a request may name the peers of its own run") {
  MarkerPlan plan = {Planned("f/_mpc", "0", "1", "b@x.org"), Planned("f/_mpc", "0", "2", "c@x.org"),
                     Planned("old/_mpc", "0", "1", "d@x.org"),
                     Planned("f/_mpc/0_to_1", "0", "1", "e@x.org")};
  plan.push_back(Planned("f/_mpc", "0", "3", "r@x.org"));
  plan.back().state = PlanState::kRejected;
  const AclRequest request = AclRequestOf(plan[0], plan, "a@x.org");
  CHECK(request.relay_directory == "a@x.org/f/_mpc/0_to_1");
  CHECK(request.disk_directory == "a@x.org/f/_mpc/0_to_1");
  CHECK(request.peer == "b@x.org");
  CHECK(request.allowed == std::set<std::string>{"a@x.org", "b@x.org", "c@x.org"});
}

TEST_CASE("the file lies beside the marker whose path is sent on, as it is spelled on disk") {
  PlannedChannel planned = Planned("f", "0", "1", "b@x.org");
  planned.markers = {"A@X.org/f/1_to_0/stream.tcp", "A@X.org/f/0_to_1/stream.tcp"};
  CHECK(AclRequestOf(planned, {planned}, "a@x.org").disk_directory == "A@X.org/f/0_to_1");
  // A mirrored marker has no directory of our own.
  planned.markers = {"b@x.org/f/1_to_0/stream.tcp"};
  CHECK(AclRequestOf(planned, {planned}, "a@x.org").disk_directory == "a@x.org/f/0_to_1");
}

}  // namespace
}  // namespace hotlink

// The relay's permissions: which syft.pub.yaml decides, writing one, and what an Open needs.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "relay/core/acl_store.h"
#include "tests/unit/relay_fixture.h"

namespace hotlink {
namespace {

using Lines = std::vector<std::string>;

std::string Granting(const std::string& access, const std::string& more = "") {
  return more + "rules:\n- pattern: '**'\n  access: {" + access + "}\n";
}

bool Reads(const AclStore& store, std::string_view path) {
  return store.Grants(path, "b@x.org", AclLevel::kRead);
}

TEST_CASE("the nearest file above a path decides alone") {
  AclStore store;
  CHECK_FALSE(Reads(store, "a@x.org/f/c/p"));
  REQUIRE_FALSE(store.Put("a@x.org", Granting("read: [b@x.org]")));
  CHECK(Reads(store, "a@x.org/p"));
  CHECK(Reads(store, "a@x.org/f/c/p"));
  CHECK_FALSE(Reads(store, "a@x.org"));
  CHECK_FALSE(Reads(store, "a@x.organisation/p"));
  REQUIRE_FALSE(store.Put("a@x.org/f", Granting("read: []")));
  CHECK_FALSE(Reads(store, "a@x.org/f/c/p"));
  CHECK(Reads(store, "a@x.org/g/p"));
  REQUIRE_FALSE(store.Put("a@x.org/f/c", Granting("write: ['*']")));
  CHECK(Reads(store, "a@x.org/f/c/p"));
  CHECK_FALSE(Reads(store, "a@x.org/f/p"));
  REQUIRE_FALSE(store.Put("a@x.org/f/c", Granting("")));  // takes the place of the former
  CHECK_FALSE(Reads(store, "a@x.org/f/c/p"));
  CHECK(store.size() == 3);
}

TEST_CASE("behind a terminal file those below it do not count") {
  AclStore store;
  REQUIRE_FALSE(store.Put("a@x.org/f", Granting("read: []", "terminal: true\n")));
  REQUIRE_FALSE(store.Put("a@x.org/f/c", Granting("read: ['*']")));
  CHECK_FALSE(Reads(store, "a@x.org/f/c/p"));
  REQUIRE_FALSE(store.Put("a@x.org/f", Granting("read: []")));
  CHECK(Reads(store, "a@x.org/f/c/p"));
}

TEST_CASE("patterns are relative to the file's directory") {
  AclStore store;
  REQUIRE_FALSE(store.Put("a@x.org/f", "rules: [{pattern: 'c/*.tcp', access: {read: [b@x.org]}}]"));
  CHECK(Reads(store, "a@x.org/f/c/stream.tcp"));
  CHECK_FALSE(Reads(store, "a@x.org/f/stream.tcp"));
  CHECK_FALSE(Reads(store, "a@x.org/c/stream.tcp"));
}

TEST_CASE("files and their bytes are bounded; a file that is refused changes nothing") {
  const std::string text = Granting("read: [b@x.org]");
  AclStore files(2, 1 << 20);
  CHECK_FALSE(files.Put("a@x.org/1", text));
  CHECK_FALSE(files.Put("a@x.org/2", text));
  CHECK_FALSE(files.Put("a@x.org/2", text));
  const auto full = files.Put("a@x.org/3", text);
  REQUIRE(full);
  CHECK(full->text == "the relay keeps 2 files at most");

  AclStore bytes(10, 2 * text.size());
  CHECK_FALSE(bytes.Put("a@x.org/1", text));
  CHECK_FALSE(bytes.Put("a@x.org/2", text));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(bytes.Put("a@x.org/2", text));
  const auto larger = bytes.Put("a@x.org/2", text + "#");
  REQUIRE(larger);
  CHECK(larger->text ==
        "the relay keeps " + std::to_string(2 * text.size()) + " bytes of files at most");
  CHECK(Reads(bytes, "a@x.org/2/p"));

  const auto broken = bytes.Put("a@x.org/1", "rules: [");
  REQUIRE(broken);
  CHECK(broken->text.starts_with("syft.pub.yaml line 1: "));
  CHECK(Reads(bytes, "a@x.org/1/p"));
}

// A relay in which nobody may read anything yet.
struct ClosedRelay : RelayFixture {
  ClosedRelay() : RelayFixture(RelayConfig{}) {}

  // What comes back for a FileWrite of user `conn`.
  std::string WriteFile(ConnId conn, std::string_view path, std::string_view text) {
    Say(conn, FileWrite{.path = path, .length = text.size(), .content = AsBytes(text)});
    const Lines heard = Heard(conn);
    return heard.size() == 1 ? heard[0] : std::to_string(heard.size()) + " answers";
  }
  // What `conn` hears of its Open.
  Lines OpenHeard(ConnId conn, std::string_view path, std::string_view to) {
    Say(conn, Open{.sid = "s1", .path = path, .to = to});
    return Heard(conn);
  }

  const Lines denied = {"reject sid=s1 rsn=permission denied"};
  const ConnId a = Join("a@x.org"), b = Join("b@x.org"), c = Join("c@x.org");
  const std::string path = std::string(kTcpPath);  // a@x.org/f/_mpc/0_to_1/...
  const std::string acl = "a@x.org/f/_mpc/0_to_1/syft.pub.yaml";
};

TEST_CASE_FIXTURE(ClosedRelay, "a targeted Open needs read for the user meant, from then on") {
  CHECK(OpenHeard(a, path, "b@x.org") == denied);
  CHECK(WriteFile(a, acl, Granting("read: [B@x.org]")) == "ack");
  CHECK(OpenHeard(a, path, "b@x.org").empty());
  CHECK(Heard(b).size() == 1);
  CHECK(OpenHeard(a, path, "c@x.org") == denied);
  CHECK(WriteFile(a, acl, Granting("read: []")) == "ack");
  CHECK(OpenHeard(a, path, "b@x.org") == denied);
}

TEST_CASE_FIXTURE(ClosedRelay, "an Open on another's path needs write") {
  CHECK(WriteFile(a, acl, Granting("read: [b@x.org, c@x.org]")) == "ack");
  CHECK(OpenHeard(b, path, "a@x.org") == denied);
  CHECK(WriteFile(a, acl, Granting("write: [b@x.org], read: [c@x.org]")) == "ack");
  CHECK(OpenHeard(b, path, "a@x.org").empty());
  CHECK(Heard(a) == Lines{"open sid=s1 pth=" + path + " frm=b@x.org to=a@x.org"});
  CHECK(OpenHeard(c, path, "a@x.org") == denied);
}

TEST_CASE_FIXTURE(ClosedRelay, "a broadcast reaches those who may read") {
  CHECK(WriteFile(a, acl, Granting("read: [c@x.org]")) == "ack");
  CHECK(OpenHeard(a, path, "").empty());
  CHECK(Heard(b).empty());
  CHECK(Heard(c).size() == 1);
  CHECK(WriteFile(a, acl, Granting("read: ['*']")) == "ack");
  CHECK(OpenHeard(a, path, "").empty());
  CHECK(Heard(b).size() == 1);
  CHECK(Heard(c).size() == 1);
}

TEST_CASE_FIXTURE(ClosedRelay, "the answer to a FileWrite names its id and what is wrong") {
  const std::string good = Granting("read: []");
  CHECK(WriteFile(a, "/A@X.org/syft.pub.yaml", good) == "ack");
  const std::string nack = "nack oid=id1 ";
  CHECK(WriteFile(b, acl, good) ==
        nack + "permission denied: only the owner or an admin may write " + acl);
  CHECK(WriteFile(a, "a@x.org/f/data.csv", good) ==
        nack + "not an ACL path: this relay keeps no files but syft.pub.yaml");
  CHECK(WriteFile(a, "syft.pub.yaml", good) ==
        nack + "not an ACL path: this relay keeps no files but syft.pub.yaml");
  CHECK(WriteFile(a, acl + "x", good).starts_with(nack + "not an ACL path"));
  CHECK(WriteFile(a, "a@x.org/../b@x.org/syft.pub.yaml", good).starts_with(nack + "not an ACL"));
  CHECK(WriteFile(a, "a@x.org//f/syft.pub.yaml", good).starts_with(nack + "not an ACL path"));
  CHECK(WriteFile(a, acl, "rules: 5\n") == nack + "syft.pub.yaml line 1: rules must be a list");
  CHECK(WriteFile(a, acl, std::string(kAclFileMax + 1, '#')) ==
        nack + "syft.pub.yaml has 16385 bytes, allowed are 16384");
  CHECK(WriteFile(a, "a@x.org/" + std::string(kMaxPathBytes, 'x') + "/syft.pub.yaml", good) ==
        nack + "the path is too long or no text");
  Say(a, FileWrite{.path = acl, .length = 3, .content = AsBytes(good)});
  CHECK(Heard(a)[0].starts_with(nack + "the length says 3 bytes"));
}

TEST_CASE_FIXTURE(ClosedRelay, "an admin may write the file, a writer may not") {
  CHECK(WriteFile(a, acl, Granting("admin: [b@x.org], write: [c@x.org]")) == "ack");
  CHECK(WriteFile(c, acl, Granting("admin: [c@x.org]")).starts_with("nack"));
  CHECK(WriteFile(b, acl, Granting("")) == "ack");
  CHECK(WriteFile(b, acl, Granting("")).starts_with("nack"));  // it is no admin any more
}

TEST_CASE_FIXTURE(ClosedRelay, "a path that is no plain one grants nothing to others") {
  CHECK(WriteFile(a, "a@x.org/syft.pub.yaml", Granting("write: ['*']")) == "ack");
  CHECK(OpenHeard(b, "a@x.org/f/stream", "a@x.org").empty());
  CHECK(OpenHeard(b, "/A@X.ORG/f/stream", "a@x.org").empty());  // as plain as the other
  for (const char* odd :
       {"a@x.org/f/../stream", "a@x.org//stream", "a@x.org/./stream", "a@x.org/"}) {
    CAPTURE(odd);
    CHECK(OpenHeard(b, odd, "a@x.org") == denied);
  }
}

TEST_CASE("where all reads are allowed, writing still needs a grant") {
  RelayFixture open;
  const ConnId a = open.Join("a@x.org"), b = open.Join("b@x.org");
  open.Say(b, Open{.sid = "s1", .path = kTcpPath, .to = "a@x.org"});
  CHECK(open.Heard(b) == Lines{"reject sid=s1 rsn=permission denied"});
  open.Say(a, Open{.sid = "s1", .path = kTcpPath, .to = "b@x.org"});
  CHECK(open.Heard(b).size() == 1);
}

}  // namespace
}  // namespace hotlink

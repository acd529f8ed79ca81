// Channels whose port is not theirs any more: another marker's, or a stranger's. Nobody can come
// there, but those who did come earlier are served to their end.
#include <doctest/doctest.h>

#include <string>

#include "proxy/core/core.h"
#include "tests/unit/core_world.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

struct LostPortWorld : PairWorld {
  LostPortWorld() {
    Connect(&a, 1, "A");
    Connect(&b, 1, "B");
    Run(kSecond);
    a.core->SetListening(a.channel, ListenState::kPortHeld, "", now);
    Run(kSecond);
  }
  size_t Opens() const { return a.SentOf(MessageType::kOpen).size(); }
  size_t Accepts() const { return a.SentOf(MessageType::kAccept).size(); }
};

TEST_CASE_FIXTURE(LostPortWorld, "a live join outlives the relay connection, port or not") {
  SUBCASE("and its own connection breaks") {
    LinkDown(&a);
    LinkUp(&a);
  }
  SUBCASE("and the peer's breaks") {
    LinkDown(&b);
    LinkUp(&b);
  }
  SUBCASE("and the relay restarts") { RelayRestarts(); }
  SUBCASE("and the relay restarts, the port is a stranger's") {
    a.core->SetListening(a.channel, ListenState::kPortInUse, "", now);
    RelayRestarts();
  }
  Write(&a, 1, "a");
  Write(&b, 1, "b");
  Run(10 * kSecond);
  CHECK(a.conn(1).taken == "Bb");
  CHECK(b.conn(1).taken == "Aa");
  Eof(&a, 1);
  Eof(&b, 1);
  Run(kSecond);
  CHECK(a.conn(1).end == End::kClosed);
  CHECK(b.conn(1).end == End::kClosed);
}

TEST_CASE_FIXTURE(LostPortWorld, "a join that only listens to the peer is reached, port or not") {
  RelayRestarts();
  Write(&b, 1, "b");
  Run(10 * kSecond);
  CHECK(a.conn(1).taken == "Bb");
}

TEST_CASE_FIXTURE(LostPortWorld, "what an ended join still has to say arrives, port or not") {
  Eof(&b, 1);
  Run(kSecond);
  LinkDown(&a);
  Write(&a, 1, "last");
  Eof(&a, 1);
  Run(kSecond);
  CHECK(a.conn(1).end == End::kClosed);
  SUBCASE("at once") { LinkUp(&a); }
  SUBCASE("in a later session, the first is denied") {
    denied.insert(PathOf("a@x"));
    LinkUp(&a);
    Run(kSecond);
    denied.clear();
  }
  Run(10 * kSecond);
  CHECK(b.conn(1).taken == "Alast");
  CHECK(b.conn(1).end == End::kClosed);
}

TEST_CASE_FIXTURE(LostPortWorld, "without a join and a port there is no session") {
  Eof(&a, 1);
  Eof(&b, 1);
  Run(kSecond);
  CHECK(a.conn(1).end == End::kClosed);
  const size_t opens = Opens(), accepts = Accepts();
  RelayRestarts();
  Run(60 * kSecond);
  CHECK(Opens() == opens);
  CHECK(Accepts() == accepts);
  a.core->SetListening(a.channel, ListenState::kListening, "", now);
  Run(10 * kSecond);
  CHECK(Status(&a).session_out_up);
  CHECK(Status(&b).session_out_up);
}

}  // namespace
}  // namespace hotlink

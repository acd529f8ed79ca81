#include <doctest/doctest.h>

#include <string>

#include "relay/core/session_table.h"

namespace hotlink {
namespace {

Session Named(std::string sid) { return {.sid = std::move(sid), .path = "a@x/f"}; }

TEST_CASE("a session replaces the one of the same sid") {
  SessionTable table(10);
  table.Put(Named("s1")).accepted.push_back({1, "b@x"});
  Session changed = Named("s1");
  changed.path = "a@x/g";
  table.Put(changed);
  REQUIRE(table.Find("s1"));
  CHECK(table.Find("s1")->path == "a@x/g");
  CHECK(table.Find("s1")->accepted.empty());
  CHECK(table.size() == 1);
  table.Erase("s1");
  table.Erase("s1");
  CHECK_FALSE(table.Find("s1"));
  CHECK(table.size() == 0);
}

TEST_CASE("at the limit nothing goes, one over it the session unused for longest") {
  SessionTable table(3);
  for (const char* sid : {"s1", "s2", "s3"}) table.Put(Named(sid));
  CHECK(table.evicted() == 0);
  CHECK(table.Find("s1"));  // now s2 is the one unused for longest
  table.Put(Named("s4"));
  CHECK(table.size() == 3);
  CHECK(table.evicted() == 1);
  CHECK_FALSE(table.Find("s2"));
  for (const char* sid : {"s1", "s3", "s4"}) CHECK(table.Find(sid));
  table.Put(Named("s3"));  // replaces: no other has to go
  CHECK(table.evicted() == 1);
}

TEST_CASE("only paths of a TCP channel are for one user") {
  Session session = Named("s");
  CHECK_FALSE(session.one_user());
  session.path = "a@x/0_to_1/stream.tcp.request";
  CHECK(session.one_user());
  session.path = "a@x/0_to_1/xstream.tcp.request";
  CHECK_FALSE(session.one_user());
  session.accepted = {{7, "b@x"}};
  CHECK(session.AcceptedBy(7));
  CHECK_FALSE(session.AcceptedBy(8));
  CHECK(session.AcceptedByOther("c@x"));
  CHECK_FALSE(session.AcceptedByOther("b@x"));
}

}  // namespace
}  // namespace hotlink

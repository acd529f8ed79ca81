#include "proxy/core/association.h"

#include <doctest/doctest.h>

namespace hotlink {
namespace {

using Learned = Association::Learned;

constexpr Inst kX = 10, kY = 20, kZ = 30;

TEST_CASE("the first inst ever seen is adopted at once") {
  Association association;
  CHECK(association.peer() == 0);
  CHECK(association.Learn(kX) == Learned::kAdopted);
  CHECK(association.peer() == kX);
  CHECK(association.Learn(kX) == Learned::kPeer);
}

TEST_CASE("another inst does not displace the peer by being there") {
  Association association;
  association.Learn(kX);
  CHECK(association.Learn(kZ) == Learned::kStranger);
  CHECK(association.Learn(kZ) == Learned::kStranger);
  CHECK(association.peer() == kX);
}

TEST_CASE("an echo of a number that was issued after the others were seen adopts") {
  Association association;
  association.Learn(kX);
  association.Learn(kZ);
  association.Issue(7);
  CHECK(association.Echo(kZ, 7));
  CHECK(association.peer() == kZ);
  CHECK(association.Learn(kZ) == Learned::kPeer);
}

TEST_CASE("an echo of a number that was never issued adopts nobody") {
  Association association;
  association.Learn(kX);
  association.Learn(kZ);
  association.Issue(7);
  CHECK_FALSE(association.Echo(kZ, 8));
  CHECK(association.peer() == kX);
}

TEST_CASE("a number that is older than the first sight of any other inst proves nothing") {
  Association association;
  association.Learn(kZ);
  association.Issue(7);
  association.Learn(kX);  // seen after 7 went out: Z may have died since
  CHECK(association.peer() == kZ);
  SUBCASE("not for a stranger") {
    association.Learn(kY);
    association.Issue(8);
    association.Learn(kX);  // again: what counts is when it was first seen
    CHECK_FALSE(association.Echo(kX, 7));
    CHECK(association.Echo(kX, 8));
    CHECK(association.peer() == kX);
  }
  SUBCASE("a third inst spoils a number that is under way") {
    association.Issue(8);
    association.Learn(kY);
    CHECK_FALSE(association.Echo(kX, 8));
    CHECK(association.peer() == kZ);
    association.Issue(9);
    CHECK(association.Echo(kX, 9));
  }
}

TEST_CASE("the candidate's own first sight does not count") {
  Association association;
  association.Learn(kX);
  association.Issue(7);
  association.Learn(kZ);  // Z is first seen by the very answer to 7
  CHECK(association.Echo(kZ, 7));
}

TEST_CASE("the peer's own echo changes nothing") {
  Association association;
  association.Learn(kX);
  association.Learn(kZ);
  association.Issue(7);
  CHECK_FALSE(association.Echo(kX, 7));
  CHECK(association.peer() == kX);
  CHECK(association.Echo(kZ, 7));
}

TEST_CASE("an adoption forgets the others") {
  Association association;
  association.Learn(kX);
  association.Learn(kY);
  association.Learn(kZ);
  association.Issue(7);
  CHECK(association.Echo(kZ, 7));
  // The dead one's delayed message makes it a stranger that was first seen now: 7 is too old ...
  CHECK(association.Learn(kX) == Learned::kStranger);
  CHECK(association.Learn(kY) == Learned::kStranger);
  CHECK_FALSE(association.Echo(kY, 7));
  // ... and a living one can still prove itself.
  association.Issue(8);
  CHECK(association.Echo(kY, 8));
}

TEST_CASE("16 insts are remembered, the peer and the latest others") {
  for (const Inst others : {14, 15, 16}) {
    CAPTURE(others);
    Association association;
    association.Learn(kX);
    for (Inst n = 1; n <= others; ++n) association.Learn(1000 + n);
    association.Issue(7);
    association.Learn(1001);  // seen for the first time, if it was forgotten
    CHECK(association.Echo(1002, 7) == (others <= 15));
  }
}

TEST_CASE("64 numbers are remembered, the oldest goes first") {
  Association association;
  association.Learn(kX);
  association.Learn(kZ);
  for (uint64_t n = 1; n <= 65; ++n) association.Issue(n);
  CHECK_FALSE(association.Echo(kZ, 1));
  CHECK(association.Echo(kZ, 2));
  CHECK(association.Learn(kX) == Learned::kStranger);
  association.Issue(100);
  CHECK(association.Echo(kX, 100));
}

TEST_CASE("a flood of insts displaces neither the peer nor the proof of a living one") {
  Association association;
  association.Learn(kX);
  for (Inst inst = 1000; inst < 1100; ++inst) CHECK(association.Learn(inst) == Learned::kStranger);
  CHECK(association.peer() == kX);
  CHECK(association.Learn(kX) == Learned::kPeer);
  association.Learn(kZ);
  association.Issue(7);
  CHECK(association.Echo(kZ, 7));
}

}  // namespace
}  // namespace hotlink

#include "proxy/core/stream_window.h"

#include <doctest/doctest.h>

namespace hotlink {
namespace {

TEST_CASE("what was granted at the beginning may be sent, a byte more may not") {
  MemoryBudget memory;
  WindowPool pool{0, &memory};
  StreamWindow window(100, pool);
  CHECK(window.Received(99));
  CHECK(window.Received(1));
  CHECK_FALSE(window.Received(1));
}

TEST_CASE("half a window taken is worth a message, less is not") {
  MemoryBudget memory;
  WindowPool pool{0, &memory};
  StreamWindow window(100, pool);
  CHECK(window.Received(60));
  window.Taken(49);
  CHECK_FALSE(window.Advance().has_value());
  window.Taken(1);
  CHECK(window.Advance() == 150);
  CHECK_FALSE(window.Advance().has_value());
}

TEST_CASE("it grows where the window is what limits the sender and the party keeps up") {
  MemoryBudget memory;
  WindowPool pool{1000, &memory};
  StreamWindow window(100, pool);
  CHECK(window.Received(100));
  window.Taken(99);
  CHECK(window.Advance() == 199);  // the party is behind: no growth
  CHECK(window.size() == 100);
  CHECK(window.Received(99));
  window.Taken(100);
  CHECK(window.Advance() == 399);
  CHECK(window.size() == 200);
  CHECK(pool.left == 900);
}

TEST_CASE("streams grow by no more than the pool, and give it back") {
  MemoryBudget memory;
  WindowPool pool{150, &memory};
  {
    StreamWindow one(100, pool), other(100, pool);
    CHECK(one.Received(100));
    one.Taken(100);
    CHECK(one.Advance() == 300);
    CHECK(pool.left == 50);
    CHECK(other.Received(100));
    other.Taken(100);
    CHECK(other.Advance() == 250);
    CHECK(pool.left == 0);
    CHECK(one.Received(200));
    one.Taken(200);
    CHECK(one.Advance() == 500);
    CHECK(one.size() == 200);
  }
  CHECK(pool.left == 150);
  CHECK(memory.used == 0);
}

TEST_CASE("streams grow by no more than the process has left") {
  MemoryBudget memory{.used = 0, .limit = 130};
  WindowPool pool{1000, &memory};
  StreamWindow window(100, pool);
  CHECK(memory.used == 100);
  CHECK(window.Received(100));
  window.Taken(100);
  CHECK(window.Advance() == 230);
  CHECK(memory.left() == 0);
}

}  // namespace
}  // namespace hotlink

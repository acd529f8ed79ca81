#include "proxy/core/inbound_store.h"

#include <doctest/doctest.h>

#include <string>

namespace hotlink {
namespace {

std::string Drain(ByteQueue* queue) {
  std::string all;
  while (!queue->empty()) {
    const ByteView front = queue->Front();
    REQUIRE_FALSE(front.empty());
    all += AsText(front);
    queue->Pop(front.size());
  }
  return all;
}

Bytes Copy(std::string_view text) {
  const ByteView view = AsBytes(text);
  return {view.begin(), view.end()};
}

TEST_CASE("bytes leave a queue as they came in") {
  ByteQueue queue;
  CHECK(queue.empty());
  CHECK(queue.Front().empty());
  queue.Push(AsBytes("ab"));
  queue.Push(AsBytes("cd"));
  CHECK(queue.size() == 4);
  CHECK(AsText(queue.Front()) == "abcd");  // small ones lie together
  queue.Pop(3);
  CHECK(queue.size() == 1);
  queue.Push(AsBytes("e"));
  CHECK(Drain(&queue) == "de");
  CHECK(queue.size() == 0);
  queue.Push(AsBytes("f"));
  CHECK(Drain(&queue) == "f");
}

TEST_CASE("pieces around the chunk size stay whole and in order") {
  for (const size_t n : {4095, 4096, 4097, 100000}) {
    CAPTURE(n);
    ByteQueue queue;
    std::string all;
    for (const size_t size : {size_t{1}, n, size_t{1}, n}) {
      const std::string piece(size, static_cast<char>('a' + all.size() % 26));
      queue.Push(AsBytes(piece));
      all += piece;
    }
    CHECK(queue.size() == all.size());
    CHECK(Drain(&queue) == all);
  }
}

TEST_CASE("an empty piece changes nothing") {
  ByteQueue queue;
  queue.Push({});
  queue.PushFront({});
  CHECK(queue.empty());
  queue.Push(AsBytes("a"));
  queue.Push({});
  queue.PushFront({});
  CHECK(Drain(&queue) == "a");
}

TEST_CASE("bytes that were given in vain come first again") {
  ByteQueue queue;
  queue.Push(AsBytes("abcdef"));
  SUBCASE("from the middle of a chunk") { queue.Pop(3); }
  SUBCASE("from its end") {
    queue.Pop(6);
    queue.Push(AsBytes("def"));
  }
  queue.PushFront(Copy("abc"));
  CHECK(queue.size() == 6);
  CHECK(Drain(&queue) == "abcdef");
}

TEST_CASE("bytes pushed behind what went back to the front stay behind everything") {
  ByteQueue queue;
  queue.Push(AsBytes("c"));
  queue.PushFront(Copy("ab"));
  queue.Push(AsBytes("d"));
  CHECK(Drain(&queue) == "abcd");
  queue.PushFront(Copy("x"));
  queue.Push(AsBytes("y"));
  CHECK(Drain(&queue) == "xy");
}

void Give(InboundStore* store, Epoch epoch, std::string_view bytes, bool fin = false) {
  InboundPart* part = store->At(epoch, 20);
  REQUIRE(part != nullptr);
  part->bytes.Push(AsBytes(bytes));
  part->fin = fin;
}

TEST_CASE("an epoch's part is made once and found by its number") {
  InboundStore store;
  CHECK(store.Current(1) == nullptr);
  CHECK_FALSE(store.Has(1));
  InboundPart* part = store.At(1, 20);
  REQUIRE(part != nullptr);
  CHECK(store.At(1, 20) == part);
  CHECK(store.Current(1) == part);
  CHECK(store.Has(1));
  CHECK(store.Current(2) == nullptr);
}

TEST_CASE("a log's epochs never go back") {
  InboundStore store;
  REQUIRE(store.At(3, 20) != nullptr);
  CHECK(store.At(2, 20) == nullptr);
  CHECK(store.At(3, 20) != nullptr);
  CHECK(store.At(5, 20) != nullptr);
  CHECK(store.At(3, 20) == nullptr);
}

TEST_CASE("parts that wait are limited") {
  InboundStore store;
  for (Epoch epoch = 1; epoch <= 3; ++epoch) REQUIRE(store.At(epoch, 3) != nullptr);
  CHECK(store.At(4, 3) == nullptr);
  CHECK(store.At(3, 3) != nullptr);  // the last one still grows
  store.DropCurrent(1);
  CHECK(store.At(4, 3) != nullptr);
}

TEST_CASE("a part of a later epoch is not the present one, and is not dropped for it") {
  InboundStore store;
  Give(&store, 2, "later");
  CHECK(store.Current(1) == nullptr);
  store.DropCurrent(1);
  CHECK(store.Has(2));
  CHECK(store.held() == 5);
  store.DropCurrent(2);
  CHECK(store.held() == 0);
}

TEST_CASE("held counts the bytes of all parts") {
  InboundStore store;
  Give(&store, 1, "ab");
  Give(&store, 2, "cde");
  CHECK(store.held() == 5);
  store.Current(1)->bytes.Pop(1);
  CHECK(store.held() == 4);
}

TEST_CASE("a process that died leaves what it had finished, nothing else") {
  InboundStore store;
  Give(&store, 1, "whole", true);
  Give(&store, 2, "whole too", true);
  Give(&store, 3, "half");
  bool keep_current = true;
  SUBCASE("the present part was not delivered whole") {
    store.PeerDied(1, keep_current);
    REQUIRE(store.Current(1) != nullptr);
    CHECK(store.Current(1)->orphan);
    CHECK(Drain(&store.Current(1)->bytes) == "whole");
    store.DropCurrent(1);
  }
  SUBCASE("the present part was delivered") { store.PeerDied(1, keep_current = false); }
  REQUIRE(store.HasOrphan());
  CHECK(Drain(&store.Current(1)->bytes) == "whole too");
  store.DropCurrent(1);
  CHECK_FALSE(store.HasOrphan());
  CHECK(store.Current(1) == nullptr);
  CHECK_FALSE(store.Has(3));
  CHECK(store.held() == 0);
}

TEST_CASE("orphans come before the new process's epochs, whatever their numbers") {
  InboundStore store;
  Give(&store, 7, "old", true);
  store.PeerDied(7, true);
  CHECK_FALSE(store.Has(7));  // of the new log nothing came
  Give(&store, 1, "new");
  CHECK(store.Has(1));
  CHECK(store.held() == 6);
  CHECK(Drain(&store.Current(1)->bytes) == "old");
  store.DropCurrent(1);
  CHECK(Drain(&store.Current(1)->bytes) == "new");
}

TEST_CASE("an orphan outlives the next process's death too") {
  InboundStore store;
  Give(&store, 2, "first", true);
  store.PeerDied(2, true);
  Give(&store, 1, "second", true);
  store.PeerDied(1, true);
  Give(&store, 1, "third", true);
  std::string all;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(store.Current(1) != nullptr);
    all += Drain(&store.Current(1)->bytes) + " ";
    store.DropCurrent(1);
  }
  CHECK(all == "first second third ");
}

}  // namespace
}  // namespace hotlink

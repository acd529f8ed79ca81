#include <array>
#include <functional>
#include <stdexcept>
#include <thread>

#include "tests/bench/load/modes.h"
#include "tests/bench/load/tasks.h"

namespace hotlink::bench {
namespace {

constexpr std::chrono::milliseconds kProven(100);  // twice what a sidecar takes a probe for

// One message of `parts` writes.
void SendParts(Socket* socket, const std::vector<uint64_t>& parts, uint8_t fill) {
  for (const uint64_t size : parts) socket->Send(std::vector<uint8_t>(size, fill));
}

void ReceiveParts(Socket* socket, const std::vector<uint64_t>& parts, uint8_t fill) {
  for (const uint64_t size : parts) {
    std::vector<uint8_t> part(size);
    socket->Receive(part);
    if (part.front() != fill || part.back() != fill) {
      throw std::runtime_error("another message came than was sent");
    }
  }
}

struct Exchange {
  std::vector<uint64_t> question, answer;  // sizes of the writes
  uint64_t count = 0, warm_up = 0;         // the latter come first and are not counted
  std::function<void()> pause = [] {};     // before each that is counted
  bool nagle = false;
};

std::string RoundTrips(const Arguments& arguments, const Exchange& exchange) {
  Pair pair = OpenPair(arguments.pairs.at(0).first, arguments.pairs.at(0).second);
  pair.a.SetNoDelay(!exchange.nagle);
  pair.b.SetNoDelay(!exchange.nagle);
  const uint64_t all = exchange.warm_up + exchange.count;
  Tasks tasks;
  tasks.Begin([&] {
    for (uint64_t i = 0; i < all; ++i) {
      ReceiveParts(&pair.b, exchange.question, static_cast<uint8_t>(i));
      SendParts(&pair.b, exchange.answer, static_cast<uint8_t>(i));
    }
  });
  std::vector<double> took;
  tasks.Begin([&] {
    for (uint64_t i = 0; i < all; ++i) {
      if (i >= exchange.warm_up) exchange.pause();
      const auto begin = Clock::now();
      SendParts(&pair.a, exchange.question, static_cast<uint8_t>(i));
      ReceiveParts(&pair.a, exchange.answer, static_cast<uint8_t>(i));
      if (i >= exchange.warm_up) took.push_back(SecondsSince(begin) * 1e6);
    }
  });
  tasks.Wait();
  pair.Finish();
  return Percentiles(std::move(took));
}

}  // namespace

std::string Ping(const Arguments& arguments) {
  const std::vector<uint64_t> size = {arguments.Number("size")};
  return RoundTrips(arguments, {.question = size,
                                .answer = size,
                                .count = arguments.Number("count"),
                                .warm_up = arguments.Number("warm_up")});
}

std::string HeadAndBody(const Arguments& arguments) {
  const std::vector<uint64_t> parts = {arguments.Number("head"), arguments.Number("body")};
  return RoundTrips(
      arguments,
      {.question = parts, .answer = parts, .count = arguments.Number("count"), .nagle = true});
}

std::string Burst(const Arguments& arguments) {
  const std::chrono::milliseconds idle(arguments.Number("idle_ms"));
  return RoundTrips(arguments, {.question = {arguments.Number("bytes")},
                                .answer = {1},
                                .count = arguments.Number("count"),
                                .warm_up = 1,
                                .pause = [idle] { std::this_thread::sleep_for(idle); }});
}

std::string FirstByte(const Arguments& arguments) {
  const auto& [a, b] = arguments.pairs.at(0);
  if (a.listens || b.listens) throw std::runtime_error("first-byte: both ends have to connect");
  std::vector<double> took;
  for (uint64_t i = 0; i < arguments.Number("count"); ++i) {
    Pair pair;
    pair.b = Connect(b.port);
    std::this_thread::sleep_for(kProven);
    std::array<uint8_t, 1> byte{};
    const auto begin = Clock::now();
    pair.a = Connect(a.port);
    pair.a.Send(byte);
    pair.b.Receive(byte);
    took.push_back(SecondsSince(begin) * 1e6);
    pair.Finish();
  }
  return Percentiles(std::move(took));
}

}  // namespace hotlink::bench

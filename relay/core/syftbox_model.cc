#include "relay/core/syftbox_model.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

namespace hotlink {

namespace {

constexpr int64_t kNanosecondsPerMicrosecond = 1000;
constexpr int64_t kNoTime = std::numeric_limits<int64_t>::max();

// A reader: 2.5 us a message and 0.75 GiB/s. At 64 B it is three times as fast as two workers.
constexpr double kReadNanoseconds = 2500;
constexpr double kReadNanosecondsPerByte = 1e9 / (0.75 * (1u << 30));
// A worker: 13 us a message and 1.5 GiB/s, by a fifth more or less.
constexpr double kWorkNanoseconds = 13000;
constexpr double kWorkNanosecondsPerByte = 1e9 / (1.5 * (1u << 30));
constexpr double kWorkSpread = 0.2;
// An idle worker takes up to so long to wake: messages that come together to an idle server are in
// a race (a Signal behind its own Accept: 181 of 400 overtook it).
constexpr double kMaxWakeNanoseconds = 20000;
// Now and then a worker is put aside for once to twice the time in which a message is read and
// begun: long enough for the next message to overtake, also where the reader is the slowest part.
constexpr double kPauseChance = 0.1;

// A reader this far behind takes no more from its socket: a chunk of small messages is some 5 ms.
constexpr int64_t kMaxReaderLag = 2 * kMillisecond * kNanosecondsPerMicrosecond;

}  // namespace

SyftboxModel::SyftboxModel(const SyftboxModelConfig& config, SyftboxModelHost* host)
    : host_(host), random_(config.seed), workers_(config.workers) {}

double SyftboxModel::Random() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

SyftboxModel::Nanoseconds SyftboxModel::ReadTime(size_t bytes) const {
  return static_cast<Nanoseconds>(kReadNanoseconds +
                                  kReadNanosecondsPerByte * static_cast<double>(bytes));
}

SyftboxModel::Nanoseconds SyftboxModel::WorkTime(size_t bytes) {
  const double mean = kWorkNanoseconds + kWorkNanosecondsPerByte * static_cast<double>(bytes);
  double time = mean * (1 - kWorkSpread + 2 * kWorkSpread * Random());
  if (Random() < kPauseChance) {
    const double step = kWorkNanoseconds + static_cast<double>(ReadTime(bytes));
    time += step * (1 + Random());
  }
  return static_cast<Nanoseconds>(time);
}

void SyftboxModel::Arrive(const PeerPtr& from, WireMessagePtr message, Time now) {
  Reader& reader = readers_[from->id];
  reader.free_at =
      std::max(reader.free_at, now * kNanosecondsPerMicrosecond) + ReadTime(message->size());
  ++reader.arriving;
  arrivals_.push({reader.free_at, next_order_++, {from, std::move(message)}});
}

bool SyftboxModel::ReaderLags(ConnId id, Time now) const {
  const auto reader = readers_.find(id);
  return reader != readers_.end() &&
         reader->second.free_at - now * kNanosecondsPerMicrosecond > kMaxReaderLag;
}

void SyftboxModel::Ended(ConnId id, Time now) {
  const auto reader = readers_.find(id);
  if (reader != readers_.end()) {
    reader->second.ended = true;
    ForgetReader(id);
  }
  Drained(now);
}

void SyftboxModel::ForgetReader(ConnId id) {
  const auto found = readers_.find(id);
  const Reader& reader = found->second;
  if (reader.ended && reader.queued == 0 && reader.arriving == 0) readers_.erase(found);
}

void SyftboxModel::IntoQueue(Arrival arrival) {
  const ConnId id = arrival.item.from->id;
  Reader& reader = readers_.at(id);
  --reader.arriving;
  if (reader.queued >= kQueueMessages) {
    host_->ReceiveQueueFull(*arrival.item.from);
    return;
  }
  ++reader.queued;
  queue_.push_back(std::move(arrival.item));
  StartIdleWorkers(arrival.at, kMaxWakeNanoseconds);
}

void SyftboxModel::StartIdleWorkers(Nanoseconds now, double max_wake) {
  for (Worker& worker : workers_) {
    if (queue_.empty()) return;
    if (worker.busy || !worker.waiting.empty()) continue;
    worker.item = std::move(queue_.front());
    queue_.pop_front();
    const ConnId id = worker.item.from->id;
    --readers_.at(id).queued;
    ForgetReader(id);
    worker.busy = true;
    worker.done_at =
        now + static_cast<Nanoseconds>(max_wake * Random()) + WorkTime(worker.item.message->size());
  }
}

void SyftboxModel::Finish(Worker& worker) {
  worker.busy = false;
  const Item item = std::exchange(worker.item, {});
  processing_ = &worker;
  host_->Process(*item.from, item.message);
  processing_ = nullptr;
  if (worker.waiting.empty()) {
    StartIdleWorkers(worker.done_at, 0);
  } else {
    blocked_.push_back(static_cast<size_t>(&worker - workers_.data()));
  }
}

void SyftboxModel::Send(ConnId to, WireMessagePtr message, bool broadcast) {
  const bool room = host_->HasRoom(to, *message);
  if (broadcast) {
    if (room) host_->Enqueue(to, std::move(message));
    return;
  }
  // A worker sends to one receiver after the other: behind a full queue all of them wait.
  if (room && processing_->waiting.empty()) {
    host_->Enqueue(to, std::move(message));
  } else {
    processing_->waiting.push_back({to, std::move(message)});
  }
}

void SyftboxModel::Drained(Time now) {
  if (blocked_.empty()) return;
  std::erase_if(blocked_, [this](size_t index) {
    std::deque<Delivery>& waiting = workers_[index].waiting;
    while (!waiting.empty() && host_->HasRoom(waiting.front().to, *waiting.front().message)) {
      host_->Enqueue(waiting.front().to, std::move(waiting.front().message));
      waiting.pop_front();
    }
    return waiting.empty();
  });
  StartIdleWorkers(now * kNanosecondsPerMicrosecond, 0);
}

SyftboxModel::Nanoseconds SyftboxModel::NextDone() const {
  Nanoseconds next = kNoTime;
  for (const Worker& worker : workers_) {
    if (worker.busy) next = std::min(next, worker.done_at);
  }
  return next;
}

Time SyftboxModel::NextEvent() const {
  const Nanoseconds arrival = arrivals_.empty() ? kNoTime : arrivals_.top().at;
  const Nanoseconds next = std::min(arrival, NextDone());
  if (next == kNoTime) return kNever;
  return (next + kNanosecondsPerMicrosecond - 1) / kNanosecondsPerMicrosecond;
}

void SyftboxModel::Advance(Time now) {
  const Nanoseconds until = now * kNanosecondsPerMicrosecond;
  while (true) {
    const Nanoseconds arrival = arrivals_.empty() ? kNoTime : arrivals_.top().at;
    const Nanoseconds done = NextDone();
    if (std::min(arrival, done) > until) return;
    if (arrival <= done) {
      Arrival next = arrivals_.top();
      arrivals_.pop();
      IntoQueue(std::move(next));
      continue;
    }
    for (Worker& worker : workers_) {
      if (worker.busy && worker.done_at == done) {
        Finish(worker);
        break;
      }
    }
  }
}

}  // namespace hotlink

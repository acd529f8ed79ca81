#include "tests/sim/server_model.h"

#include <algorithm>
#include <utility>

namespace hotlink::sim {

ServerModel::ConnectionId ServerModel::Connect(const std::string& user, Duration write_gap) {
  const ConnectionId id = ++last_connection_;
  Connection& connection = connections_[id];
  connection.user = user;
  connection.write_gap = write_gap;
  connection.send_queue.push_back(MakeLetter(System{"sim", "ok"}));
  Write(id);
  return id;
}

void ServerModel::Receive(ConnectionId from, const LetterPtr& letter) {
  auto it = connections_.find(from);
  if (it == connections_.end() || swallows_) return;
  if (it->second.received >= kServerQueue) {
    context_.Say("server: receive queue of ", it->second.user, " full, dropped ", letter->seq);
    return;
  }
  ++it->second.received;
  auto job = std::make_shared<Job>();
  job->from = from, job->user = it->second.user, job->letter = letter;
  ready_.push_back(std::move(job));
  TakeJobs();
}

void ServerModel::Stall(ConnectionId connection) {
  auto it = connections_.find(connection);
  if (it != connections_.end()) it->second.stalled = true;
}

void ServerModel::Disconnect(ConnectionId connection) {
  auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  context_.Say("server: notices the end of connection ", connection, " of ", it->second.user);
  const bool loaded = !it->second.send_queue.empty() || !it->second.waiting.empty();
  const std::deque<JobPtr> waiting = std::move(it->second.waiting);
  connections_.erase(it);
  if (loaded && rng_.Chance(config_.crash_on_cut)) {
    Restart("a message was being sent to a connection that ended (rule a)");
    return;
  }
  const uint64_t life = life_;
  for (const JobPtr& job : waiting) {
    --blocked_;
    Push(job);
    if (life != life_) return;
  }
}

void ServerModel::Restart(const char* why) {
  if (!up_) return;
  context_.Say("server: restarts, ", why);
  up_ = false;
  ++life_;
  working_ = blocked_ = 0;
  sessions_.clear();
  ready_.clear();
  in_hand_.clear();
  const std::map<ConnectionId, Connection> ended = std::move(connections_);
  connections_.clear();
  context_.queue.After(rng_.Between(config_.down_min, config_.down_max), [this] {
    if (left_) return;
    context_.Say("server: up");
    up_ = true;
  });
  for (const auto& [id, connection] : ended) outside_.Ended(id);
}

void ServerModel::Leave() {
  left_ = true;
  Restart("and does not come back");
  up_ = false;
}

void ServerModel::Swallow() {
  swallows_ = true;
  ready_.clear();
}

void ServerModel::Calm() {
  config_.loss = config_.duplicate = config_.stray = config_.crash_on_cut = 0;
}

size_t ServerModel::QueuedTowards(ConnectionId connection) const {
  auto it = connections_.find(connection);
  return it == connections_.end() ? 0 : it->second.send_queue.size();
}

void ServerModel::TakeJobs() {
  while (up_ && working_ < config_.workers && !ready_.empty()) {
    JobPtr job = std::move(ready_.front());
    ready_.pop_front();
    auto it = connections_.find(job->from);
    if (it != connections_.end()) --it->second.received;
    if (rng_.Chance(config_.loss)) {
      context_.Say("server: lost ", job->user, "'s message of session ", job->letter->sid);
      continue;
    }
    Begin(std::move(job));
  }
}

void ServerModel::Begin(JobPtr job) {
  job->map_use = UseOf(*job);
  if (EndsTheServer(*job)) return;
  Duration time = rng_.Between(config_.service_min, config_.service_max);
  if (rng_.Chance(config_.stray)) {
    time += rng_.Between(0, config_.stray_max);
  } else {
    job->has_worker = true;
    ++working_;
  }
  in_hand_.push_back(job);
  context_.queue.After(time, [this, job = std::move(job), life = life_] {
    if (life == life_) Finish(job);
  });
}

void ServerModel::Finish(const JobPtr& job) {
  Route(job.get());
  if (rng_.Chance(config_.duplicate)) Copy(*job);
  Push(job);
}

// What was routed arrives once more, some time later.
void ServerModel::Copy(const Job& job) {
  auto again = std::make_shared<Job>(job);
  again->has_worker = false;
  again->map_use = MapUse::kNone;
  for (auto& [to, letter] : again->targets) {
    auto copy = std::make_shared<Letter>(*letter);
    copy->copied = true;
    letter = std::move(copy);
  }
  in_hand_.push_back(again);
  const Duration wait = rng_.Between(0, config_.stray_max);
  context_.queue.After(wait, [this, again = std::move(again), life = life_] {
    if (life == life_) Push(again);
  });
}

void ServerModel::Push(const JobPtr& job) {
  for (; job->next_target < job->targets.size(); ++job->next_target) {
    const auto& [to, letter] = job->targets[job->next_target];
    auto it = connections_.find(to);
    if (it == connections_.end()) continue;  // a session outlives its connections: goes nowhere
    if (it->second.send_queue.size() < kServerQueue) {
      it->second.send_queue.push_back(letter);
      Write(to);
    } else if (!job->droppable) {
      context_.Say("server: a worker waits for the full queue towards ", it->second.user);
      it->second.waiting.push_back(job);
      ++blocked_;
      return;
    }
  }
  Done(job);
}

void ServerModel::Done(const JobPtr& job) {
  in_hand_.erase(std::find(in_hand_.begin(), in_hand_.end(), job));
  if (job->has_worker) --working_;
  TakeJobs();
}

void ServerModel::Write(ConnectionId id) {
  Connection& connection = connections_[id];
  if (connection.writing || connection.stalled || connection.send_queue.empty()) return;
  connection.writing = true;
  context_.queue.After(connection.write_gap, [this, id, life = life_] {
    auto it = connections_.find(id);
    if (life != life_ || it == connections_.end()) return;
    it->second.writing = false;
    if (it->second.stalled) return;
    const LetterPtr letter = std::move(it->second.send_queue.front());
    it->second.send_queue.pop_front();
    JobPtr resumed;
    if (!it->second.waiting.empty()) {
      resumed = std::move(it->second.waiting.front());
      it->second.waiting.pop_front();
      --blocked_;
    }
    Write(id);
    outside_.Forwarded(id, letter);
    if (resumed && life == life_) Push(resumed);
  });
}

ServerModel::MapUse ServerModel::UseOf(const Job& job) const {
  auto it = sessions_.find(job.letter->sid);
  if (it == sessions_.end()) return MapUse::kNone;
  const bool sender = it->second.from_user == job.user;
  switch (job.letter->type) {
    case MessageType::kData:
      return sender ? MapUse::kReads : MapUse::kNone;
    case MessageType::kSignal:
      return it->second.from == job.from ? MapUse::kReads : MapUse::kNone;
    case MessageType::kAccept:
      return MapUse::kWrites;
    case MessageType::kClose:
      return sender ? MapUse::kNone : MapUse::kWrites;
    default:
      return MapUse::kNone;
  }
}

// Crash rule (b). A copy that the environment made is nobody's move and ends nothing.
bool ServerModel::EndsTheServer(const Job& job) {
  if (job.map_use == MapUse::kNone || job.letter->copied) return false;
  for (const JobPtr& other : in_hand_) {
    if (other->map_use == MapUse::kNone || other->map_use == job.map_use) continue;
    if (other->letter->copied || other->letter->sid != job.letter->sid) continue;
    const std::string how = Describe(*job.letter) + " of " + job.user + " while " +
                            Describe(*other->letter) + " of " + other->user +
                            " was being forwarded";
    Restart("concurrent use of a session's map (rule b)");
    outside_.CrashedByClients(how);
    return true;
  }
  return false;
}

}  // namespace hotlink::sim

// Where the server sends each message (protocol.md §3).
#include <algorithm>
#include <utility>

#include "tests/sim/server_model.h"

namespace hotlink::sim {
namespace {

std::string OwnerOf(const std::string& path) { return path.substr(0, path.find('/')); }

bool TakesOneUserOnly(const std::string& path) { return path.ends_with("/stream.tcp.request"); }

}  // namespace

void ServerModel::Route(Job* job) {
  switch (job->letter->type) {
    case MessageType::kOpen:
      return RouteOpen(job);
    case MessageType::kAccept:
      return RouteAccept(job);
    case MessageType::kData:
      return RouteData(job);
    case MessageType::kClose:
      return RouteClose(job);
    case MessageType::kSignal:
      return RouteSignal(job);
    case MessageType::kReject: {
      auto it = sessions_.find(job->letter->sid);
      if (it != sessions_.end()) job->targets.emplace_back(it->second.from, job->letter);
      return;
    }
    default:
      return;
  }
}

// A path's owner may write, everybody may read: the markers' ACL files grant that.
void ServerModel::RouteOpen(Job* job) {
  const Letter& open = *job->letter;
  if (OwnerOf(open.path) != job->user || denied_.count(open.path) > 0) {
    job->targets.emplace_back(job->from, RejectLetter(open.sid, "permission denied"));
    return;
  }
  sessions_[open.sid] = {open.path, job->user, open.to, job->from, {}, {}};
  auto forwarded = std::make_shared<Letter>(open);
  forwarded->from = job->user;
  job->droppable = true;
  for (const auto& [id, connection] : connections_) {
    if (connection.user == job->user) continue;
    if (open.to.empty() || connection.user == open.to) job->targets.emplace_back(id, forwarded);
  }
}

void ServerModel::RouteAccept(Job* job) {
  auto it = sessions_.find(job->letter->sid);
  if (it == sessions_.end()) {
    job->targets.emplace_back(job->from, RejectLetter(job->letter->sid, "unknown session"));
    return;
  }
  Session& session = it->second;
  if (TakesOneUserOnly(session.path)) {
    if (!session.accepted_user.empty() && session.accepted_user != job->user) {
      job->targets.emplace_back(job->from, RejectLetter(job->letter->sid, "already accepted"));
      return;
    }
    session.accepted_user = job->user;
  }
  session.accepted.insert(job->from);
  job->targets.emplace_back(session.from, job->letter);
}

void ServerModel::RouteData(Job* job) {
  auto it = sessions_.find(job->letter->sid);
  if (it == sessions_.end()) {
    job->targets.emplace_back(job->from, RejectLetter(job->letter->sid, "unknown session"));
    return;
  }
  if (it->second.from_user != job->user) return;  // dropped silently
  for (ConnectionId to : it->second.accepted) job->targets.emplace_back(to, job->letter);
}

void ServerModel::RouteClose(Job* job) {
  auto it = sessions_.find(job->letter->sid);
  if (it == sessions_.end()) return;
  Session& session = it->second;
  if (session.from_user == job->user) {
    for (ConnectionId to : session.accepted) job->targets.emplace_back(to, job->letter);
    sessions_.erase(it);
  } else if (session.accepted.erase(job->from) > 0) {
    job->targets.emplace_back(session.from, job->letter);
  }
}

void ServerModel::RouteSignal(Job* job) {
  auto it = sessions_.find(job->letter->sid);
  if (it == sessions_.end()) {
    job->targets.emplace_back(job->from, QuicErrorLetter(job->letter->sid));
    return;
  }
  const Session& session = it->second;
  if (session.from == job->from) {
    for (ConnectionId to : session.accepted) job->targets.emplace_back(to, job->letter);
  } else if (session.accepted.count(job->from) > 0) {
    job->targets.emplace_back(session.from, job->letter);
  }  // anybody else's: dropped without an answer
}

}  // namespace hotlink::sim

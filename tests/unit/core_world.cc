#include "tests/unit/core_world.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "proxy/core/flow_signal.h"

namespace hotlink {

std::vector<Sent> Side::SentOf(MessageType type) const {
  std::vector<Sent> found;
  std::copy_if(sent.begin(), sent.end(), std::back_inserter(found),
               [type](const Sent& message) { return message.type == type; });
  return found;
}

Side& CoreWorld::Add(const std::string& user, const CoreConfig& config) {
  Side& side = sides_.emplace_back();
  side.user = user;
  side.config = config;
  side.config.email = user;
  Start(&side);
  return side;
}

void CoreWorld::Start(Side* side) {
  side->core = std::make_unique<Core>(side->config, side->link, *side->party, side->log,
                                      FakeRandom(++seeds_ * 1000));
  LinkUp(side);
}

std::string CoreWorld::PathOf(const std::string& user, int n) {
  return user + "/run" + std::to_string(n) + "/_mpc/0_to_1/stream.tcp.request";
}

ChannelSpec CoreWorld::SpecOf(const std::string& user, const std::string& peer, int n, bool live) {
  return {.peer = peer,
          .own_path = PathOf(user, n),
          .above = "run" + std::to_string(n) + "/_mpc",
          .i = "0",
          .j = "1",
          .live = live};
}

ChannelId CoreWorld::AddChannel(Side* side, const std::string& peer, int n, bool live) {
  const ChannelId id = side->core->AddChannel(SpecOf(side->user, peer, n, live), now);
  if (side->channel == 0) side->channel = id;
  return id;
}

void CoreWorld::Connect(Side* side, ConnId conn, std::string_view wrote, ChannelId channel) {
  side->party->Connect(conn).wrote = wrote;
  side->core->PartyAccepted(channel == 0 ? side->channel : channel, conn, now);
  Settle();
}

void CoreWorld::Write(Side* side, ConnId conn, std::string_view text) {
  side->conn(conn).wrote += text;
  Settle();
}

void CoreWorld::Eof(Side* side, ConnId conn) {
  side->conn(conn).eof = true;
  Settle();
}

void CoreWorld::Reset(Side* side, ConnId conn) {
  side->conn(conn).reset = true;
  Settle();
}

void CoreWorld::LinkDown(Side* side) {
  side->connected = false;
  side->core->LinkDown(now);
  Settle();
}

void CoreWorld::LinkUp(Side* side) {
  side->connected = true;
  side->connection = ++connections_;
  side->core->LinkUp(now);
  Settle();
}

void CoreWorld::RelayRestarts() {
  for (Side& side : sides_) LinkDown(&side);
  flights_.clear();
  sessions_.clear();
  for (Side& side : sides_) LinkUp(&side);
}

void CoreWorld::Restart(Side* side) {
  side->core.reset();
  side->link.Take();
  side->party = std::make_unique<FakeParty>();
  side->channel = 0;
  Start(side);
}

// What may be answered now, though it did not come from a core.
void CoreWorld::Learn(const Sent& message) {
  if (message.type == MessageType::kOpen) forged_.insert(message.sid);
  if (message.kind == kFlowOpen) flow_opened_.insert(message.sid);
}

void CoreWorld::Send(Side* side, const Sent& message) {
  Learn(message);
  flights_.push_back({now + kLatency, side, side->connection, message});
}

void CoreWorld::Receive(Side* side, const Sent& message) {
  Learn(message);
  side->core->Received({.id = "x", .body = message.Body()}, now);
  Settle();
}

// What a core must never do, whatever happens to it (join.md §2, protocol.md §3).
void CoreWorld::CheckWire(Side* side, const Sent& message) {
  const auto opener = opened_.find(message.sid);
  const bool own = opener != opened_.end() && opener->second == side;
  switch (message.type) {
    case MessageType::kOpen:
      REQUIRE_MESSAGE(opener == opened_.end(), "a sid is opened twice: ", message.sid);
      opened_[message.sid] = side;
      break;
    case MessageType::kAccept:
      if (opener == opened_.end()) break;  // the echo
      // What a channel remembers of sids ends, and with it what it can know of forged ones.
      if (forged_.contains(message.sid)) break;
      REQUIRE_MESSAGE(!own, "an Accept of an own session: ", message.sid);
      REQUIRE_MESSAGE(was_accepted_.emplace(side, message.sid).second, "accepted twice");
      break;
    case MessageType::kData:
      REQUIRE_MESSAGE(own, "Data on a session of somebody else");
      REQUIRE(message.seq > 0);
      break;
    case MessageType::kClose:
      REQUIRE_MESSAGE(own, "a Close by the receiver");
      break;
    case MessageType::kReject:
      REQUIRE_MESSAGE(opener == opened_.end(), "a Reject of a session that a core opened");
      break;
    case MessageType::kSignal: {
      const bool by_sender = message.kind == kFlowOpen || message.kind == kFlowPing;
      REQUIRE_MESSAGE(own == by_sender, message.kind, " by the wrong end");
      if (!by_sender) REQUIRE_MESSAGE(flow_opened_.contains(message.sid), "before its flow_open");
      break;
    }
    default:
      FAIL("a message that the core never sends");
  }
}

void CoreWorld::Collect() {
  for (Side& side : sides_) {
    for (Sent& message : side.link.Take()) {
      if (!side.connected) continue;
      CheckWire(&side, message);
      side.sent.push_back(message);
      flights_.push_back({now + kLatency, &side, side.connection, std::move(message)});
    }
  }
}

// Tells the cores of their parties until nothing is ready.
void CoreWorld::Settle() {
  bool told = true;
  for (int round = 0; told; ++round) {
    REQUIRE_MESSAGE(round < 1000, "a connection stays ready");
    told = false;
    for (Side& side : sides_) {
      if (!side.core) continue;
      for (const ConnId conn : side.party->Open()) {
        if (!side.party->Ready(conn)) continue;
        told = true;
        side.core->PartyReady(conn, now);
      }
    }
  }
  Collect();
}

void CoreWorld::Deliver(Side* to, uint64_t connection, const Sent& message) {
  if (!to->connected || to->connection != connection) return;
  to->core->Received({.id = "x", .body = message.Body()}, now);
  Settle();
}

void CoreWorld::Route(const Flight& flight) {
  const Sent& message = flight.message;
  if (drop && drop(*flight.from, message)) return;
  if (message.type == MessageType::kOpen) return RouteOpen(flight);
  const auto found = sessions_.find(message.sid);
  Session* session = found == sessions_.end() ? nullptr : &found->second;
  if (message.type == MessageType::kSignal) return RouteSignal(flight, session);
  if (message.type == MessageType::kClose) {
    if (session == nullptr) return;
    if (session->from != flight.from) {
      session->accepted.erase(flight.from);
      return Deliver(session->from, session->connection, message);
    }
    for (const auto& [side, connection] : std::map(session->accepted)) {
      Deliver(side, connection, message);
    }
    sessions_.erase(message.sid);
    return;
  }
  if (session == nullptr) {
    return Deliver(flight.from, flight.connection,
                   {.type = MessageType::kReject, .sid = message.sid, .reason = "unknown session"});
  }
  if (message.type == MessageType::kAccept) return RouteAccept(flight, session);
  if (message.type == MessageType::kReject) {
    return Deliver(session->from, session->connection, message);
  }
  if (message.type == MessageType::kData && session->from != flight.from) return;
  for (const auto& [side, connection] : std::map(session->accepted)) {
    Deliver(side, connection, message);
  }
}

void CoreWorld::RouteOpen(const Flight& flight) {
  const Sent& message = flight.message;
  if (denied.contains(message.path)) {
    return Deliver(
        flight.from, flight.connection,
        {.type = MessageType::kReject, .sid = message.sid, .reason = "permission denied"});
  }
  sessions_[message.sid] = {flight.from, flight.connection, message.to, {}};
  Sent forwarded = message;
  forwarded.from = flight.from->user;
  for (Side& side : sides_) {
    if (side.user == message.to) Deliver(&side, side.connection, forwarded);
  }
}

void CoreWorld::RouteAccept(const Flight& flight, Session* session) {
  session->accepted[flight.from] = flight.connection;
  Deliver(session->from, session->connection, flight.message);
}

void CoreWorld::RouteSignal(const Flight& flight, Session* session) {
  const Sent& message = flight.message;
  if (session == nullptr) {
    return Deliver(flight.from, flight.connection,
                   {.type = MessageType::kSignal,
                    .sid = message.sid,
                    .kind = "quic_error",
                    .reason = "unknown session"});
  }
  if (session->from != flight.from) {
    const auto by = session->accepted.find(flight.from);
    if (by == session->accepted.end() || by->second != flight.connection) return;
    return Deliver(session->from, session->connection, message);
  }
  for (const auto& [side, connection] : std::map(session->accepted)) {
    if (message.kind == kFlowOpen) flow_opened_.insert(message.sid);
    Deliver(side, connection, message);
  }
}

void CoreWorld::Run(Duration duration) {
  const Time until = now + duration;
  Settle();
  int here = 0;  // rounds without time going on
  for (;;) {
    Time next = flights_.empty() ? kNever : flights_.front().at;
    for (const Side& side : sides_) next = std::min(next, side.core->Deadline());
    if (next > until) break;
    here = next > now ? 0 : here + 1;
    REQUIRE_MESSAGE(here < 10000, "a core is due for ever");
    now = std::max(now, next);
    while (!flights_.empty() && flights_.front().at <= now) {
      const Flight flight = std::move(flights_.front());
      flights_.pop_front();
      Route(flight);
    }
    for (Side& side : sides_) {
      if (side.core->Deadline() <= now) side.core->Tick(now);
    }
    Settle();
  }
  now = until;
}

ChannelStatus CoreWorld::Status(Side* side, ChannelId channel) {
  return side->core->Status(channel == 0 ? side->channel : channel, now);
}

std::string CoreWorld::Why(Side* side, ChannelId channel) {
  return std::string(ReasonText(Status(side, channel).reason));
}

PairWorld::PairWorld(const CoreConfig& config) : a(Add("a@x", config)), b(Add("b@x", config)) {
  AddChannel(&a, "b@x");
  AddChannel(&b, "a@x");
  Run(500 * kMillisecond);
  REQUIRE(Status(&a).session_out_up);
  REQUIRE(Status(&b).session_out_up);
}

}  // namespace hotlink

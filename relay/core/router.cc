#include "relay/core/router.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <variant>

#include "common/email.h"

namespace hotlink {

namespace {

constexpr std::string_view kPermissionDenied = "permission denied";
constexpr std::string_view kUnknownSession = "unknown session";
constexpr std::string_view kAlreadyAccepted = "already accepted";

// A msgpack connection gets binary frames with msgpack inside, a json one text frames.
bool SpokenAs(Encoding encoding, const WireMessage& message) {
  if (encoding == Encoding::kJson) return message.text();
  return !message.text() && message.size() > 3 && message.bytes()[3] == 1;
}

}  // namespace

// A message on its way out: the bytes for each encoding, made when first needed.
class Router::Outgoing {
 public:
  // `received`: the bytes it came in, used again where the encoding fits; null: always encode.
  Outgoing(const Message& message, const WireMessagePtr& received) : message_(message) {
    if (!received) return;
    for (const Encoding encoding : {Encoding::kJson, Encoding::kMsgpack}) {
      if (SpokenAs(encoding, *received)) wire_[Index(encoding)] = received;
    }
  }

  const WireMessagePtr& Wire(Encoding encoding) {
    WireMessagePtr& wire = wire_[Index(encoding)];
    if (!wire) {
      Bytes bytes;
      EncodeMessage(encoding, message_, &bytes);
      wire = WireMessage::Copy(OpcodeOf(encoding), bytes);
    }
    return wire;
  }

  const Message& message() const { return message_; }

 private:
  static size_t Index(Encoding encoding) { return encoding == Encoding::kJson ? 0 : 1; }

  const Message& message_;
  std::array<WireMessagePtr, 2> wire_;
};

Router::Router(const RouterConfig& config, RouterOutput* output)
    : access_(config.allow_all_reads), output_(output), sessions_(config.max_sessions) {}

Router::~Router() = default;

void Router::AddConnection(PeerPtr peer) {
  const ConnId id = peer->id;
  connections_.emplace(id, std::move(peer));
}

void Router::RemoveConnection(ConnId id) { connections_.erase(id); }

void Router::Receive(const Peer& from, const WireMessagePtr& received) {
  ++counters_.received;
  const Result<Message> message = decoder_.Decode(received->text(), received->bytes());
  if (!message) {
    ++counters_.undecodable;
    return;
  }
  Outgoing outgoing(*message, received);
  std::visit([&](const auto& body) { On(from, body, outgoing); }, message->body);
}

void Router::On(const Peer& from, const Open& open, Outgoing& outgoing) {
  const std::string to = LowerCase(open.to);
  if (open.sid.size() > kMaxSidBytes || open.path.size() > kMaxPathBytes || to.size() > kEmailMax) {
    return AnswerReject(from, open.sid.substr(0, kMaxSidBytes), "sid, path or user too long");
  }
  if (!access_.MayWrite(from.user, open.path) || (!to.empty() && !access_.MayRead(to, open.path))) {
    return AnswerReject(from, open.sid, kPermissionDenied);
  }
  sessions_.Put({.sid = std::string(open.sid),
                 .path = std::string(open.path),
                 .from_user = from.user,
                 .to_user = to,
                 .from_conn = from.id});
  Open stamped = open;
  stamped.from = from.user;
  const Message message{outgoing.message().id, stamped};
  Outgoing opening(message, nullptr);
  for (const auto& [id, peer] : connections_) {
    if (peer->user == from.user) continue;
    if (to.empty() ? !access_.MayRead(peer->user, open.path) : peer->user != to) continue;
    output_->Forward(id, opening.Wire(peer->encoding), true);
  }
}

void Router::On(const Peer& from, const Accept& accept, Outgoing& outgoing) {
  Session* session = sessions_.Find(accept.sid);
  if (!session) return AnswerReject(from, accept.sid, kUnknownSession);
  if (session->one_user() && session->AcceptedByOther(from.user)) {
    return AnswerReject(from, accept.sid, kAlreadyAccepted);
  }
  RememberReceiver(*session, from);
  ToConnection(session->from_conn, outgoing);
}

// An entry of an ended connection goes when its user accepts again, or when the list is full:
// nothing reaches it any more, but it still says which user holds a TCP channel.
void Router::RememberReceiver(Session& session, const Peer& receiver) {
  if (session.AcceptedBy(receiver.id)) return;
  const bool full = session.accepted.size() >= kMaxReceivers;
  std::erase_if(session.accepted, [&](const Session::Receiver& known) {
    return (full || known.user == receiver.user) && !connections_.contains(known.conn);
  });
  session.accepted.push_back({receiver.id, receiver.user});
}

void Router::On(const Peer& from, const Reject& reject, Outgoing& outgoing) {
  const Session* session = sessions_.Find(reject.sid);
  if (!session || session->from_user == from.user) return;
  ToConnection(session->from_conn, outgoing);
}

void Router::On(const Peer& from, const Data& data, Outgoing& outgoing) {
  const Session* session = sessions_.Find(data.sid);
  if (!session) return AnswerReject(from, data.sid, kUnknownSession);
  if (session->from_user != from.user || session->accepted.empty()) {
    ++counters_.not_forwarded;
    return;
  }
  ToAccepted(*session, outgoing);
}

void Router::On(const Peer& from, const Close& close, Outgoing& outgoing) {
  Session* session = sessions_.Find(close.sid);
  if (!session) return;
  if (session->from_user == from.user) {
    ToAccepted(*session, outgoing);
    sessions_.Erase(close.sid);
    return;
  }
  std::erase_if(session->accepted,
                [&](const Session::Receiver& known) { return known.conn == from.id; });
  ToConnection(session->from_conn, outgoing);
}

void Router::On(const Peer& from, const Signal& signal, Outgoing& outgoing) {
  const Session* session = sessions_.Find(signal.sid);
  if (!session) {
    return Answer(from, Signal{.sid = signal.sid, .kind = "quic_error", .error = kUnknownSession});
  }
  if (session->from_user == from.user) return ToAccepted(*session, outgoing);
  if (session->AcceptedBy(from.id)) return ToConnection(session->from_conn, outgoing);
  ++counters_.not_forwarded;
}

void Router::On(const Peer& from, const FileWrite& write, Outgoing& outgoing) {
  const std::string_view id = outgoing.message().id;
  if (const std::optional<Error> error = access_.Write(from.user, write)) {
    return Answer(from, Nack{id, error->text});
  }
  Answer(from, Ack{id});
}

void Router::ToAccepted(const Session& session, Outgoing& outgoing) {
  for (const Session::Receiver& receiver : session.accepted) {
    ToConnection(receiver.conn, outgoing);
  }
}

void Router::ToConnection(ConnId id, Outgoing& outgoing) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;  // it has ended: whatever is sent there is lost
  const WireMessagePtr& wire = outgoing.Wire(found->second->encoding);
  if (wire->size() > kMaxMessageBytes) {
    ++counters_.too_large;
    return;
  }
  output_->Forward(id, wire, false);
}

void Router::Answer(const Peer& to, const MessageBody& body) {
  std::array<char, 16> id{};
  std::snprintf(id.data(), id.size(), "%06x", next_id_++ & 0xffffffu);
  const Message message{id.data(), body};
  Outgoing answer(message, nullptr);
  ToConnection(to.id, answer);
}

void Router::AnswerReject(const Peer& to, std::string_view sid, std::string_view reason) {
  Answer(to, Reject{sid, reason});
}

}  // namespace hotlink

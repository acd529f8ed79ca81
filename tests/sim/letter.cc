#include "tests/sim/letter.h"

namespace hotlink::sim {
namespace {

struct Filler {
  Letter& to;

  void operator()(const System&) { to.type = MessageType::kSystem; }
  void operator()(const Open& open) {
    to.type = MessageType::kOpen;
    to.sid = open.sid, to.path = open.path, to.from = open.from, to.to = open.to;
  }
  void operator()(const Accept& accept) {
    to.type = MessageType::kAccept;
    to.sid = accept.sid;
  }
  void operator()(const Reject& reject) {
    to.type = MessageType::kReject;
    to.sid = reject.sid, to.text = reject.reason;
  }
  void operator()(const Data& data) {
    to.type = MessageType::kData;
    to.sid = data.sid, to.path = data.path, to.etag = data.etag, to.seq = data.seq;
    to.payload.assign(data.payload.begin(), data.payload.end());
  }
  void operator()(const Close& close) {
    to.type = MessageType::kClose;
    to.sid = close.sid, to.text = close.reason;
  }
  void operator()(const Signal& signal) {
    to.type = MessageType::kSignal;
    to.sid = signal.sid, to.kind = signal.kind, to.token = signal.token, to.text = signal.error;
  }
  void operator()(const FileWrite&) { to.type = MessageType::kFileWrite; }
  template <typename NotOurs>
  void operator()(const NotOurs&) {
    to.type = MessageType::kError;
  }
};

}  // namespace

std::shared_ptr<Letter> MakeLetter(const MessageBody& body) {
  auto letter = std::make_shared<Letter>();
  std::visit(Filler{*letter}, body);
  return letter;
}

Message ViewOf(const Letter& letter) {
  Message message;
  message.id = "1";
  switch (letter.type) {
    case MessageType::kOpen:
      message.body = Open{letter.sid, letter.path, letter.from, letter.to};
      break;
    case MessageType::kAccept:
      message.body = Accept{letter.sid};
      break;
    case MessageType::kReject:
      message.body = Reject{letter.sid, letter.text};
      break;
    case MessageType::kData:
      message.body = Data{letter.sid, letter.seq, letter.path, letter.etag, letter.payload};
      break;
    case MessageType::kClose:
      message.body = Close{letter.sid, letter.text};
      break;
    case MessageType::kSignal:
      message.body = Signal{letter.sid, letter.kind, {}, letter.token, letter.text};
      break;
    default:
      message.body = System{"sim", "ok"};
      break;
  }
  return message;
}

std::string Describe(const Letter& letter) {
  const std::string copied = letter.copied ? " (copy)" : "";
  switch (letter.type) {
    case MessageType::kOpen:
      return "Open " + letter.sid + " " + letter.path + copied;
    case MessageType::kAccept:
      return "Accept " + letter.sid + copied;
    case MessageType::kReject:
      return "Reject " + letter.sid + " '" + letter.text + "'" + copied;
    case MessageType::kData:
      return "Data " + letter.sid + " seq=" + std::to_string(letter.seq) + " etg=" + letter.etag +
             " bytes=" + std::to_string(letter.payload.size()) + copied;
    case MessageType::kClose:
      return "Close " + letter.sid + " '" + letter.text + "'" + copied;
    case MessageType::kSignal:
      return letter.kind + " " + letter.sid + " " + letter.token + letter.text + copied;
    default:
      return "System";
  }
}

LetterPtr RejectLetter(const std::string& sid, const char* reason) {
  return MakeLetter(Reject{sid, reason});
}

LetterPtr QuicErrorLetter(const std::string& sid) {
  return MakeLetter(Signal{sid, "quic_error", {}, "", "unknown session"});
}

}  // namespace hotlink::sim

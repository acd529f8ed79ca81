// What comes from the relay, from the socket to the core.
#include <algorithm>

#include "common/utf8.h"
#include "proxy/adapters/relay_errors.h"
#include "proxy/adapters/relay_link.h"

namespace hotlink {
namespace {

constexpr size_t kReceiveChunk = 64 << 10;  // bytes asked for at least in one receive
constexpr size_t kAnswerChunk = 4 << 10;    // the same while upgrading

constexpr uint16_t kCloseNoCode = 1005;  // RFC 6455 §7.4.1

}  // namespace

// The state is asked again after each step: every message given away may have changed it.
void RelayLink::Receive() {
  uint8_t small[kAnswerChunk];
  size_t budget = kReceiveBudget;
  while (state_ == State::kUpgrading || state_ == State::kUp) {
    if (budget == 0) {
      // TLS may hold more while the socket is silent: readiness would not come.
      turn_.Start();
      return;
    }
    const std::span<uint8_t> into =
        up() ? parser_->WriteSpace(kReceiveChunk) : std::span<uint8_t>(small);
    IoResult result = connection_->Recv(into);
    if (result.status == IoResult::Status::kAgain) return;
    if (result.status != IoResult::Status::kDone) {
      Down(ReceiveFault(result));
      return;
    }
    const bool all = result.n < into.size() && !connection_->buffers();
    budget -= std::min(budget, result.n);
    counters_.bytes_in += result.n;
    last_received_ = uv_now(loop_);
    if (up()) {
      parser_->Wrote(result.n);
      Deliver();
    } else {
      TakeAnswer(into.first(result.n));
    }
    if (all) return;  // the socket had no more
  }
}

std::string RelayLink::ReceiveFault(const IoResult& result) const {
  const bool failed = result.status == IoResult::Status::kFailed;
  if (up())
    return failed ? "receiving from the relay failed: " + result.error
                  : "the relay closed the connection";
  return "relay " + url_.name + " closed the connection instead of upgrading it" +
         (failed ? " (" + result.error + ")" : "") + RefusalHint(0, answer_, url_, options_.email);
}

void RelayLink::Deliver() {
  while (up()) {
    WsParser::Event event = parser_->Next();
    if (event.status == WsParser::Status::kNeedMore) return;
    if (event.status == WsParser::Status::kError) {
      SayClose(event.close_code);
      Down("the relay broke the WebSocket protocol: " + event.error);
      return;
    }
    switch (event.opcode) {
      case WsOpcode::kText:
      case WsOpcode::kBinary:
        HandleMessage(event);
        break;
      case WsOpcode::kPing:
        sender_.QueuePong(event.payload);
        FlushNow();
        break;
      case WsOpcode::kClose:
        HandleClose(event.payload);
        break;
      default:
        break;  // a pong: that bytes came is all it says
    }
  }
}

void RelayLink::HandleMessage(const WsParser::Event& event) {
  Result<Message> message = decoder_.Decode(event.opcode == WsOpcode::kText, event.payload);
  if (!message) {
    // The first, then ever fewer of them: a peer may send such things at full speed.
    if ((counters_.malformed & (counters_.malformed + 1)) == 0)
      log_.Write(LogLevel::kWarning, "relay=" + url_.name + " ignored a malformed message (" +
                                         std::to_string(counters_.malformed + 1) +
                                         " so far): " + message.error());
    ++counters_.malformed;
    return;
  }
  if (const auto* system = std::get_if<System>(&message->body); system && !system_seen_) {
    system_seen_ = true;
    log_.Write(LogLevel::kDebug, "relay=" + url_.name + " says \"" + Printable(system->message) +
                                     "\" version=" + Printable(system->version));
  }
  events_.on_message(*message);
}

void RelayLink::HandleClose(ByteView payload) {
  uint16_t code = kCloseNoCode;
  std::string why = "without a code";
  if (payload.size() >= 2) {
    code = static_cast<uint16_t>(payload[0] << 8 | payload[1]);
    why = std::to_string(code) + " " + Printable(AsText(payload.subspan(2)));
  }
  SayClose(code == kCloseNoCode ? kWsCloseNormal : code);
  Down("the relay closed the WebSocket: " + why);
}

}  // namespace hotlink

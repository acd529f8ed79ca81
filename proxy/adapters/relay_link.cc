#include "proxy/adapters/relay_link.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/version.h"
#include "proxy/adapters/relay_errors.h"

namespace hotlink {
namespace {

// A link that was up for less keeps the backoff of the failures before it: a relay that lets us in
// and throws us out at once is not to be hammered.
constexpr uint64_t kStableMs = 1000;

constexpr int kUnauthorized = 401;  // HTTP status

uint64_t Milliseconds(Duration duration) { return static_cast<uint64_t>(duration / kMillisecond); }

}  // namespace

RelayLink::RelayLink(uv_loop_t* loop, RelayLinkOptions options, RelayLinkEvents events, Log& log,
                     LinkSender::RandomSource random)
    : loop_(loop),
      options_(std::move(options)),
      events_(std::move(events)),
      log_(log),
      random_(std::move(random)),
      sender_(random_, log),
      timer_(loop, [this] { OnTimer(); }),
      turn_(loop, [this] { OnTurn(); }),
      turn_end_(loop, [this] { FlushFromLoop(); }) {}

RelayLink::~RelayLink() { sender_.Drop(); }

std::optional<Error> RelayLink::Start() {
  Result<RelayUrl> url = ParseRelayUrl(options_.server_url, options_.email);
  if (!url) return Error{url.error()};
  url_ = *url;
  Connect();
  return std::nullopt;
}

void RelayLink::Stop(std::function<void()> stopped) {
  if (state_ == State::kStopped) return;
  if (up()) SayClose(kWsCloseNormal);
  SetState(State::kStopped);
  stopped_ = std::move(stopped);
  sender_.Drop();
  connection_.reset();
  timer_.Stop();
  turn_end_.Stop();
  turn_.Start();
}

void RelayLink::SetState(State next) {
  if (!RelayLinkMayGo(state_, next)) {
    log_.Write(LogLevel::kError, "relay=" + url_.name + " impossible change of state: " +
                                     std::string(RelayLinkStateText(state_)) + " -> " +
                                     std::string(RelayLinkStateText(next)));
    return;
  }
  if (log_.Enabled(LogLevel::kDebug))
    log_.Write(LogLevel::kDebug, "relay=" + url_.name + " " +
                                     std::string(RelayLinkStateText(state_)) + " -> " +
                                     std::string(RelayLinkStateText(next)));
  state_ = next;
}

// ---- Coming up ----

void RelayLink::Connect() {
  SetState(State::kConnecting);
  CurlConnectionOptions options;
  options.url = url_.connect_url;
  options.name = url_.name;
  options.ca_file = options_.ca_file;
  options.connect_timeout = options_.connect_timeout;
  connection_ = std::make_unique<CurlConnection>(loop_, std::move(options),
                                                 static_cast<CurlConnectionEvents&>(*this));
}

void RelayLink::OnConnectFailed(const std::string& why) { Down(why); }

void RelayLink::OnConnected() {
  SetState(State::kUpgrading);
  WsHandshakeRequest request;
  request.host = url_.host_header;
  request.target = url_.target;
  token_ = options_.tokens ? options_.tokens->AccessToken() : Secret();
  request.access_token = token_.Reveal();
  request.version = std::string(kVersion);
  request.user = options_.email;
  request.offer_msgpack = options_.offer_msgpack;
  for (size_t i = 0; i < request.nonce.size(); i += sizeof(uint64_t)) {
    uint64_t bits = random_();
    std::memcpy(request.nonce.data() + i, &bits, sizeof bits);
  }
  std::string text = WsHandshakeText(request);
  if (text.empty()) {
    Down("the access token, the e-mail or the server URL holds a line break: not sent");
    return;
  }
  handshake_ = std::make_unique<WsHandshakeParser>(request.nonce);
  answer_.clear();
  sender_.QueueRaw(text);
  FlushNow();
  timer_.Start(options_.upgrade_timeout);
}

void RelayLink::TakeAnswer(ByteView bytes) {
  answer_ += AsText(bytes);
  WsHandshakeParser::Outcome outcome = handshake_->Parse(answer_);
  if (outcome.status == WsHandshakeParser::Status::kNeedMore) return;
  if (outcome.status == WsHandshakeParser::Status::kError) {
    // A server may repeat in its words what it was sent. Before they are cut, which may cut the
    // token in two.
    const std::string words = handshake_->Parse(WithoutSecret(answer_, token_)).error;
    const std::string refusal = "relay " + url_.name + " does not open the WebSocket: " + words;
    if (outcome.http_status == kUnauthorized && options_.tokens)
      AskForToken(refusal);
    else
      Down(refusal + RefusalHint(outcome.http_status, answer_, url_, options_.email));
    return;
  }
  std::string first_frames = answer_.substr(outcome.consumed);
  answer_.clear();
  GoUp(outcome.encoding, AsBytes(first_frames));
}

void RelayLink::GoUp(Encoding encoding, ByteView first_frames) {
  parser_ = std::make_unique<WsParser>(kRelayMessageMax);
  if (!first_frames.empty()) {
    std::span<uint8_t> space = parser_->WriteSpace(first_frames.size());
    std::copy(first_frames.begin(), first_frames.end(), space.begin());
    parser_->Wrote(first_frames.size());
  }
  sender_.Begin(encoding);
  SetState(State::kUp);
  up_since_ = last_received_ = last_ping_ = uv_now(loop_);
  system_seen_ = false;
  ++counters_.ups;
  log_.Write(LogLevel::kInfo,
             "relay=" + url_.name +
                 " up encoding=" + (encoding == Encoding::kJson ? "json" : "msgpack") +
                 (tries_ > 0 ? " after " + std::to_string(tries_) + " failures" : ""));
  tries_ = 0;
  if (options_.tokens) options_.tokens->Accepted();
  last_error_.clear();
  reported_error_.clear();
  timer_.Start(std::min(options_.ping_every, options_.dead_after));
  events_.on_up();
  if (up()) Deliver();
}

// ---- Going down ----

void RelayLink::Down(const std::string& reason) {
  const bool was_up = up();
  const std::string why = reason;  // `reason` may be one of the members cleared here
  const LinkStep step = state_ == State::kUpgrading ? LinkStep::kUpgrade
                        : connection_->tls_failed() ? LinkStep::kCertificate
                                                    : LinkStep::kConnect;
  if (was_up && uv_now(loop_) - up_since_ >= kStableMs) backoff_ = 0;
  Leave(why);
  RetryLater();
  was_up ? events_.on_down(why) : Failed(step);
}

void RelayLink::Failed(LinkStep step) {
  if (events_.on_failed) events_.on_failed(step, last_error_);
}

// The connection ends; when there will be another one is not said yet.
void RelayLink::Leave(const std::string& reason) {
  SetState(State::kWaiting);
  failure_.clear();
  blocked_ = false;
  turn_.Stop();
  turn_end_.Stop();
  sender_.Drop();
  connection_.reset();
  timer_.Stop();
  last_error_ = reason;
}

void RelayLink::RetryLater() {
  ++tries_;
  Duration retry = NextBackoff();
  timer_.Start(retry);
  ReportDown(last_error_, retry);
}

// A token that has expired is everyday business: it is an error only when there is no other.
void RelayLink::AskForToken(const std::string& refusal) {
  Leave(refusal);
  options_.tokens->Refused([this](const TokenVerdict& verdict) {
    if (state_ != State::kWaiting) return;  // stopped meanwhile
    if (verdict.renewed) return Connect();
    last_error_ += verdict.advice;
    RetryLater();
    Failed(LinkStep::kToken);
  });
}

// Doubles from backoff_min to backoff_max; the upper half is random, so that the sidecars of a
// relay that went away do not all come back in the same instant.
Duration RelayLink::NextBackoff() {
  backoff_ = std::min(std::max(backoff_ * 2, options_.backoff_min), options_.backoff_max);
  Duration half = backoff_ / 2;
  Duration jitter = half > 0 ? static_cast<Duration>(random_() % static_cast<uint64_t>(half)) : 0;
  return std::max(options_.backoff_min, backoff_ - jitter);
}

void RelayLink::ReportDown(const std::string& reason, Duration retry) {
  std::string key = FailureKey(reason);
  LogLevel level = key == reported_error_ ? LogLevel::kDebug : LogLevel::kWarning;
  reported_error_ = key;
  if (log_.Enabled(level))
    log_.Write(level, "relay=" + url_.name + " down: " + reason + "; trying again in " +
                          DurationText(retry / kMillisecond * kMillisecond));
}

void RelayLink::FailLater(const std::string& reason) {
  if (failure_.empty()) failure_ = reason;
  turn_.Start();
}

// Best effort: when bytes wait, the close frame goes the way they go.
void RelayLink::SayClose(uint16_t code) {
  sender_.QueueFrame(WsOpcode::kClose, WsClosePayload(code));
  FlushNow();
}

// ---- The loop's calls ----

void RelayLink::OnTimer() {
  switch (state_) {
    case State::kWaiting:
      Connect();
      return;
    case State::kUpgrading:
      Down("relay " + url_.name + " does not answer the upgrade request within " +
           DurationText(options_.upgrade_timeout) + RefusalHint(0, answer_, url_, options_.email));
      return;
    case State::kUp:
      CheckPulse();
      return;
    default:
      return;
  }
}

void RelayLink::OnTurn() {
  turn_.Stop();
  if (state_ == State::kStopped) {
    std::function<void()> stopped = std::exchange(stopped_, nullptr);
    if (stopped) stopped();
    return;
  }
  if (!failure_.empty())
    Down(failure_);
  else
    Receive();
}

void RelayLink::OnReady(bool readable, bool writable) {
  if (writable && blocked_) OnWritable();
  // What was called may have ended the connection, and begun another.
  if (readable && connection_) Receive();
}

void RelayLink::CheckPulse() {
  // A process that was suspended finds its timer due and its socket full: look there first.
  Receive();
  if (!up()) return;
  const uint64_t now = uv_now(loop_);
  const uint64_t ping_every = Milliseconds(options_.ping_every);
  const uint64_t dead_after = Milliseconds(options_.dead_after);
  if (now - last_received_ >= dead_after) {
    Down("nothing received from the relay for " + DurationText(options_.dead_after));
    return;
  }
  if (now - last_ping_ >= ping_every) {
    last_ping_ = now;
    sender_.QueueFrame(WsOpcode::kPing, {});
    FlushNow();
  }
  uint64_t wait = std::min(last_ping_ + ping_every, last_received_ + dead_after) - now;
  timer_.Start(static_cast<Duration>(wait) * kMillisecond);
}

// ---- Sending ----

void RelayLink::SendAs(const std::string& id, const MessageBody& body) {
  if (!up()) return;
  sender_.QueueControl(body, id);
  if (sender_.ControlOverflow())
    FailLater("the relay takes no bytes: over " + std::to_string(kControlPendingMax >> 20) +
              " MiB of control messages wait");
  FlushSoon();
}

void RelayLink::SendBehindData(const MessageBody& body) {
  if (!up()) return;
  sender_.QueueBehindData(body);
  FlushSoon();
}

bool RelayLink::CanSendData() const { return up() && failure_.empty() && sender_.CanQueueData(); }

void RelayLink::SendData(const Data& header, const FramePtr& frame) {
  if (!up()) return;
  sender_.QueueData(header, frame);
  FlushSoon();
}

// What is more than a batch has nothing to wait for.
void RelayLink::FlushSoon() {
  if (sender_.pending() > kBatchMax) {
    FlushNow();
  } else {
    turn_end_.Start();
  }
}

// From inside the core too: what it finds is told later, by the loop.
void RelayLink::FlushNow() {
  if (blocked_ || !failure_.empty()) return;
  IoResult result = sender_.Flush([this](ByteView bytes) { return Write(bytes); });
  connection_->Push();
  if (result.status == IoResult::Status::kFailed) {
    FailLater("sending to the relay failed: " + result.error);
  } else if (result.status == IoResult::Status::kAgain) {
    blocked_ = true;
    connection_->WatchWritable(true);
  }
}

void RelayLink::FlushFromLoop() {
  const bool could = CanSendData();
  FlushNow();
  if (!could && CanSendData()) events_.on_writable();
}

void RelayLink::OnWritable() {
  blocked_ = false;
  FlushFromLoop();
  if (connection_ && !blocked_) connection_->WatchWritable(false);
}

IoResult RelayLink::Write(ByteView bytes) {
  IoResult result = connection_->Send(bytes);
  if (result.status == IoResult::Status::kDone) counters_.bytes_out += result.n;
  return result;
}

}  // namespace hotlink

// The sidecar's WebSocket to the relay (protocol.md §1): connects, upgrades, stays connected, and
// carries messages both ways. It is always read; what bounds memory is the senders' windows.
#ifndef HOTLINK_PROXY_ADAPTERS_RELAY_LINK_H_
#define HOTLINK_PROXY_ADAPTERS_RELAY_LINK_H_

#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/log.h"
#include "common/message.h"
#include "common/time.h"
#include "common/ws_frame.h"
#include "common/ws_handshake.h"
#include "net/uv_handles.h"
#include "proxy/adapters/curl_connection.h"
#include "proxy/adapters/link_sender.h"
#include "proxy/adapters/relay_link_options.h"
#include "proxy/adapters/relay_link_state.h"
#include "proxy/adapters/relay_url.h"
#include "proxy/core/link_side.h"

namespace hotlink {

// The largest message either side takes (protocol.md §1), bytes.
inline constexpr size_t kRelayMessageMax = 8 << 20;
// Received in one wake-up before the loop's other work gets its turn, bytes.
inline constexpr size_t kReceiveBudget = 4 << 20;

class RelayLink : public LinkSide, private CurlConnectionEvents {
 public:
  using State = RelayLinkState;

  // `log` outlives the link. `random`: see LinkSender.
  RelayLink(uv_loop_t* loop, RelayLinkOptions options, RelayLinkEvents events, Log& log,
            LinkSender::RandomSource random);
  // At any time outside of its own callbacks (there: Stop() and wait for `stopped`).
  ~RelayLink() override;

  // An error: the server URL is unusable; nothing was started. REQUIRES: called once.
  [[nodiscard]] std::optional<Error> Start();
  // Closes for good. `stopped` comes from the loop, may destroy the link, and is the last call.
  void Stop(std::function<void()> stopped);

  bool up() const { return state_ == State::kUp; }
  State state() const { return state_; }
  // Why the link is not up; empty before the first failure and while it is up.
  const std::string& last_error() const { return last_error_; }
  const RelayLinkCounters& counters() const { return counters_; }

  void SendControl(const MessageBody& body) override { SendAs({}, body); }
  void SendBehindData(const MessageBody& body) override;
  // The same with an id of the caller's, which the relay's Ack or Nack will name; empty: any.
  void SendAs(const std::string& id, const MessageBody& body);
  bool CanSendData() const override;
  void SendData(const Data& header, const FramePtr& frame) override;

 private:
  void OnConnected() override;
  void OnConnectFailed(const std::string& why) override;
  void OnReady(bool readable, bool writable) override;
  void OnTimer();
  void OnTurn();

  void SetState(State next);
  void Connect();
  void Down(const std::string& reason);
  void Failed(LinkStep step);
  void Leave(const std::string& reason);
  void RetryLater();
  void AskForToken(const std::string& refusal);
  Duration NextBackoff();
  void ReportDown(const std::string& reason, Duration retry);
  void TakeAnswer(ByteView bytes);
  void GoUp(Encoding encoding, ByteView first_frames);
  void CheckPulse();
  // relay_link_receiving.cc
  void Receive();
  std::string ReceiveFault(const IoResult& result) const;
  void Deliver();
  void HandleMessage(const WsParser::Event& event);
  void HandleClose(ByteView payload);
  void FlushNow();
  void FlushSoon();
  void FlushFromLoop();
  void OnWritable();
  IoResult Write(ByteView bytes);
  void FailLater(const std::string& reason);
  void SayClose(uint16_t code);

  uv_loop_t* loop_;
  RelayLinkOptions options_;
  RelayLinkEvents events_;
  Log& log_;
  LinkSender::RandomSource random_;

  State state_ = State::kIdle;
  RelayUrl url_;
  std::unique_ptr<CurlConnection> connection_;
  std::unique_ptr<WsHandshakeParser> handshake_;
  std::string answer_;  // to the upgrade request, so far
  Secret token_;        // that was sent with it
  std::unique_ptr<WsParser> parser_;
  MessageDecoder decoder_;
  LinkSender sender_;
  Timer timer_;       // the one deadline of the current state
  Idle turn_;         // work left for the loop's next turn: receiving, a failure, the end of Stop()
  TurnEnd turn_end_;  // small messages leave together
  std::string failure_;   // found while sending; told from the loop
  bool blocked_ = false;  // the socket takes nothing now; writability is watched
  std::function<void()> stopped_;

  Duration backoff_ = 0;
  int tries_ = 0;                                              // failed since the link was last up
  uint64_t up_since_ = 0, last_received_ = 0, last_ping_ = 0;  // uv_now(), milliseconds
  bool system_seen_ = false;
  std::string last_error_, reported_error_;
  RelayLinkCounters counters_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_RELAY_LINK_H_

// One accepted connection: a request, then its answer, or a WebSocket until one side ends it.
//
// kRequest -> kWebSocket -> kEnding -> kGone. In kEnding its last words are sent, then it waits for
// the other side's end, so that these arrive; every state may go to kEnding or kGone. kRequest and
// kEnding have a limit in time.
#ifndef HOTLINK_RELAY_CLIENT_H_
#define HOTLINK_RELAY_CLIENT_H_

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes.h"
#include "common/ws_frame.h"
#include "net/uv_handles.h"
#include "relay/core/http_request.h"
#include "relay/core/http_routes.h"
#include "relay/core/peer.h"
#include "relay/core/wire_message.h"
#include "relay/stream.h"

namespace hotlink {

class Client;

// What a client asks of its owner. None of these may destroy it.
class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  virtual HttpReply OnRequest(Client& client, const HttpRequest& request) = 0;
  virtual void OnOpen(Client& client, const Upgrade& upgrade) = 0;
  virtual void OnMessage(Client& client, const WireMessagePtr& message) = 0;
  // The next one to write; null: none.
  virtual WireMessagePtr NextMessage(Client& client) = 0;
  // The WebSocket is over: no more of the above. `fault`: what the other side did wrong; or empty.
  virtual void OnClosed(Client& client, const std::string& fault) = 0;
  // Nothing more comes from it.
  virtual void OnGone(Client& client) = 0;
};

class Client {
 public:
  // Owns `fd` (non-blocking), which `stream` goes through. `address`: the other side's, for
  // OnRequest(). `events` outlives the client.
  Client(uv_loop_t* loop, int fd, std::unique_ptr<Stream> stream, std::string address,
         ClientEvents* events);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Writes what there is to write.
  void Flush();
  // Whether messages are taken from it.
  void SetReading(bool reading);
  // Ends at once.
  void Cut() { Gone(); }
  // Ends the WebSocket with this code (RFC 6455 §7.4.1), or whatever else it is, as far as the
  // socket takes it now.
  void GoAway();

  const std::string& address() const { return address_; }

  ConnId conn = 0;  // the owner's number of its WebSocket; 0: none is open

 private:
  enum class State { kRequest, kWebSocket, kEnding, kGone };

  void OnSocket(int status, int events);
  void Read();
  void TakeRequest(ByteView bytes);
  void TakeFrames();
  void TakeControl(const WsParser::Event& event);
  void Say(ByteView words);
  void SayFrame(WsOpcode opcode, ByteView payload);
  void Close(uint16_t code, const std::string& fault);
  void End();
  bool Gather();
  void Sent(size_t n);
  void Watch();
  void LeaveWebSocket(const std::string& fault);
  void Gone();

  ClientEvents* events_;
  std::string address_;
  Poll poll_;
  std::unique_ptr<Stream> stream_;
  State state_ = State::kRequest;
  std::optional<HttpRequestParser> request_{std::in_place};
  WsParser parser_;
  Timer limit_;
  Idle turn_;  // goes on reading in the loop's next turn, whatever the socket says
  bool reading_ = true;
  bool blocked_ = false;  // the socket takes no more for now
  bool said_ = false;     // kEnding: everything

  // What is being sent, and what it lies in; our own words among it come first.
  std::vector<ByteView> pieces_;
  std::vector<WireMessagePtr> messages_;
  Bytes words_;
  Bytes next_words_;  // our own, for when all of that is sent
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CLIENT_H_

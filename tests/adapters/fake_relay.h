// A WebSocket server on raw sockets that does what a test tells it to, well or badly. It shares no
// code with the client but the message codec.
#ifndef HOTLINK_TESTS_ADAPTERS_FAKE_RELAY_H_
#define HOTLINK_TESTS_ADAPTERS_FAKE_RELAY_H_

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/message.h"
#include "net/uv_handles.h"

namespace hotlink {

struct ClientFrame {
  int opcode = 0;
  Bytes payload;  // unmasked
};

class FakeRelay {
 public:
  // Listens on 127.0.0.1, port 0 is any free one.
  explicit FakeRelay(uv_loop_t* loop, uint16_t port = 0);
  ~FakeRelay();

  std::string url(const std::string& scheme = "http") const;
  uint16_t port() const { return port_; }

  // ---- what it does ----
  std::string encoding = "msgpack";  // of X-Syft-WS-Encoding; empty: no such header
  // Instead of the 101: gets the request, gives the bytes to answer with.
  std::function<std::string(const std::string& request)> answer;
  std::string after_upgrade;  // bytes sent in one piece with the 101
  bool reading = true;        // see StopReading()
  void StopReading();
  void GoOnReading();

  void Send(const std::string& bytes);  // to the latest connection, as it is
  void SendFrame(int opcode, ByteView payload, bool final = true);
  void SendMessage(const MessageBody& body);  // in `encoding`
  void Fin();                                 // ends the latest connection
  void Cut();                                 // the same by RST
  void StopListening();

  // ---- what it saw ----
  std::vector<std::string> requests;  // up to the blank line
  std::vector<ClientFrame> frames;    // of all connections, in order
  std::vector<std::string> errors;    // what a client must not do (unmasked frames …)
  uint64_t bytes_received = 0;
  int connections = 0;
  bool ended = false;  // the client ended the latest connection
  int Count(int opcode) const;
  const ClientFrame* Last(int opcode) const;

  // A correct 101 for the request, without the blank line.
  std::string Upgrade(const std::string& request) const;

 private:
  void OnConnection();
  void OnBytes();
  void OnRoom();
  void ParseFrames();
  bool ParseFrame();

  uv_loop_t* loop_;
  int listen_fd_ = -1, fd_ = -1;
  uint16_t port_ = 0;
  std::unique_ptr<Poll> listen_poll_, poll_;
  bool upgraded_ = false;
  std::string in_, out_;
};

// The header and payload of an unmasked server frame.
std::string ServerFrame(int opcode, ByteView payload, bool final = true);

}  // namespace hotlink

#endif  // HOTLINK_TESTS_ADAPTERS_FAKE_RELAY_H_

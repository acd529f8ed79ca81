#include "tests/adapters/fake_relay.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace hotlink {
namespace {

constexpr char kWebSocketGuid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 §1.3
// Small, so that a client soon meets a full socket.
constexpr int kReceiveBuffer = 64 << 10;

std::string Header(const std::string& request, const std::string& name) {
  size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  at += name.size() + 4;
  return request.substr(at, request.find("\r\n", at) - at);
}

std::string AcceptKey(const std::string& key) {
  std::string text = key + kWebSocketGuid;
  sha1_ctx context;
  sha1_init(&context);
  sha1_update(&context, text.size(), reinterpret_cast<const uint8_t*>(text.data()));
  uint8_t digest[SHA1_DIGEST_SIZE];
  sha1_digest(&context, sizeof digest, digest);
  char out[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE)];
  base64_encode_raw(out, sizeof digest, digest);
  return std::string(out, sizeof out);
}

}  // namespace

FakeRelay::FakeRelay(uv_loop_t* loop, uint16_t port) : loop_(loop) {
  listen_fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1, buffer = kReceiveBuffer;
  setsockopt(listen_fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listen_fd_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  REQUIRE(bind(listen_fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listen_fd_, 16) == 0);
  socklen_t size = sizeof address;
  getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  listen_poll_ = std::make_unique<Poll>(loop_, listen_fd_, Poll::Fd::kOwned,
                                        [this](int, int) { OnConnection(); });
  listen_poll_->Watch(UV_READABLE);
}

FakeRelay::~FakeRelay() = default;

std::string FakeRelay::url(const std::string& scheme) const {
  return scheme + "://127.0.0.1:" + std::to_string(port_);
}

void FakeRelay::OnConnection() {
  int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  ++connections;
  fd_ = fd;
  in_.clear();
  out_.clear();
  upgraded_ = ended = false;
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  poll_ = std::make_unique<Poll>(loop_, fd, Poll::Fd::kOwned, [this](int status, int events) {
    if (status < 0 || (events & UV_READABLE) != 0) OnBytes();
    if (poll_ && status == 0 && (events & UV_WRITABLE) != 0) OnRoom();
  });
  poll_->Watch(reading ? UV_READABLE : 0);
}

void FakeRelay::StopReading() {
  reading = false;
  if (poll_) poll_->Watch(out_.empty() ? 0 : UV_WRITABLE);
}

void FakeRelay::GoOnReading() {
  reading = true;
  if (poll_) poll_->Watch(UV_READABLE | (out_.empty() ? 0 : UV_WRITABLE));
}

void FakeRelay::StopListening() { listen_poll_.reset(); }

void FakeRelay::OnBytes() {
  char buffer[64 << 10];
  ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    ended = true;
    poll_.reset();
    return;
  }
  bytes_received += static_cast<uint64_t>(n);
  in_.append(buffer, static_cast<size_t>(n));
  if (!upgraded_) {
    size_t end = in_.find("\r\n\r\n");
    if (end == std::string::npos && !answer) return;
    std::string request = in_.substr(0, end);
    requests.push_back(request);
    in_.erase(0, end == std::string::npos ? end : end + 4);
    upgraded_ = true;
    Send(answer ? answer(request) : Upgrade(request) + "\r\n" + after_upgrade);
  }
  ParseFrames();
}

std::string FakeRelay::Upgrade(const std::string& request) const {
  std::string text =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      AcceptKey(Header(request, "Sec-WebSocket-Key")) + "\r\n";
  if (!encoding.empty()) text += "X-Syft-WS-Encoding: " + encoding + "\r\n";
  return text;
}

void FakeRelay::ParseFrames() {
  while (ParseFrame()) {
  }
}

bool FakeRelay::ParseFrame() {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(in_[i]); };
  if (in_.size() < 2) return false;
  size_t length = byte(1) & 0x7F, header = 2;
  size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (in_.size() < header + extra + 4) return false;
  if (extra > 0) {
    length = 0;
    for (size_t i = 0; i < extra; ++i) length = length << 8 | byte(header + i);
    header += extra;
  }
  if ((byte(1) & 0x80) == 0) errors.push_back("frame without mask");
  if ((byte(0) & 0xF0) != 0x80) errors.push_back("frame not final, or with reserved bits");
  if (in_.size() < header + 4 + length) return false;
  ClientFrame frame;
  frame.opcode = byte(0) & 0xF;
  frame.payload.resize(length);
  for (size_t i = 0; i < length; ++i)
    frame.payload[i] = byte(header + 4 + i) ^ byte(header + i % 4);
  frames.push_back(std::move(frame));
  in_.erase(0, header + 4 + length);
  return true;
}

void FakeRelay::Send(const std::string& bytes) {
  out_ += bytes;
  OnRoom();
}

void FakeRelay::OnRoom() {
  if (!poll_) return;
  while (!out_.empty()) {
    ssize_t n = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    out_.erase(0, static_cast<size_t>(n));
  }
  poll_->Watch((reading ? UV_READABLE : 0) | (out_.empty() ? 0 : UV_WRITABLE));
}

void FakeRelay::SendFrame(int opcode, ByteView payload, bool final) {
  Send(ServerFrame(opcode, payload, final));
}

void FakeRelay::SendMessage(const MessageBody& body) {
  const bool json = encoding != "msgpack";
  Bytes bytes;
  EncodeMessage(json ? Encoding::kJson : Encoding::kMsgpack, Message{"r1", body}, &bytes);
  SendFrame(json ? 1 : 2, bytes);
}

void FakeRelay::Fin() { poll_.reset(); }

void FakeRelay::Cut() {
  linger value{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &value, sizeof value);
  poll_.reset();
}

int FakeRelay::Count(int opcode) const {
  int n = 0;
  for (const ClientFrame& frame : frames) n += frame.opcode == opcode ? 1 : 0;
  return n;
}

const ClientFrame* FakeRelay::Last(int opcode) const {
  for (auto it = frames.rbegin(); it != frames.rend(); ++it)
    if (it->opcode == opcode) return &*it;
  return nullptr;
}

std::string ServerFrame(int opcode, ByteView payload, bool final) {
  std::string out(1, static_cast<char>((final ? 0x80 : 0) | opcode));
  size_t extra = payload.size() < 126 ? 0 : payload.size() <= 0xFFFF ? 2 : 8;
  out += static_cast<char>(extra == 0 ? payload.size() : extra == 2 ? 126 : 127);
  for (size_t i = extra; i > 0; --i) out += static_cast<char>(payload.size() >> 8 * (i - 1));
  out += AsText(payload);
  return out;
}

}  // namespace hotlink

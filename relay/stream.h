// A connected socket that bytes go through, plain or with TLS. Non-blocking; the descriptor belongs
// to somebody else and lives longer.
#ifndef HOTLINK_RELAY_STREAM_H_
#define HOTLINK_RELAY_STREAM_H_

#include <cstdint>
#include <memory>
#include <span>

#include "common/bytes.h"
#include "net/io_result.h"
#include "relay/tls_context.h"

namespace hotlink {

class Stream {
 public:
  virtual ~Stream() = default;
  virtual IoResult Receive(std::span<uint8_t> into) = 0;
  // The pieces one after the other, as far as they go. After kAgain they are to be given again
  // (more may follow them).
  virtual IoResult Send(std::span<const ByteView> pieces) = 0;
  // Due after the last Send() of several: what is held back to be sent in one goes now.
  virtual void Push() = 0;
  // Received bytes wait in here: the socket's readiness does not tell of them.
  virtual bool HoldsBytes() const = 0;
  // Receiving goes on only when the socket can be written to (TLS, while it is being set up).
  virtual bool ReceiveWantsWritable() const = 0;
  // Our side is at its end.
  virtual void End() = 0;
};

std::unique_ptr<Stream> PlainStream(int fd);
// The server's side of TLS. Null: OpenSSL has no memory for it.
std::unique_ptr<Stream> TlsStream(int fd, const TlsContext& context);

}  // namespace hotlink

#endif  // HOTLINK_RELAY_STREAM_H_

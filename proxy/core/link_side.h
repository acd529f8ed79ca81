// The seam between the core and the relay's WebSocket. Real: adapters/relay_link. Fake: tests/sim.
#ifndef HOTLINK_PROXY_CORE_LINK_SIDE_H_
#define HOTLINK_PROXY_CORE_LINK_SIDE_H_

#include "common/message.h"
#include "proxy/core/frame.h"

namespace hotlink {

// All calls come from inside a call into the core and never call back into it.
class LinkSide {
 public:
  virtual ~LinkSide() = default;

  // Sends anything but Data; goes before Data that has not begun to leave. Taken always while the
  // link is up (the core paces itself), dropped without a word while it is down.
  virtual void SendControl(const MessageBody& body) = 0;

  // The same, but behind the Data that was given before: an echo says of it that it was taken.
  virtual void SendBehindData(const MessageBody& body) { SendControl(body); }

  // Whether another Data frame is taken now. When false, the core is told by LinkWritable() once
  // it is true again.
  virtual bool CanSendData() const = 0;

  // Sends `header` with the frame's payload (header.payload is not read). The link shares the
  // frame until its bytes have left, and shows that as frame->queued.
  // REQUIRES: CanSendData() and !frame->queued.
  virtual void SendData(const Data& header, const FramePtr& frame) = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_LINK_SIDE_H_

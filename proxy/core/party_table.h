// Which channel each of the party's connections belongs to.
#ifndef HOTLINK_PROXY_CORE_PARTY_TABLE_H_
#define HOTLINK_PROXY_CORE_PARTY_TABLE_H_

#include <span>
#include <string>
#include <unordered_map>

#include "proxy/core/channel_host.h"
#include "proxy/core/party_side.h"

namespace hotlink {

// Forwards to the party's sockets and forgets the ids that end.
class PartyTable : public PartySide {
 public:
  explicit PartyTable(PartySide& party) : party_(party) {}
  void Add(ConnId conn, ChannelId channel) { channels_[conn] = channel; }
  void Forget(ConnId conn) { channels_.erase(conn); }
  ChannelId ChannelOf(ConnId conn) const {
    const auto found = channels_.find(conn);
    return found == channels_.end() ? 0 : found->second;
  }

  ConnId Dial(const std::string& address) override { return party_.Dial(address); }
  PartyState Peek(ConnId conn) override { return party_.Peek(conn); }
  PartyRead Read(ConnId conn, std::span<uint8_t> into) override { return party_.Read(conn, into); }
  PartyWrite Write(ConnId conn, ByteView bytes) override { return party_.Write(conn, bytes); }
  void ShutdownWrite(ConnId conn) override { party_.ShutdownWrite(conn); }
  size_t Unacknowledged(ConnId conn) override { return party_.Unacknowledged(conn); }
  void Watch(ConnId conn, PartyInterest interest) override { party_.Watch(conn, interest); }
  void Close(ConnId conn) override {
    channels_.erase(conn);
    party_.Close(conn);
  }
  void Reset(ConnId conn) override {
    channels_.erase(conn);
    party_.Reset(conn);
  }

 private:
  PartySide& party_;
  std::unordered_map<ConnId, ChannelId> channels_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_PARTY_TABLE_H_

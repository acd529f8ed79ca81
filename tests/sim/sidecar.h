// One sidecar: the core as a process that lives, dies and comes back, with its sockets, its link
// and its clock. Checks that the core keeps to the seams' contracts.
#ifndef HOTLINK_TESTS_SIM_SIDECAR_H_
#define HOTLINK_TESTS_SIM_SIDECAR_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/core/core.h"
#include "tests/sim/judge.h"
#include "tests/sim/ledger.h"
#include "tests/sim/scenario.h"
#include "tests/sim/server_model.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/tcp_connection.h"
#include "tests/sim/wire_watch.h"

namespace hotlink::sim {

// What all sidecars of a run share.
struct Shared {
  Context& context;
  Ledger& ledger;
  WireWatch& watch;
  Judge& judge;
  ServerModel& server;
};

class Sidecar : public PartySide, public SimLink::Owner, public Log {
 public:
  // A program of the party at that side of a channel takes a connection, or nobody listens: null.
  struct Taken {
    std::shared_ptr<TcpConnection> tcp;
    ConnectionRecord* record = nullptr;
  };
  using Listener = std::function<Taken(int channel, int side)>;

  Sidecar(Shared shared, Rng rng, SidecarPlan plan, Listener listener);
  ~Sidecar() override;

  // A channel's marker, as long as the sidecar or the next process of it finds it.
  void SetMarker(int channel, int side, const ChannelSpec& spec);
  void RemoveMarker(int channel);
  bool MarkerGone(int channel) const;  // and the channel's object with it

  void Start();
  void Kill();
  void Stop();    // SIGTERM: drains, then ends
  void Freeze();  // SIGSTOP: its sockets stay, and nobody serves them
  bool running() const { return core_ != nullptr; }

  bool Listens(int channel) const;
  // REQUIRES: Listens(channel).
  void Incoming(int channel, std::shared_ptr<TcpConnection> tcp, ConnectionRecord* record);

  SimLink* link() { return link_.get(); }
  void Calm();
  size_t connections() const { return held_.size(); }
  uint64_t ticks() const { return ticks_; }
  std::string StatusText(int channel) const;
  // REQUIRES: running(), and the channel has a marker.
  ChannelStatus Status(int channel) const;
  void Look();  // somebody asks for the status
  void SetListening(int channel, ListenState state);
  // Bytes wait for the window, or connections for the peer's epoch.
  bool WaitsForPeer(int channel) const;

 private:
  struct Marker {
    int side = 0;
    ChannelSpec spec;
    ChannelId id = 0;  // 0: no object in this process
    bool removed = false;
  };
  struct Held {  // an accepted connection
    std::shared_ptr<TcpConnection> tcp;
    ConnectionRecord* record = nullptr;
    PartyInterest interest;
    bool told_fin = false, told_reset = false;
    bool scheduled = false;  // PartyReady() is on its way
    bool dialled = false;
    bool useful = false;  // the core did something with it since the last PartyReady()
    int useless = 0;      // PartyReady() in a row without effect
  };

  void Enter(const std::function<void()>& call);  // a call into the core
  void AddChannel(Marker* marker);
  void Arm();
  void TimerFired(Time when);
  void CountTick(Time now);
  void CheckMemory();
  bool Ready(const Held& held) const;
  void Evaluate(ConnId conn);
  void TellReady(ConnId conn);
  Held* Find(ConnId conn, const char* call);
  void SawEof(Held* held);
  void Dialled(ConnId conn, int channel);
  bool SentNothing(const Held& held) const;
  void Release(ConnId conn);
  void End();
  Duration LoopDelay() { return rng_.Between(0, plan_.loop_delay); }

  // PartySide
  ConnId Dial(const std::string& address) override;
  PartyState Peek(ConnId conn) override;
  PartyRead Read(ConnId conn, std::span<uint8_t> into) override;
  PartyWrite Write(ConnId conn, ByteView bytes) override;
  void ShutdownWrite(ConnId conn) override;
  size_t Unacknowledged(ConnId conn) override;
  void Watch(ConnId conn, PartyInterest interest) override;
  void Close(ConnId conn) override;
  void Reset(ConnId conn) override;
  // SimLink::Owner
  void LinkIsUp() override;
  void LinkIsDown() override;
  void LinkTakesData() override;
  void Arrived(const LetterPtr& letter) override;
  void Sending(Letter* letter) override;
  // Log
  bool Enabled(LogLevel) const override { return shared_.context.traced(); }
  void Write(LogLevel level, std::string_view text) override;

  Shared shared_;
  Rng rng_;
  SidecarPlan plan_;
  Listener listener_;
  Sender self_;
  std::map<int, Marker> markers_;  // by channel
  std::unique_ptr<SimLink> link_;
  std::unique_ptr<Core> core_;
  std::map<ConnId, Held> held_;
  std::map<ConnId, int> dialling_;         // the channel
  ConnId next_dialled_ = ConnId{1} << 40;  // apart from the ledger's numbers
  bool frozen_ = false;
  bool in_core_ = false, draining_ = false, calm_ = false;
  Time timer_at_ = kNever, drain_started_ = kNever;
  Time second_ = 0, last_tick_ = 0;
  uint64_t ticks_ = 0, ticks_in_second_ = 0, ticks_at_once_ = 0, entries_ = 0;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_SIDECAR_H_

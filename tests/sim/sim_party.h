// The program of a party: runs one script on one TCP connection.
#ifndef HOTLINK_TESTS_SIM_SIM_PARTY_H_
#define HOTLINK_TESTS_SIM_SIM_PARTY_H_

#include <functional>
#include <memory>

#include "tests/sim/context.h"
#include "tests/sim/ledger.h"
#include "tests/sim/scenario.h"
#include "tests/sim/tcp_connection.h"

namespace hotlink::sim {

class SimParty : public std::enable_shared_from_this<SimParty> {
 public:
  // `ended`: called once, when the party has closed or seen a RST.
  SimParty(Context& context, Script script, std::shared_ptr<TcpConnection> tcp,
           ConnectionRecord* record, std::function<void()> ended);

  void Start();
  void Hurry();        // no more pauses
  void Finish();       // ends as soon as it has written everything
  void Silence();      // writes nothing more
  void StopReading();  // from now on
  void EndWriting();   // shuts its write side down
  void Quit();         // aborts
  const ConnectionRecord& record() const { return *record_; }
  bool wrote_all() const { return record_->written >= script_.write_total; }

 private:
  void Step();
  bool ReadSome();
  bool WriteSome();
  void EndIfDone();
  void WakeAt(Time when);
  void Abort();
  void Close();
  void Over();

  Context& context_;
  Script script_;
  std::shared_ptr<TcpConnection> tcp_;
  ConnectionRecord* record_;
  std::function<void()> ended_;
  Time started_ = 0, wake_at_ = kNever;
  Time next_write_ = 0, next_read_ = 0;
  Time shut_at_ = kNever;
  bool finishing_ = false, shut_ = false, saw_eof_ = false, over_ = false;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_SIM_PARTY_H_

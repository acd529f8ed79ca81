// What the server model does to its connections, passed on to the sidecars that have them.
#ifndef HOTLINK_TESTS_SIM_SERVER_CLIENTS_H_
#define HOTLINK_TESTS_SIM_SERVER_CLIENTS_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/context.h"
#include "tests/sim/server_model.h"
#include "tests/sim/sidecar.h"

namespace hotlink::sim {

class ServerClients : public ServerModel::Outside {
 public:
  // Both outlive it.
  ServerClients(Context& context, const std::vector<std::unique_ptr<Sidecar>>& sidecars)
      : context_(context), sidecars_(sidecars) {}

  void Forwarded(ServerModel::ConnectionId connection, const LetterPtr& letter) override {
    if (SimLink* link = LinkOf(connection)) link->Forwarded(letter);
  }
  void Ended(ServerModel::ConnectionId connection) override {
    if (SimLink* link = LinkOf(connection)) link->EndedByServer();
  }
  void CrashedByClients(const std::string& how) override { context_.Fail("crash rule (b)", how); }

 private:
  SimLink* LinkOf(ServerModel::ConnectionId connection) const {
    for (const auto& sidecar : sidecars_) {
      SimLink* link = sidecar->link();
      if (link != nullptr && link->connection() == connection) return link;
    }
    return nullptr;
  }

  Context& context_;
  const std::vector<std::unique_ptr<Sidecar>>& sidecars_;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_SERVER_CLIENTS_H_

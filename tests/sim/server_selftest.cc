#include "tests/sim/server_selftest.h"

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/server_model.h"

namespace hotlink::sim {
namespace {

using Id = ServerModel::ConnectionId;

const char kPath[] = "a@sim/flows/_mpc/0_to_1/stream.tcp.request";

// A server with clients whose messages are kept as text: "Open s1", "Data s1 #3", …
class Bench : public ServerModel::Outside {
 public:
  explicit Bench(ServerConfig config = Quiet()) : server(context, Rng(7), config, *this) {}

  static ServerConfig Quiet() {
    ServerConfig config;
    config.workers = 1;
    config.service_min = config.service_max = 10;
    return config;
  }

  Id Join(const std::string& user, Duration write_gap = 1) {
    const Id id = server.Connect(user, write_gap);
    Pass();
    got[id].clear();  // the System message
    return id;
  }
  void Send(Id from, const MessageBody& body) { server.Receive(from, MakeLetter(body)); }
  void SendNow(Id from, const MessageBody& body) {
    Send(from, body);
    Pass();
  }
  void Pass(Duration time = kSecond) {
    const Time until = context.now() + time;
    while (context.queue.RunOne(until)) {
    }
  }
  // a opens `sid` to b, b accepts.
  void Session(Id a, Id b, const char* sid = "s1") {
    SendNow(a, Open{sid, kPath, "", "b@sim"});
    SendNow(b, Accept{sid});
    got.clear();
  }
  std::string Got(Id id) {
    std::string all;
    for (const std::string& text : got[id]) all += (all.empty() ? "" : ", ") + text;
    return all;
  }

  void Forwarded(Id to, const LetterPtr& letter) override {
    std::string text = Describe(*letter);
    if (letter->type == MessageType::kOpen) text += " from " + letter->from;
    got[to].push_back(text);
  }
  void Ended(Id id) override { ended.push_back(id); }
  void CrashedByClients(const std::string& how) override { crashed = how; }

  Context context{false};
  ServerModel server;
  std::map<Id, std::vector<std::string>> got;
  std::vector<Id> ended;
  std::string crashed;
};

Data Bytes(const char* sid, uint64_t seq) { return {sid, seq, kPath, "1", AsBytes("x")}; }
Signal Ping(const char* sid) { return {sid, "flow_ping", {}, "{}", ""}; }

struct Check {
  const char* sentence;
  std::function<bool()> holds;
};

std::vector<Check> OpenChecks() {
  return {
      {"an Open goes to every connection of the user meant, with frm, and not to its own user",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), a2 = t.Join("a@sim"), b = t.Join("b@sim");
         const Id b2 = t.Join("b@sim"), c = t.Join("c@sim");
         t.SendNow(a, Open{"s1", kPath, "", "b@sim"});
         const std::string open = std::string("Open s1 ") + kPath + " from a@sim";
         return t.Got(b) == open && t.Got(b2) == open && t.Got(a2).empty() && t.Got(c).empty();
       }},
      {"an Open to everybody reaches all other users",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim"), c = t.Join("c@sim");
         t.SendNow(a, Open{"s1", kPath, "", ""});
         return t.got[b].size() == 1 && t.got[c].size() == 1 && t.got[a].empty();
       }},
      {"an Open on another's path is denied, and makes no session",
       [] {
         Bench t;
         const Id b = t.Join("b@sim"), a = t.Join("a@sim");
         t.SendNow(b, Open{"s1", kPath, "", "a@sim"});
         const bool denied = t.Got(b) == "Reject s1 'permission denied'" && t.Got(a).empty();
         t.got.clear();
         t.SendNow(a, Accept{"s1"});
         return denied && t.Got(a) == "Reject s1 'unknown session'";
       }},
      {"an Open to a user who is not connected is not answered",
       [] {
         Bench t;
         const Id a = t.Join("a@sim");
         t.SendNow(a, Open{"s1", kPath, "", "b@sim"});
         return t.Got(a).empty();
       }},
      {"a broadcast is dropped silently where the send queue is full",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.server.Stall(b);
         for (int n = 0; n < 300; ++n) t.SendNow(a, Open{"s1", kPath, "", "b@sim"});
         return t.server.QueuedTowards(b) == kServerQueue && t.server.CanConnect();
       }},
  };
}

std::vector<Check> AcceptChecks() {
  return {
      {"an Accept goes to the connection that opened",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), a2 = t.Join("a@sim"), b = t.Join("b@sim");
         t.SendNow(a, Open{"s1", kPath, "", "b@sim"});
         t.SendNow(b, Accept{"s1"});
         return t.Got(a) == "Accept s1" && t.Got(a2).empty();
       }},
      {"an Accept for an unknown session is rejected: the echo",
       [] {
         Bench t;
         const Id b = t.Join("b@sim");
         t.SendNow(b, Accept{"nobody"});
         return t.Got(b) == "Reject nobody 'unknown session'";
       }},
      {"a second user's Accept of a stream is rejected, the same user's is not",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim"), c = t.Join("c@sim");
         t.Session(a, b);
         t.SendNow(c, Accept{"s1"});
         t.SendNow(b, Accept{"s1"});
         return t.Got(c) == "Reject s1 'already accepted'" && t.Got(b).empty() &&
                t.Got(a) == "Accept s1";
       }},
      {"after a reconnect of the sender its Accepts go nowhere until it opens again",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.SendNow(a, Open{"s1", kPath, "", "b@sim"});
         t.server.Disconnect(a);
         const Id again = t.Join("a@sim");
         t.SendNow(b, Accept{"s1"});
         const bool stale = t.Got(again).empty();
         t.SendNow(again, Open{"s1", kPath, "", "b@sim"});
         t.SendNow(b, Accept{"s1"});
         return stale && t.Got(again) == "Accept s1";
       }},
      {"a Reject of a receiver goes to the sender",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.SendNow(a, Open{"s1", kPath, "", "b@sim"});
         t.SendNow(b, Reject{"s1", "no"});
         return t.Got(a) == "Reject s1 'no'";
       }},
  };
}

std::vector<Check> DataChecks() {
  return {
      {"Data reaches all accepted connections, and none that has not accepted",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim"), b2 = t.Join("b@sim");
         t.SendNow(a, Open{"s1", kPath, "", "b@sim"});
         t.got.clear();
         t.SendNow(a, Bytes("s1", 1));
         const bool dropped = t.Got(b).empty();
         t.SendNow(b, Accept{"s1"});
         t.SendNow(a, Bytes("s1", 2));
         return dropped && t.Got(b) == "Data s1 seq=2 etg=1 bytes=1" && t.Got(b2).empty();
       }},
      {"Data from anyone but the sender's user is dropped silently",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim"), c = t.Join("c@sim");
         t.Session(a, b);
         t.SendNow(b, Bytes("s1", 1));
         t.SendNow(c, Bytes("s1", 2));
         return t.Got(a).empty() && t.Got(b).empty() && t.Got(c).empty();
       }},
      {"Data of an unknown session is rejected",
       [] {
         Bench t;
         const Id a = t.Join("a@sim");
         t.SendNow(a, Bytes("s9", 1));
         return t.Got(a) == "Reject s9 'unknown session'";
       }},
      {"after a reconnect of the receiver Data goes to the old connection until it accepts anew",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.Session(a, b);
         t.server.Disconnect(b);
         const Id again = t.Join("b@sim");
         t.SendNow(a, Bytes("s1", 1));
         const bool lost = t.Got(again).empty() && t.Got(a).empty();
         t.SendNow(again, Accept{"s1"});
         t.SendNow(a, Bytes("s1", 2));
         return lost && t.Got(again) == "Data s1 seq=2 etg=1 bytes=1";
       }},
      {"a Close of the sender is forwarded and deletes the session",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.Session(a, b);
         t.SendNow(a, Close{"s1", "done"});
         t.SendNow(a, Bytes("s1", 1));
         return t.Got(b) == "Close s1 'done'" && t.Got(a) == "Reject s1 'unknown session'";
       }},
      {"a Close of a receiver is forwarded to the sender and takes it off the list",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.Session(a, b);
         t.SendNow(b, Close{"s1", "done"});
         t.SendNow(a, Bytes("s1", 1));
         return t.Got(a) == "Close s1 'done'" && t.Got(b).empty();
       }},
  };
}

std::vector<Check> SignalChecks() {
  return {
      {"a Signal of the sender goes to the accepted, one of an accepted to the sender",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.Session(a, b);
         t.SendNow(a, Ping("s1"));
         t.SendNow(b, Ping("s1"));
         return t.Got(b) == "flow_ping s1 {}" && t.Got(a) == "flow_ping s1 {}";
       }},
      {"a Signal before its own Accept is dropped without an answer",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.SendNow(a, Open{"s1", kPath, "", "b@sim"});
         t.got.clear();
         t.SendNow(b, Ping("s1"));
         return t.Got(a).empty() && t.Got(b).empty();
       }},
      {"a Signal of an unknown session is answered by quic_error",
       [] {
         Bench t;
         const Id a = t.Join("a@sim");
         t.SendNow(a, Ping("s9"));
         return t.Got(a) == "quic_error s9 unknown session";
       }},
  };
}

std::vector<Check> QueueChecks() {
  return {
      {"a receive queue of 256: what comes above it is lost silently",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.Session(a, b);
         for (uint64_t n = 1; n <= 400; ++n) t.Send(a, Bytes("s1", n));
         t.Pass();
         return t.got[b].size() == kServerQueue + 1 && t.got[a].empty();
       }},
      {"a full send queue blocks its worker, and nobody can connect meanwhile",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim", 10 * kMillisecond);
         t.Session(a, b);
         for (uint64_t n = 1; n <= 200; ++n) t.Send(a, Bytes("s1", n));
         t.Pass(5 * kMillisecond);
         for (uint64_t n = 1; n <= 200; ++n) t.Send(a, Bytes("s1", 200 + n));
         t.Pass(5 * kMillisecond);
         const bool blocked = !t.server.CanConnect();
         t.Pass(10 * kSecond);
         return blocked && t.server.CanConnect() && t.got[b].size() == 400;
       }},
      {"several workers let messages overtake each other, one does not",
       [] {
         const auto in_order = [](int workers) {
           ServerConfig config = Bench::Quiet();
           config.workers = workers;
           config.service_max = 1000;
           Bench t(config);
           const Id a = t.Join("a@sim"), b = t.Join("b@sim");
           t.Session(a, b);
           for (uint64_t n = 1; n <= 100; ++n) t.Send(a, Bytes("s1", n));
           t.Pass();
           for (uint64_t n = 1; n <= 100; ++n) {
             const std::string text = "Data s1 seq=" + std::to_string(n) + " etg=1 bytes=1";
             if (t.got[b].size() != 100 || t.got[b][n - 1] != text) return false;
           }
           return true;
         };
         return in_order(1) && !in_order(3);
       }},
  };
}

std::vector<Check> CrashChecks() {
  return {
      {"crash rule (a): a loaded connection that ends",
       [] {
         ServerConfig config = Bench::Quiet();
         config.crash_on_cut = 1000000;
         Bench t(config);
         const Id a = t.Join("a@sim"), b = t.Join("b@sim", kSecond);
         t.server.Disconnect(t.Join("c@sim"));
         const bool idle_holds = t.ended.empty();
         t.SendNow(a, Open{"s1", kPath, "", "b@sim"});
         t.Send(a, Open{"s2", kPath, "", "b@sim"});
         t.Pass(100);
         t.server.Disconnect(b);
         return idle_holds && t.ended == std::vector<Id>{a} && t.crashed.empty();
       }},
      {"crash rule (b): an Accept under Data, or a receiver's Close under a Signal",
       [] {
         ServerConfig config = Bench::Quiet();
         config.workers = 2;
         Bench t(config), u(config);
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.Session(a, b);
         t.Send(a, Bytes("s1", 1));
         t.SendNow(b, Accept{"s1"});
         const Id c = u.Join("a@sim"), d = u.Join("b@sim");
         u.Session(c, d);
         u.Send(d, Close{"s1", ""});
         u.SendNow(c, Ping("s1"));
         return !t.crashed.empty() && t.ended.size() == 2 && !u.crashed.empty();
       }},
      {"no crash by another session's Accept, nor by a sender's Close",
       [] {
         ServerConfig config = Bench::Quiet();
         config.workers = 2;
         Bench t(config);
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.Session(a, b);
         t.SendNow(a, Open{"s2", kPath, "", "b@sim"});
         t.Send(a, Bytes("s1", 1));
         t.SendNow(b, Accept{"s2"});
         t.Send(a, Bytes("s1", 2));
         t.SendNow(a, Close{"s1", ""});
         return t.crashed.empty();
       }},
      {"a restart forgets every session",
       [] {
         Bench t;
         const Id a = t.Join("a@sim"), b = t.Join("b@sim");
         t.Session(a, b);
         t.server.Restart("told to");
         const bool down = !t.server.CanConnect() && t.ended.size() == 2;
         t.Pass();
         const Id again = t.Join("a@sim");
         t.SendNow(again, Bytes("s1", 1));
         return down && t.Got(again) == "Reject s1 'unknown session'";
       }},
  };
}

}  // namespace

bool ServerSelftest(bool verbose) {
  bool all = true;
  int held = 0;
  for (const auto& checks :
       {OpenChecks(), AcceptChecks(), DataChecks(), SignalChecks(), QueueChecks(), CrashChecks()}) {
    for (const Check& check : checks) {
      const bool holds = check.holds();
      held += holds ? 1 : 0;
      all = all && holds;
      if (!holds) std::printf("selftest FAILED: %s\n", check.sentence);
      if (holds && verbose) std::printf("holds: %s\n", check.sentence);
    }
  }
  if (verbose) std::printf("%d sentences of the server model hold\n", held);
  return all;
}

}  // namespace hotlink::sim

// libuv handles with C++ lifetimes. Each object owns one handle on the heap; destroying the object
// closes the handle, and libuv's memory (with the callback in it) is freed by the close callback.
// So every one of them may be destroyed at any time, also from inside its own callback.
//
// The loop has to run on after that until nothing is left to close.
#ifndef HOTLINK_NET_UV_HANDLES_H_
#define HOTLINK_NET_UV_HANDLES_H_

#include <uv.h>

#include <functional>

#include "common/time.h"

namespace hotlink {

// Fires once for each Start().
class Timer {
 public:
  Timer(uv_loop_t* loop, std::function<void()> fire);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Rounded up to whole milliseconds; replaces what was set before. From inside its own callback at
  // least one: libuv would fire it again before it looks at any socket.
  void Start(Duration delay);
  void Stop();

 private:
  struct State;
  State* state_;
};

// Called once in every turn of the loop while it runs, and keeps the loop from waiting.
class Idle {
 public:
  Idle(uv_loop_t* loop, std::function<void()> turn);
  ~Idle();
  Idle(const Idle&) = delete;
  Idle& operator=(const Idle&) = delete;

  void Start();
  void Stop();

 private:
  struct State;
  State* state_;
};

// Once for each Start(), at the end of the loop's turn: before it waits again.
class TurnEnd {
 public:
  TurnEnd(uv_loop_t* loop, std::function<void()> ended);
  ~TurnEnd();
  TurnEnd(const TurnEnd&) = delete;
  TurnEnd& operator=(const TurnEnd&) = delete;

  void Start();
  void Stop();

 private:
  struct State;
  State* state_;
};

// Readiness of a descriptor, level-triggered.
class Poll {
 public:
  // `status` < 0 is a libuv error code: libuv has stopped the handle, and says UV_EBADF for any
  // socket error (a RST too). `events`: UV_READABLE | UV_WRITABLE | UV_DISCONNECT | UV_PRIORITIZED.
  using Ready = std::function<void(int status, int events)>;
  enum class Fd { kBorrowed, kOwned };  // an owned one is closed when libuv has let go of it

  Poll(uv_loop_t* loop, int fd, Fd ownership, Ready ready);
  ~Poll();
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  // 0, or the libuv error that kept the descriptor from being watched; Watch() then does nothing.
  int error() const { return error_; }
  // The events to be told of; 0 stops. Costs nothing when they are the ones already watched.
  void Watch(int events);

 private:
  struct State;
  State* state_;
  int error_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_NET_UV_HANDLES_H_

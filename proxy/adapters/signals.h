// Signals as events of the loop.
#ifndef HOTLINK_PROXY_ADAPTERS_SIGNALS_H_
#define HOTLINK_PROXY_ADAPTERS_SIGNALS_H_

#include <uv.h>

#include <functional>
#include <initializer_list>
#include <memory>

namespace hotlink {

// Calls `fire` from the loop for each of `signals`. Does not keep the loop alive. The handles are
// closed by the destructor; the loop has to run on until they are.
class Signals {
 public:
  Signals(uv_loop_t* loop, std::initializer_list<int> signals, std::function<void()> fire);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  struct State;
  State* state_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_SIGNALS_H_

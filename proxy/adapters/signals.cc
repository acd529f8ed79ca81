#include "proxy/adapters/signals.h"

#include <deque>
#include <utility>

namespace hotlink {

// Freed when the last handle is closed.
struct Signals::State {
  std::function<void()> fire;
  std::deque<uv_signal_t> handles;  // stable addresses
  size_t open = 0;

  static void OnSignal(uv_signal_t* handle, int) { static_cast<State*>(handle->data)->fire(); }
  static void OnClosed(uv_handle_t* handle) {
    auto* state = static_cast<State*>(handle->data);
    if (--state->open == 0) delete state;
  }
};

Signals::Signals(uv_loop_t* loop, std::initializer_list<int> signals, std::function<void()> fire)
    : state_(new State{.fire = std::move(fire)}) {
  for (const int signal : signals) {
    uv_signal_t& handle = state_->handles.emplace_back();
    uv_signal_init(loop, &handle);
    handle.data = state_;
    uv_signal_start(&handle, State::OnSignal, signal);
    uv_unref(reinterpret_cast<uv_handle_t*>(&handle));
    ++state_->open;
  }
}

Signals::~Signals() {
  state_->fire = [] {};
  for (uv_signal_t& handle : state_->handles) {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), State::OnClosed);
  }
}

}  // namespace hotlink

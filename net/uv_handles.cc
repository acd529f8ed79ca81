#include "net/uv_handles.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace hotlink {

struct Timer::State {
  uv_timer_t handle;
  std::function<void()> fire;
  bool firing = false;
};

Timer::Timer(uv_loop_t* loop, std::function<void()> fire) : state_(new State{{}, std::move(fire)}) {
  uv_timer_init(loop, &state_->handle);
  state_->handle.data = state_;
}

Timer::~Timer() {
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
}

void Timer::Start(Duration delay) {
  if (delay < 0) delay = 0;
  uint64_t milliseconds = static_cast<uint64_t>(delay + kMillisecond - 1) / kMillisecond;
  if (state_->firing) milliseconds = std::max<uint64_t>(milliseconds, 1);
  // The loop's clock stands still during a turn; a long turn would shorten the delay.
  uv_update_time(state_->handle.loop);
  uv_timer_start(
      &state_->handle,
      [](uv_timer_t* handle) {
        auto* state = static_cast<State*>(handle->data);
        state->firing = true;
        state->fire();  // may destroy the timer; its state lives until the loop has closed it
        state->firing = false;
      },
      milliseconds, 0);
}

void Timer::Stop() { uv_timer_stop(&state_->handle); }

struct Idle::State {
  uv_idle_t handle;
  std::function<void()> turn;
};

Idle::Idle(uv_loop_t* loop, std::function<void()> turn) : state_(new State{{}, std::move(turn)}) {
  uv_idle_init(loop, &state_->handle);
  state_->handle.data = state_;
}

Idle::~Idle() {
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
}

void Idle::Start() {
  uv_idle_start(&state_->handle,
                [](uv_idle_t* handle) { static_cast<State*>(handle->data)->turn(); });
}

void Idle::Stop() { uv_idle_stop(&state_->handle); }

struct TurnEnd::State {
  uv_prepare_t handle;
  std::function<void()> ended;
};

TurnEnd::TurnEnd(uv_loop_t* loop, std::function<void()> ended)
    : state_(new State{{}, std::move(ended)}) {
  uv_prepare_init(loop, &state_->handle);
  state_->handle.data = state_;
}

TurnEnd::~TurnEnd() {
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
}

void TurnEnd::Start() {
  uv_prepare_start(&state_->handle, [](uv_prepare_t* handle) {
    uv_prepare_stop(handle);
    static_cast<State*>(handle->data)->ended();
  });
}

void TurnEnd::Stop() { uv_prepare_stop(&state_->handle); }

struct Poll::State {
  uv_poll_t handle;
  Ready ready;
  int owned_fd;  // -1: borrowed
  int watched = 0;
  ~State() {
    if (owned_fd >= 0) close(owned_fd);
  }
};

Poll::Poll(uv_loop_t* loop, int fd, Fd ownership, Ready ready)
    : state_(new State{{}, std::move(ready), ownership == Fd::kOwned ? fd : -1}) {
  error_ = uv_poll_init(loop, &state_->handle, fd);
  state_->handle.data = state_;
}

Poll::~Poll() {
  if (error_ != 0) {  // libuv knows nothing of it
    delete state_;
    return;
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
}

void Poll::Watch(int events) {
  if (error_ != 0 || events == state_->watched) return;
  state_->watched = events;
  if (events == 0) {
    uv_poll_stop(&state_->handle);
    return;
  }
  uv_poll_start(&state_->handle, events, [](uv_poll_t* handle, int status, int ready) {
    auto* state = static_cast<State*>(handle->data);
    if (status < 0) state->watched = 0;
    state->ready(status, ready);
  });
}

}  // namespace hotlink

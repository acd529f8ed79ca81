// The admin server on a real socket: what its work leaves to the loop.
#include "proxy/adapters/admin_server.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

constexpr size_t kChannels = 200;

// As many channels as there are, a slice at a time, and how many turns of the loop lay between.
struct Source {
  uint64_t turns = 0;
  std::vector<uint64_t> slices_at;  // the turn of each

  StatusSource Begin() {
    return {SidecarStatus{}, [this](SidecarStatus* status) {
              slices_at.push_back(turns);
              for (size_t n = 0; n < kStatusSlice; ++n) {
                status->channels.push_back({.name = "run/0_to_1"});
              }
              return status->channels.size() < kChannels;
            }};
  }
};

TEST_CASE("a long page is made in many turns of the loop, so that sockets are served in between") {
  TestLoop loop;
  Source source;
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  uv_check_t check;
  uv_check_init(loop.get(), &check);
  check.data = &source;
  uv_check_start(&check, [](uv_check_t* handle) { ++static_cast<Source*>(handle->data)->turns; });
  uv_unref(reinterpret_cast<uv_handle_t*>(&check));
  {
    AdminServer server(
        loop.get(), [&source](StatusOf) { return source.Begin(); }, [] {});
    REQUIRE_FALSE(server.Start());
    const std::string request = "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n";
    REQUIRE(write(ends[1], request.data(), request.size()) == ssize_t(request.size()));
    server.Add(ends[0]);
    std::string answer;
    char buffer[64 << 10];
    CHECK(loop.Until([&] {
      const ssize_t n = read(ends[1], buffer, sizeof buffer);
      if (n > 0) answer.append(buffer, static_cast<size_t>(n));
      return n == 0;
    }));
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  }
  REQUIRE(source.slices_at.size() == (kChannels + kStatusSlice - 1) / kStatusSlice);
  for (size_t i = 1; i < source.slices_at.size(); ++i) {
    CHECK(source.slices_at[i] > source.slices_at[i - 1]);
  }
  close(ends[1]);
  uv_close(reinterpret_cast<uv_handle_t*>(&check), nullptr);
}

}  // namespace
}  // namespace hotlink

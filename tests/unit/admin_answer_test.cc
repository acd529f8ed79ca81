// Requests to the admin server and their answers, without a socket.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "proxy/admin/answer.h"
#include "proxy/admin/metrics.h"
#include "proxy/admin/status_page.h"

namespace hotlink {
namespace {

std::string All(TextPieces body) {
  std::string text;
  for (std::string piece = body(); !piece.empty(); piece = body()) text += piece;
  return text;
}

size_t Count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

SidecarStatus Running() {
  SidecarStatus status;
  status.email = "a@x";
  status.markers_read = true;
  status.link.up = true;
  return status;
}

AdminRequest Get(const std::string& path) { return {.method = "GET", .path = path}; }

AdminRequest OnTcp(const std::string& path) {
  AdminRequest request = Get(path);
  request.tcp = "127.0.0.1";
  request.hosts = {"127.0.0.1:9100"};
  return request;
}

AdminAnswer Ask(const AdminRequest& request, const SidecarStatus& status = Running()) {
  return AnswerAdmin(request, [&status](StatusOf) { return SourceOf(status); });
}

TEST_CASE("the pages, on the unix socket and on TCP") {
  for (const char* page : {"/livez", "/readyz", "/metrics", "/status"}) {
    CAPTURE(page);
    CHECK(Ask(Get(page)).status == 200);
    CHECK(Ask(OnTcp(page)).status == 200);
    AdminRequest other = Get(page);
    other.method = "POST";
    CHECK(Ask(other).status == 405);
    CHECK(Ask(other).allow == "GET");
  }
  CHECK(Ask(Get("/nothing")).status == 404);
  CHECK(Ask(Get("/")).status == 404);
}

TEST_CASE("whether the loop turns is answered without a look at anything") {
  bool asked = false;
  const AdminAnswer answer = AnswerAdmin(Get("/livez"), [&asked](StatusOf) {
    asked = true;
    return SourceOf({});
  });
  CHECK(answer.status == 200);
  CHECK_FALSE(asked);
}

TEST_CASE("not ready: 503 with the reasons") {
  SidecarStatus status = Running();
  status.link.up = false;
  status.link.error = "connection refused";
  const AdminAnswer answer = Ask(Get("/readyz"), status);
  CHECK(answer.status == 503);
  CHECK(All(answer.body) ==
        "{\"ready\":false,\"reasons\":[\"relay unreachable: connection refused\"]}\n");
}

TEST_CASE("drain: POST on the unix socket alone") {
  AdminRequest request = Get("/drain");
  CHECK(Ask(request).status == 405);
  CHECK(Ask(request).allow == "POST");
  CHECK_FALSE(Ask(request).drain);
  request.method = "POST";
  CHECK(Ask(request).status == 202);
  CHECK(Ask(request).drain);
  AdminRequest tcp = OnTcp("/drain");
  CHECK(Ask(tcp).status == 404);
  tcp.method = "POST";
  CHECK(Ask(tcp).status == 405);
  CHECK_FALSE(Ask(tcp).drain);
}

TEST_CASE("on TCP only to who names the address it connects to") {
  AdminRequest request = OnTcp("/status");
  const auto status = [&request](std::vector<std::string> hosts) {
    request.hosts = std::move(hosts);
    return Ask(request).status;
  };
  CHECK(status({"127.0.0.1"}) == 200);
  CHECK(status({"localhost:9100"}) == 200);
  CHECK(status({"evil.example.org:9100"}) == 421);
  CHECK(status({"127.0.0.1.evil.example.org"}) == 421);
  CHECK(status({"192.0.2.1:9100"}) == 421);
  CHECK(status({""}) == 421);
  CHECK(status({}) == 421);
  CHECK(status({"127.0.0.1", "evil.example.org"}) == 421);
  request.tcp = "::1";
  CHECK(status({"[::1]:9100"}) == 200);
  CHECK(status({"localhost"}) == 200);
  CHECK(status({"[::2]:9100"}) == 421);
  CHECK(status({"[::1"}) == 421);
  request.tcp = "192.0.2.7";
  CHECK(status({"192.0.2.7:9100"}) == 200);
  CHECK(status({"localhost:9100"}) == 421);
}

TEST_CASE("on TCP not to pages of another origin") {
  AdminRequest request = OnTcp("/status");
  for (const char* site : {"cross-site", "same-site", "nonsense"}) {
    request.fetch_site = site;
    CHECK(Ask(request).status == 403);
  }
  for (const char* site : {"none", "same-origin"}) {  // typed into the address line, reloaded
    request.fetch_site = site;
    CHECK(Ask(request).status == 200);
  }
  request.has_origin = true;
  CHECK(Ask(request).status == 403);
}

TEST_CASE("on TCP nothing but GET") {
  AdminRequest request = OnTcp("/livez");
  for (const char* method : {"POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "get"}) {
    request.method = method;
    CHECK(Ask(request).status == 405);
  }
}

SidecarStatus WithChannels(size_t n) {
  SidecarStatus status = Running();
  for (size_t i = 0; i < n; ++i) {
    ChannelStatus channel;
    channel.name = "run/" + std::to_string(i) + "_to_x";
    channel.peer = "b@x";
    channel.counters.tx_payload = i;
    status.channels.push_back(channel);
  }
  return status;
}

// Every other slice is empty: its channels are gone meanwhile.
StatusSource InSlices(SidecarStatus status) {
  const std::vector<ChannelStatus> all = std::exchange(status.channels, {});
  return {status, [all, at = size_t{0}, empty = false](SidecarStatus* into) mutable {
            empty = !empty;
            for (size_t n = 0; !empty && n < kStatusSlice && at < all.size(); ++n) {
              into->channels.push_back(all[at++]);
            }
            return at < all.size();
          }};
}

TEST_CASE("long pages come in small pieces, and are whole") {
  for (const size_t n : {0U, 1U, 16U, 17U, 64U, 65U, 1000U}) {
    CAPTURE(n);
    const SidecarStatus status = WithChannels(n);
    for (TextPieces body : {StatusPage(InSlices(status)), MetricsPage(InSlices(status))}) {
      size_t longest = 0;
      for (std::string piece = body(); !piece.empty(); piece = body()) {
        longest = std::max(longest, piece.size());
      }
      CHECK(longest < 24 << 10);
    }
    CHECK(Count(All(StatusPage(InSlices(status))), "\"peer\":\"b@x\"") == n);
    CHECK(Count(All(MetricsPage(InSlices(status))), "hotlink_channel_sent_bytes_total{") == n);
  }
}

TEST_CASE("labels are escaped, numbers are whole") {
  SidecarStatus status = WithChannels(1);
  status.channels[0].name = "a\"b\\c\nd";
  status.channels[0].counters.tx_payload = UINT64_MAX;
  status.channels[0].kept = 123456789;
  status.channels[0].round_trip = 1500;
  const std::string text = All(MetricsPage(SourceOf(status)));
  const std::string labels = "{channel=\"a\\\"b\\\\c\\\\nd\",peer=\"b@x\"} ";
  CHECK(Count(text, "hotlink_channel_sent_bytes_total" + labels + "18446744073709551615\n") == 1);
  CHECK(Count(text, "hotlink_sent_bytes_total 18446744073709551615\n") == 1);
  CHECK(Count(text, "hotlink_channel_kept_bytes" + labels + "123456789\n") == 1);
  CHECK(Count(text, "hotlink_channel_round_trip_seconds" + labels + "0.0015\n") == 1);
  CHECK(Count(text, "hotlink_channel_still_seconds" + labels + "NaN\n") == 1);
}

}  // namespace
}  // namespace hotlink

// /status, read back and shown as a table.
#include "proxy/admin/status_view.h"

#include <doctest/doctest.h>

#include "proxy/admin/status_page.h"

namespace hotlink {
namespace {

std::string Page(const SidecarStatus& status) {
  const TextPieces body = StatusPage(SourceOf(status));
  std::string text;
  for (std::string piece = body(); !piece.empty(); piece = body()) text += piece;
  return text;
}

SidecarStatus TwoChannels() {
  SidecarStatus status;
  status.email = "a@x";
  status.pid = 17;
  status.updated_ms = 1000;
  status.markers_read = true;
  status.link.error = "connection refused";
  ChannelStatus one{
      .name = "run/0_to_1", .peer = "b@x", .port = 9001, .listening = true, .live = true};
  one.reason = Reason::kPermissionDenied;
  one.detail = "no rule";
  one.still = 1500 * kMillisecond;
  one.counters.tx_payload = 3 << 20;
  ChannelStatus two{.name = "old/0_to_1", .peer = "c@x", .port = 9002, .listening = true};
  status.channels = {one, two};
  return status;
}

TEST_CASE("what the page says is read back") {
  const auto view = ParseStatus(Page(TwoChannels()));
  REQUIRE(view.ok());
  CHECK(view->email == "a@x");
  CHECK(view->pid == 17);
  CHECK_FALSE(view->relay_up);
  CHECK(view->relay_error == "connection refused");
  REQUIRE(view->channels.size() == 2);
  CHECK(view->channels[0].name == "run/0_to_1");
  CHECK(view->channels[0].state == "opening");
  CHECK(view->channels[0].reason == "permission denied");
  CHECK(view->channels[0].sent == 3 << 20);
  CHECK(view->channels[0].still_ms == 1500);
  CHECK(view->channels[1].still_ms == -1);
  CHECK(view->in_the_way.at("joined") ==
        std::vector<std::string>{"run/0_to_1 (b@x): permission denied: no rule"});
  CHECK(view->in_the_way.at("listening").empty());
}

TEST_CASE("what is no status is an error") {
  CHECK_FALSE(ParseStatus(""));
  CHECK_FALSE(ParseStatus("[]"));
  CHECK_FALSE(ParseStatus("{\"version\":1"));
  CHECK_FALSE(ParseStatus("{}"));
  CHECK_FALSE(ParseStatus("{\"version\":2}"));
  CHECK(ParseStatus("{\"version\":1,\"channels\":17,\"in_the_way\":[1]}"));
}

TEST_CASE("the table: rates since the last look, dormant channels only counted") {
  SidecarStatus status = TwoChannels();
  const StatusView before = *ParseStatus(Page(status));
  status.updated_ms = 3000;
  status.channels[0].counters.tx_payload += 1 << 20;
  const StatusView now = *ParseStatus(Page(status));
  const std::string text = StatusTable(now, before, false);
  CAPTURE(text);
  const auto has = [&text](const char* part) { return text.find(part) != std::string::npos; };
  CHECK(has("relay down (connection refused)"));
  CHECK(has("run/0_to_1"));
  CHECK(has("4.0 MiB"));
  CHECK(has("512.0 KiB/s"));
  CHECK(has("1.5 s"));
  CHECK(has("permission denied: no rule"));
  CHECK_FALSE(has("old/0_to_1"));
  CHECK(has("1 dormant"));
  CHECK(StatusTable(now, before, true).find("old/0_to_1") != std::string::npos);
  CHECK(StatusTable(now, StatusView{}, false).find("opening  4.0 MiB     -") != std::string::npos);
}

}  // namespace
}  // namespace hotlink

#include "relay/core/http_routes.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "tests/unit/relay_fixture.h"

namespace hotlink {
namespace {

// The sample of RFC 6455 §1.3.
const std::pair<std::string, std::string> kKey = {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="};
const std::pair<std::string, std::string> kVersion = {"sec-websocket-version", "13"};

// Tokens, and how the relay's file lists them: by their SHA-256.
const std::string kAccess = "acc3ss", kRefresh = "r3fresh";
const std::string kTokens =
    "a@x.org: 3248e2f65f57ee0ad654c4410fb409c461876ce9fa80b299f6306b30beac0468\n"
    "refresh a@x.org: 2090a01f5d80dc671ce03f1955431aa5a93b8aabd5167ae36d78b5f1ef28a1df\n";

HttpRequest Get(std::string path, std::string query = "") {
  HttpRequest request;
  request.method = "GET";
  request.path = std::move(path);
  request.query = std::move(query);
  return request;
}

HttpRequest WebSocket(std::string query) {
  HttpRequest request = Get("/api/v1/events", std::move(query));
  request.upgrade = true;
  request.headers = {kVersion, kKey};
  return request;
}

bool Mentions(const HttpReply& reply, std::string_view text) {
  return reply.text.find(text) != std::string::npos;
}

struct Routes {
  ListLog log;
  HttpRoutes routes{nullptr, &log};
  HttpReply Answer(const HttpRequest& request, bool room = true) {
    return routes.Answer(request, "127.0.0.1", room, 0);
  }
  // "200"; empty where there is an upgrade.
  std::string Refusal(const HttpRequest& request, bool room = true) {
    const HttpReply reply = Answer(request, room);
    CHECK(reply.text.starts_with("HTTP/1.1 "));
    return reply.upgrade ? "" : reply.text.substr(9, 3);
  }
};

}  // namespace

TEST_CASE("routes: a WebSocket by the name of its user") {
  Routes world;
  HttpRequest request = WebSocket("user=A%2Bb%40x.org");
  const HttpReply reply = world.Answer(request);
  REQUIRE(reply.upgrade);
  CHECK(reply.upgrade->user == "a+b@x.org");
  CHECK(reply.upgrade->encoding == Encoding::kJson);
  CHECK(reply.text.starts_with("HTTP/1.1 101 "));
  CHECK(reply.text.ends_with("\r\n\r\n"));
  CHECK(Mentions(reply, "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  CHECK(Mentions(reply, "x-syft-ws-encoding: json\r\n"));
  for (const auto& [list, encoding] :
       {std::pair{"msgpack,json", Encoding::kMsgpack}, std::pair{"json, msgpack", Encoding::kJson},
        std::pair{"cbor , msgpack ", Encoding::kMsgpack}, std::pair{"", Encoding::kJson}}) {
    request.headers = {kVersion, kKey, {"x-syft-ws-encodings", list}};
    CHECK(world.Answer(request).upgrade->encoding == encoding);
  }
}

TEST_CASE("routes: what is no proper upgrade is told what is missing") {
  Routes world;
  CHECK(world.Refusal(WebSocket("user=a@x.org")) == "");
  CHECK(world.Refusal(Get("/api/v1/events", "user=a@x.org")) == "426");
  HttpRequest request = WebSocket("user=a@x.org");
  request.method = "POST";
  CHECK(world.Refusal(request) == "426");
  request = WebSocket("user=a@x.org");
  request.headers = {kKey, {"sec-websocket-version", "8"}};
  CHECK(world.Refusal(request) == "426");
  CHECK(Mentions(world.Answer(request), "sec-websocket-version: 13\r\n"));
  for (const char* key : {"", "AAAA", "no base64 at all!", "dGhlIHNhbXBsZSBub25jZQ"}) {
    request.headers = {kVersion, {"sec-websocket-key", key}};
    CHECK(world.Refusal(request) == "400");
  }
  CHECK(world.Refusal(WebSocket("")) == "400");
  CHECK(world.Refusal(WebSocket("user=nobody")) == "400");
  CHECK(Mentions(world.Answer(WebSocket("user=a+b@x.org")), "%2B"));
  CHECK(world.Refusal(WebSocket("user=a@x.org"), false) == "503");
  CHECK(world.log.Count("user=a@x.org refused: too many connections") == 1);
}

TEST_CASE("routes: the others") {
  Routes world;
  CHECK(world.Refusal(Get("/healthz")) == "200");
  CHECK(world.Refusal(Get("/")) == "404");
  CHECK(world.Refusal(Get("/healthz/")) == "404");
  CHECK(world.Refusal(Get("/auth/refresh")) == "404");  // there are no tokens
  CHECK(world.Answer(Get("/healthz")).text ==
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n"
        "connection: close\r\n\r\nok");
}

TEST_CASE("routes: with tokens the bearer counts, not the name, and no token is logged") {
  ListLog log;
  Result<TokenTable> tokens = TokenTable::Parse("tokens", kTokens);
  REQUIRE(tokens);
  Auth auth(std::move(*tokens), kSecond,
            [](std::span<uint8_t> bytes) { std::fill(bytes.begin(), bytes.end(), uint8_t{7}); });
  HttpRoutes routes(&auth, &log);
  HttpRequest request = WebSocket("user=b@x.org");
  HttpReply reply = routes.Answer(request, "10.0.0.9", true, 0);
  CHECK(reply.text.starts_with("HTTP/1.1 401 "));
  CHECK(Mentions(reply, "www-authenticate: Bearer\r\n"));
  request.headers.emplace_back("authorization", "Bearer " + kAccess);
  reply = routes.Answer(request, "10.0.0.9", true, 0);
  REQUIRE(reply.upgrade);
  CHECK(reply.upgrade->user == "a@x.org");

  HttpRequest refresh = Get("/auth/refresh");
  CHECK(routes.Answer(refresh, "10.0.0.9", true, 0).text.starts_with("HTTP/1.1 405 "));
  refresh.method = "POST";
  CHECK(routes.Answer(refresh, "10.0.0.9", true, 0).text.starts_with("HTTP/1.1 411 "));
  refresh.body = "{\"refreshToken\":\"" + kRefresh + "\"}";
  CHECK(routes.Answer(refresh, "10.0.0.9", true, 0).text.starts_with("HTTP/1.1 200 "));
  CHECK(log.Count("refresh from=10.0.0.9 answered 200 OK") == 1);
  CHECK(log.Count(kAccess) + log.Count(kRefresh) == 0);
}

}  // namespace hotlink

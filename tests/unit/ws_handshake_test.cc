#include "common/ws_handshake.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace hotlink {
namespace {

// "the sample nonce": the key and answer of RFC 6455 §1.3.
constexpr std::array<uint8_t, 16> kNonce = {'t', 'h', 'e', ' ', 's', 'a', 'm', 'p',
                                            'l', 'e', ' ', 'n', 'o', 'n', 'c', 'e'};
const std::string kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

std::string Answer(const std::string& more = "") {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         kAccept + "\r\n" + more + "\r\n";
}

using Status = WsHandshakeParser::Status;

WsHandshakeParser::Outcome Parse(std::string_view input) {
  const std::string exact(input);
  return WsHandshakeParser(kNonce).Parse(exact);
}

std::string Replaced(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  REQUIRE(at != text.npos);
  return text.replace(at, what.size(), by);
}

TEST_CASE("request: the whole text") {
  WsHandshakeRequest request{.host = "relay.example:8080",
                             .target = "/api/v1/events?user=a%40x.org",
                             .access_token = "t0ken",
                             .version = "0.1.0",
                             .user = "a@x.org",
                             .nonce = kNonce};
  CHECK(WsHandshakeText(request) ==
        "GET /api/v1/events?user=a%40x.org HTTP/1.1\r\n"
        "Host: relay.example:8080\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "X-Syft-WS-Encodings: msgpack,json\r\n"
        "Authorization: Bearer t0ken\r\n"
        "X-Syft-Version: 0.1.0\r\n"
        "X-Syft-User: a@x.org\r\n"
        "\r\n");
  request = {.host = "h", .target = "/", .offer_msgpack = false, .nonce = kNonce};
  CHECK(WsHandshakeText(request) ==
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "X-Syft-WS-Encodings: json\r\n\r\n");
}

TEST_CASE("request: no value can inject a header or another request") {
  for (std::string bad : {std::string("\r"), std::string("\n"), std::string(1, '\0'),
                          std::string("\x7f"), std::string("\r\nX-Evil: 1")}) {
    for (auto field :
         {&WsHandshakeRequest::host, &WsHandshakeRequest::target, &WsHandshakeRequest::access_token,
          &WsHandshakeRequest::version, &WsHandshakeRequest::user}) {
      WsHandshakeRequest request{
          .host = "h", .target = "/", .access_token = "t", .version = "v", .user = "u"};
      CHECK(WsHandshakeText(request) != "");
      request.*field = "a" + bad + "b";
      CHECK(WsHandshakeText(request) == "");
    }
  }
  CHECK(WsHandshakeText({.host = "h", .target = "/ HTTP/1.1"}) == "");
  CHECK(WsHandshakeText({.host = "h x", .target = "/"}) == "");
  CHECK(WsHandshakeText({.host = "", .target = "/"}) == "");
  CHECK(WsHandshakeText({.host = "h", .target = ""}) == "");
}

TEST_CASE("answer: the sample of RFC 6455 opens, frames behind it are left alone") {
  const std::string answer = Answer();
  const auto outcome = Parse(answer + "\x81\x05Hello");
  CHECK(outcome.status == Status::kOpen);
  CHECK(outcome.consumed == answer.size());
  CHECK(outcome.encoding == Encoding::kJson);
}

TEST_CASE("answer: byte by byte, nothing is known before the blank line is whole") {
  const std::string answer = Answer("X-Syft-WS-Encoding: msgpack\r\n");
  for (size_t size = 0; size < answer.size(); ++size) {
    REQUIRE(Parse(answer.substr(0, size)).status == Status::kNeedMore);
  }
  CHECK(Parse(answer).status == Status::kOpen);
  CHECK(Parse(answer + std::string(100'000, 'f')).status == Status::kOpen);
}

TEST_CASE("answer: names and tokens in any case, lists, white space") {
  const auto outcome = Parse(
      "HTTP/1.1 101\r\nUPGRADE:h2c, WebSocket\r\nconnection: keep-alive\r\n"
      "Connection:\t close , uPGRADE \r\nsec-websocket-ACCEPT:   " +
      kAccept + " \t\r\nx-syft-ws-encoding: MsgPack \r\nServer: a: b\r\nX-Empty:\r\n\r\n");
  CHECK(outcome.error == "");
  CHECK(outcome.status == Status::kOpen);
  CHECK(outcome.encoding == Encoding::kMsgpack);
}

TEST_CASE("answer: the encoding is json, msgpack, or refused") {
  CHECK(Parse(Answer("X-Syft-WS-Encoding: json\r\n")).encoding == Encoding::kJson);
  CHECK(Parse(Answer("X-Syft-WS-Encoding:\r\n")).status == Status::kOpen);
  const auto outcome = Parse(Answer("X-Syft-WS-Encoding: cbor\r\n"));
  CHECK(outcome.status == Status::kError);
  CHECK(outcome.error == "the server chose the unknown encoding \"cbor\" (known: msgpack, json)");
}

TEST_CASE("answer: a 101 that is no WebSocket is named") {
  const std::pair<std::string, const char*> cases[] = {
      {Replaced(Answer(), "HTTP/1.1", "HTTP/1.0"),
       "the server answered 101 in another version than HTTP/1.1"},
      {Replaced(Answer(), "websocket", "websockets"),
       "the server answered 101 without \"Upgrade: websocket\""},
      {Replaced(Answer(), "Upgrade: ", "X: "),
       "the server answered 101 without \"Upgrade: websocket\""},
      {Replaced(Answer(), "Connection: Upgrade", "Connection: close"),
       "the server answered 101 without \"Connection: Upgrade\""},
      {Replaced(Answer(), kAccept, "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
       "the server's Sec-WebSocket-Accept does not belong to our key (a cache in between?)"},
      {Replaced(Answer(), kAccept, ""),
       "the server's Sec-WebSocket-Accept does not belong to our key (a cache in between?)"},
      {Answer("Sec-WebSocket-Extensions: permessage-deflate\r\n"),
       "the server chose a WebSocket extension or subprotocol that was not offered"},
      {Answer("Sec-WebSocket-Protocol: chat\r\n"),
       "the server chose a WebSocket extension or subprotocol that was not offered"},
      {Answer("no colon\r\n"), "the server's answer has a malformed header line"},
      {Answer(": no name\r\n"), "the server's answer has a malformed header line"},
      {Answer("Spaced : x\r\n"), "the server's answer has a malformed header line"},
      {Answer(" folded: x\r\n"), "the server's answer has a malformed header line"},
  };
  for (const auto& [answer, error] : cases) {
    const auto outcome = Parse(answer);
    CHECK(outcome.status == Status::kError);
    CHECK(outcome.error == error);
    CHECK(outcome.http_status == 101);
  }
}

TEST_CASE("answer: a refusal shows status, reason and the first line of a text body") {
  const auto unauthorized = Parse(
      "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n\r\n"
      "{\"error\":\"token expired\"}\nsecond line");
  CHECK(unauthorized.status == Status::kError);
  CHECK(unauthorized.http_status == 401);
  CHECK(unauthorized.error ==
        "the server answered 401 Unauthorized: {\"error\":\"token expired\"}");

  CHECK(Parse("HTTP/1.0 502 Bad Gateway\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html>")
            .error == "the server answered 502 Bad Gateway");
  CHECK(Parse("HTTP/1.1 403 \r\n\r\n").error == "the server answered 403");
  CHECK(
      Parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\nnot here\r\n0\r\n").error ==
      "the server answered 200 OK: not here");
  CHECK(Parse("HTTP/1.1 500 \x1b[31m\r\n\r\nbell\x07 \xc3\xa9").error ==
        "the server answered 500 ?[31m: bell? ??");
  const std::string start = "the server answered 500 E: ";
  for (size_t length : {199, 200, 201}) {
    const std::string body(length, 'b');
    CHECK(Parse("HTTP/1.1 500 E\r\n\r\n" + body).error ==
          start + std::string(std::min<size_t>(length, 200), 'b'));
  }
}

TEST_CASE("answer: something that is no HTTP/1 is seen at its first wrong byte") {
  CHECK(Parse("HTTP/1.").status == Status::kNeedMore);
  for (std::string bad : {"\x15\x03\x01", "SSH-2.0-x\r\n", "HTTP/2 101\r\n\r\n", "http/1.1"}) {
    CHECK(Parse(bad).status == Status::kError);
    CHECK(Parse(bad).http_status == 0);
  }
  CHECK(Parse("\x15\x03\x01").error ==
        "the server does not answer in HTTP/1, but begins with \"???\"");
  for (std::string bad : {"HTTP/1.1 1O1 x", "HTTP/1.1 1011 x", "HTTP/1.1", "HTTP/1.1  101 x"}) {
    CHECK(Parse(bad + "\r\n\r\n").error ==
          "the server's answer does not begin with an HTTP/1 status line");
  }
}

TEST_CASE("answer: headers of 16 KiB are taken, one byte more is not") {
  const size_t fixed = Answer("X: \r\n").size();
  for (size_t size : {kMaxHandshakeAnswer - 1, kMaxHandshakeAnswer, kMaxHandshakeAnswer + 1}) {
    const std::string answer = Answer("X: " + std::string(size - fixed, 'x') + "\r\n");
    REQUIRE(answer.size() == size);
    const auto outcome = Parse(answer);
    CHECK((outcome.status == Status::kOpen) == (size <= kMaxHandshakeAnswer));
    if (size > kMaxHandshakeAnswer) {
      CHECK(outcome.error == "the headers of the server's answer are longer than 16 KiB");
    }
  }
}

TEST_CASE("answer: any changed byte gives an outcome with its reason") {
  const std::string answer = Answer("X-Syft-WS-Encoding: msgpack\r\n");
  size_t errors = 0, open = 0;
  for (size_t i = 0; i < answer.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = answer;
      changed[i] = static_cast<char>(value);
      const auto outcome = Parse(changed);
      if (outcome.status == Status::kError) {
        REQUIRE(!outcome.error.empty());
        REQUIRE(std::all_of(outcome.error.begin(), outcome.error.end(),
                            [](char c) { return c >= 0x20 && c <= 0x7E; }));
        ++errors;
      }
      open += outcome.status == Status::kOpen ? 1 : 0;
    }
  }
  CHECK(errors > 1000);
  CHECK(open > 1000);
}

}  // namespace
}  // namespace hotlink

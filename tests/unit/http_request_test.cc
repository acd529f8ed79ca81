#include "relay/core/http_request.h"

#include <doctest/doctest.h>

#include <string>

#include "relay/core/limits.h"

namespace hotlink {
namespace {

using Status = HttpRequestParser::Status;

struct Taken {
  Status status = Status::kNeedMore;
  HttpRequest request;
  std::string refusal;  // its status line
  std::string rest;     // behind the request
};

Taken Take(const std::string& bytes, size_t piece) {
  HttpRequestParser parser;
  Taken taken;
  for (size_t at = 0; at < bytes.size() && taken.status == Status::kNeedMore; at += piece) {
    size_t n = 0;
    const std::string_view part = std::string_view(bytes).substr(at, piece);
    taken.status = parser.Take(AsBytes(part), &n);
    taken.rest = bytes.substr(at + n);
  }
  taken.request = parser.request();
  taken.refusal = parser.refusal().status;
  return taken;
}
Taken Take(const std::string& bytes) { return Take(bytes, bytes.size()); }

}  // namespace

TEST_CASE("http: a request whole or byte by byte, and what comes behind it") {
  const std::string text =
      "GET /api/v1/events?user=a%40x.org&x=1 HTTP/1.1\r\nHost: relay\r\nCONNECTION: Upgrade\r\n"
      "Upgrade: websocket\r\nX-Empty:\r\nAuthorization: Bearer t0ken\r\n\r\n";
  for (const size_t piece : {text.size() + 6, size_t{1}}) {
    const Taken taken = Take(text + "frames", piece);
    REQUIRE(taken.status == Status::kRequest);
    CHECK(taken.rest == "frames");
    CHECK(taken.request.method == "GET");
    CHECK(taken.request.path == "/api/v1/events");
    CHECK(taken.request.query == "user=a%40x.org&x=1");
    CHECK(taken.request.upgrade);
    CHECK(*taken.request.Header("authorization") == "Bearer t0ken");
    CHECK(*taken.request.Header("x-empty") == "");
    CHECK(*taken.request.Header("host") == "relay");
    CHECK(taken.request.Header("cookie") == nullptr);
  }
}

TEST_CASE("http: a body by its length or in chunks") {
  const Taken sized = Take("POST /auth/refresh HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello more", 3);
  REQUIRE(sized.status == Status::kRequest);
  CHECK(sized.request.body == "hello");
  CHECK_FALSE(sized.request.upgrade);
  const Taken chunks = Take(
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 1);
  REQUIRE(chunks.status == Status::kRequest);
  CHECK(chunks.request.body == "hello");
}

TEST_CASE("http: parameters are unescaped, the first of a name counts") {
  HttpRequest request;
  request.query = "us=1&user=a%2Bb%40x.org+c%zz%4&user=2&empty=&flag";
  CHECK(*request.Parameter("user") == "a+b@x.org c%zz%4");
  CHECK(*request.Parameter("empty") == "");
  CHECK_FALSE(request.Parameter("flag"));
  CHECK_FALSE(request.Parameter("none"));
}

TEST_CASE("http: what is too long or no request is refused, whatever its pieces") {
  const std::string head = "GET / HTTP/1.1\r\n";
  const std::string large(kMaxRequestHead, 'x');
  const std::string body = "POST / HTTP/1.1\r\nContent-Length: ";
  const std::string chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4001\r\n";
  const std::pair<std::string, std::string> cases[] = {
      {head + "A: " + large, "431 Request Header Fields Too Large"},
      {head + large, "431 Request Header Fields Too Large"},
      {"GET /" + large, "431 Request Header Fields Too Large"},
      {body + std::to_string(kMaxRequestBody + 1) + "\r\n\r\n", "413 Content Too Large"},
      {chunked + std::string(kMaxRequestBody + 1, 'x'), "413 Content Too Large"},
      {body + "-1\r\n\r\n", "400 Bad Request"},
      {std::string(100, '\0'), "400 Bad Request"},
      {"\x16\x03\x01\x02", "400 Bad Request"},  // TLS
  };
  for (const auto& [bytes, refusal] : cases) {
    for (const size_t piece : {bytes.size(), size_t{7}}) {
      const Taken taken = Take(bytes, piece);
      CHECK(taken.status == Status::kRefused);
      CHECK(taken.refusal == refusal);
    }
  }
  CHECK(Take(body + std::to_string(kMaxRequestBody) + "\r\n\r\n").status == Status::kNeedMore);
  CHECK(Take("GET / HTTP/1.1\r\n").status == Status::kNeedMore);
}

}  // namespace hotlink

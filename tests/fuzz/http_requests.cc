// What a client sends to hotlink-relay before it is a WebSocket: however it is cut, the same
// request or the same refusal comes of it, within the bounds; and the answer is one.
#include <algorithm>
#include <string>

#include "relay/core/http_routes.h"
#include "relay/core/limits.h"
#include "tests/fuzz/support/fuzz.h"

namespace hotlink {
namespace {

class NoLog : public Log {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Write(LogLevel, std::string_view) override {}
};

struct Outcome {
  HttpRequestParser::Status status = HttpRequestParser::Status::kNeedMore;
  HttpRequest request;
  size_t taken = 0;  // bytes, of a request
};

Outcome Take(ByteView bytes, size_t piece) {
  HttpRequestParser parser;
  Outcome outcome;
  while (!bytes.empty() && outcome.status == HttpRequestParser::Status::kNeedMore) {
    size_t n = 0;
    const ByteView part = bytes.first(std::min(piece, bytes.size()));
    outcome.status = parser.Take(part, &n);
    Require(n <= part.size(), "more was taken than there was");
    outcome.taken += n;
    bytes = bytes.subspan(part.size());
  }
  outcome.request = parser.request();
  if (outcome.status == HttpRequestParser::Status::kRefused)
    Require(!parser.refusal().status.empty(), "a refusal without words");
  return outcome;
}

void RequireBounds(const HttpRequest& request) {
  size_t head = request.path.size() + request.query.size();
  for (const auto& [name, value] : request.headers) head += name.size() + value.size();
  Require(head <= kMaxRequestHead, "a head over the limit");
  Require(request.body.size() <= kMaxRequestBody, "a body over the limit");
}

void RequireAnswer(const HttpRequest& request) {
  NoLog log;
  const HttpReply reply = HttpRoutes(nullptr, &log).Answer(request, "127.0.0.1", true, 0);
  Require(reply.text.starts_with(reply.upgrade ? "HTTP/1.1 101 " : "HTTP/1.1 "), "no status line");
  Require(reply.text.find("\r\n\r\n") != std::string::npos, "no end of the headers");
  if (reply.upgrade) Require(request.upgrade, "an upgrade that nobody asked for");
}

}  // namespace
}  // namespace hotlink

// The first byte says how to cut the rest.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hotlink;
  FuzzInput input(data, size);
  const size_t piece = 1 + size_t{input.Byte()};
  const Outcome whole = Take(input.Rest(), size), cut = Take(input.Rest(), piece);
  Require(whole.status == cut.status, "pieces end otherwise than the whole");
  if (whole.status != HttpRequestParser::Status::kRequest) return 0;
  Require(whole.taken == cut.taken, "pieces end elsewhere than the whole");
  Require(whole.request.headers == cut.request.headers && whole.request.body == cut.request.body &&
              whole.request.path == cut.request.path && whole.request.query == cut.request.query,
          "pieces give another request than the whole");
  RequireBounds(whole.request);
  RequireAnswer(whole.request);
  return 0;
}

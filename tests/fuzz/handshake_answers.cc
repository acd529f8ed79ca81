// What a server answers to the upgrade request, whole and growing byte by byte.
#include <algorithm>

#include "common/ws_handshake.h"
#include "tests/fuzz/support/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hotlink;
  using Status = WsHandshakeParser::Status;
  static const WsHandshakeParser parser({});  // the seeds answer the nonce of zeros
  const std::string_view input = AsText({data, size});
  const auto whole = parser.Parse(input);
  Require(whole.consumed <= input.size(), "more consumed than there was");
  Require((whole.status == Status::kError) == !whole.error.empty(), "an error has words");
  Require(whole.status != Status::kNeedMore || input.size() < kMaxHandshakeAnswer, "endless");
  const bool printable = std::all_of(whole.error.begin(), whole.error.end(),
                                     [](char c) { return c >= 0x20 && c < 0x7F; });
  Require(printable && whole.error.size() < 1000, "an error for a log line:", whole.error);

  size_t length = 0;
  WsHandshakeParser::Outcome grown;
  while (grown.status == Status::kNeedMore && length < input.size()) {
    grown = parser.Parse(input.substr(0, ++length));
  }
  Require(grown.status == whole.status && grown.consumed == whole.consumed &&
              grown.encoding == whole.encoding,
          "byte by byte it is another answer");
  return 0;
}

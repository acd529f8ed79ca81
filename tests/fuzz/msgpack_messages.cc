// Binary frames: msgpack, and JSON behind its prefix byte.
#include "tests/fuzz/support/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static hotlink::MessageDecoder decoder;  // one of them serves a whole connection
  const hotlink::Result<hotlink::Message> message = decoder.Decode(false, {data, size});
  if (message.ok()) hotlink::RequireRoundTrips(*message);
  return 0;
}

// What the fuzz targets share. Each defines LLVMFuzzerTestOneInput() (libFuzzer); a broken
// invariant ends the process, as a finding.
#ifndef HOTLINK_TESTS_FUZZ_SUPPORT_FUZZ_H_
#define HOTLINK_TESTS_FUZZ_SUPPORT_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/bytes.h"
#include "common/message.h"

namespace hotlink {

// Ends the process with `words` unless `holds`.
void Require(bool holds, std::string_view words, std::string_view detail = {});

// From here on a failed doctest assertion, of the fakes of tests/unit, ends the process as well.
void AbortOnFailedAssertion();

// The input, taken bit by bit from its front; zeros behind its end.
class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : rest_(data, size) {}
  bool empty() const { return rest_.empty(); }
  uint8_t Byte();
  uint8_t Below(uint8_t limit) { return static_cast<uint8_t>(Byte() % limit); }
  std::string Text(size_t size);  // less where the input ends
  ByteView Rest() const { return rest_; }

 private:
  ByteView rest_;
};

// REQUIRES: `message` was decoded. Both encodings of it decode to the same fields.
void RequireRoundTrips(const Message& message);

}  // namespace hotlink

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

#endif  // HOTLINK_TESTS_FUZZ_SUPPORT_FUZZ_H_

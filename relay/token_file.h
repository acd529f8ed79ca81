// --token-file, from the disk.
#ifndef HOTLINK_RELAY_TOKEN_FILE_H_
#define HOTLINK_RELAY_TOKEN_FILE_H_

#include <span>
#include <string>

#include "common/result.h"
#include "relay/core/token_table.h"

namespace hotlink {

// An error names the file, and the line where there is one.
Result<TokenTable> ReadTokenFile(const std::string& path);

// From the kernel, fit for keys. Ends the program where the kernel has none to give.
void FillRandom(std::span<uint8_t> bytes);

}  // namespace hotlink

#endif  // HOTLINK_RELAY_TOKEN_FILE_H_

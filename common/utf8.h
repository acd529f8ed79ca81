// UTF-8 as RFC 3629 has it: what may stand in JSON, in msgpack texts and in our messages.
#ifndef HOTLINK_COMMON_UTF8_H_
#define HOTLINK_COMMON_UTF8_H_

#include <string>
#include <string_view>

namespace hotlink {

// False for overlong forms, surrogates, numbers above U+10FFFF and cut sequences.
bool IsUtf8(std::string_view text);

// Foreign text for logs and status: control characters and, if it is not UTF-8, all bytes above
// 0x7E become '?'.
std::string Printable(std::string_view text);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_UTF8_H_

// Foreign text made fit for one line of a log or a message.
#ifndef HOTLINK_COMMON_PLAIN_TEXT_H_
#define HOTLINK_COMMON_PLAIN_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace hotlink {

// Valid UTF-8 in which nothing acts on a terminal: control characters and bytes that are no UTF-8
// become \n, \t or \xNN, characters that break lines or turn the direction of writing \u{NNNN}.
// What is longer than `most` bytes is cut, and says how much was left out.
std::string PlainText(std::string_view text, size_t most);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_PLAIN_TEXT_H_

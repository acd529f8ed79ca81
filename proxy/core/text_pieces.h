// A long text that is made while it is used, a few kilobytes at a time, so that it never stands in
// memory whole and delays nothing else.
#ifndef HOTLINK_PROXY_CORE_TEXT_PIECES_H_
#define HOTLINK_PROXY_CORE_TEXT_PIECES_H_

#include <functional>
#include <string>

namespace hotlink {

// The next piece; empty: that was all.
using TextPieces = std::function<std::string()>;

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_TEXT_PIECES_H_

// Where the keys of a JSON text stand: cJSON keeps no positions, and an error should name its line.
#ifndef HOTLINK_PROXY_MARKERS_JSON_LINES_H_
#define HOTLINK_PROXY_MARKERS_JSON_LINES_H_

#include <cstddef>
#include <string_view>
#include <vector>

namespace hotlink {

struct JsonKeyLine {
  int line = 0;             // from 1
  std::vector<int> nested;  // of the keys of the object that is this key's value
};

// The lines of the outermost object's keys, in their order.
// REQUIRES: a JSON parser took `text` as an object; on anything else the result means nothing.
std::vector<JsonKeyLine> JsonKeyLines(std::string_view text);

// The line of the byte at `offset`, from 1. REQUIRES: offset <= text.size().
int LineAt(std::string_view text, size_t offset);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_JSON_LINES_H_

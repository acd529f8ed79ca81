// The plain part of YAML as a tree: mappings, lists and scalars, each meaning what it seems to.
//
// Whatever makes one text mean different things to different parsers, or much of little, is an
// error: anchors and aliases, merge keys, tags, a key twice, several documents, deep nesting.
#ifndef HOTLINK_COMMON_YAML_TREE_H_
#define HOTLINK_COMMON_YAML_TREE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace hotlink {

// Mappings and lists inside one another; what we read has four.
inline constexpr size_t kYamlDepthMax = 8;
// Nodes of one text, keys included: with about 100 bytes each below half a megabyte.
inline constexpr size_t kYamlNodesMax = 4096;

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  int line = 1;
  std::string text;             // of a scalar
  std::vector<YamlNode> items;  // of a list; of a map: key, value, key, value ...
};

// The value of `key` in a map; null if there is none.
const YamlNode* FindYaml(const YamlNode& map, std::string_view key);

// An empty text is kNull. Errors name the line.
Result<YamlNode> ParseYaml(std::string_view text);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_YAML_TREE_H_

// What of YAML is taken as a tree, and what is refused.
#include "common/yaml_tree.h"

#include <doctest/doctest.h>

#include <string>

namespace hotlink {
namespace {

// The tree in one line: {key: value}, [a, b], ~.
std::string Shape(const YamlNode& node) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "~";
    case YamlNode::Kind::kScalar:
      return node.text;
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.items) text += (text.empty() ? "" : ", ") + Shape(item);
      return "[" + text + "]";
    case YamlNode::Kind::kMap:
      for (size_t i = 0; i < node.items.size(); i += 2) {
        text += (text.empty() ? "" : ", ") + Shape(node.items[i]) + ": " + Shape(node.items[i + 1]);
      }
      return "{" + text + "}";
  }
  return "?";
}

std::string Read(const std::string& text) {
  const Result<YamlNode> root = ParseYaml(text);
  return root ? Shape(*root) : "error: " + root.error();
}

TEST_CASE("maps, lists and scalars in any notation") {
  CHECK(Read("a: 1\nb:\n  - x\n  - 'y z'\nc: {d: [], e: \"f\"}\n") ==
        "{a: 1, b: [x, y z], c: {d: [], e: f}}");
  CHECK(Read("{\"a\": [1, true, null]}") == "{a: [1, true, ~]}");
  CHECK(Read("# only a comment\n") == "~");
  CHECK(Read("") == "~");
  CHECK(Read("--- \na: ~\n...\n") == "{a: ~}");
  CHECK(Read("a: \xC3\xBC") == "{a: \xC3\xBC}");
}

TEST_CASE("a node knows its line, a map its values") {
  const Result<YamlNode> root = ParseYaml("a: 1\n\nb:\n  - x\n");
  REQUIRE(root.ok());
  const YamlNode* list = FindYaml(*root, "b");
  REQUIRE(list != nullptr);
  CHECK(list->items.at(0).line == 4);
  CHECK(FindYaml(*root, "c") == nullptr);
  CHECK(FindYaml(*root, "1") == nullptr);  // a value is no key
}

TEST_CASE("what could mean something else to another parser is refused, with its line") {
  const struct {
    const char *text, *error;
  } cases[] = {
      {"a: 1\nb: &x 2\n", "error: line 2: anchors are not allowed"},
      {"a: &x [1]\n", "error: line 1: anchors are not allowed"},
      {"a: &x {b: 1}\n", "error: line 1: anchors are not allowed"},
      {"a: &x\n", "error: line 1: anchors are not allowed"},
      {"a: 1\n<<: {b: 2}\n", "error: line 2: merge keys are not allowed"},
      {"a: !!binary aGk=\n", "error: line 1: tags are not allowed"},
      {"a: !set {b}\n", "error: line 1: tags are not allowed"},
      {"a: 1\nb: 2\na: 3\n", "error: line 3: the key a stands there twice"},
      {"a: 1\n'a': 3\n", "error: line 2: the key a stands there twice"},
      {"? [a]\n: 1\n", "error: line 1: a key must be a plain word"},
      {"a: 1\n---\nb: 2\n", "error: holds several documents"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(Read(c.text) == c.error);
  }
  CHECK(Read(std::string("a: 1\0b: 2", 9)) == "error: is not UTF-8 text");
  CHECK(Read("a: \xFF") == "error: is not UTF-8 text");
  CHECK(Read(std::string("\xFF\xFE"
                         "a\0",
                         4)) == "error: is not UTF-8 text");  // UTF-16
}

TEST_CASE("what is no YAML is an error with its line") {
  for (const char* text : {"a: [1, 2", "a: 1\n b: 2\n", "a: \"x", "\ta: 1", "a: *x", "{a: ]"}) {
    CAPTURE(text);
    CHECK(Read(text).starts_with("error: line "));
  }
}

TEST_CASE("nesting and the number of values are bounded") {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(Read(nested(kYamlDepthMax)) == nested(kYamlDepthMax));
  CHECK(Read(nested(kYamlDepthMax + 1)) == "error: line 1: nested deeper than 8");
  CHECK(Read(std::string(100000, '[')).starts_with("error: "));
  CHECK(Read(std::string(100000, '-')).starts_with("error: ") == false);  // a plain scalar
  std::string blocks;
  for (int i = 0; i < 50000; ++i) blocks += "- ";
  CHECK(Read(blocks).starts_with("error: "));

  const auto list_of = [](size_t values) {
    std::string text = "[";
    for (size_t i = 0; i < values; ++i) text += "1,";
    return text + "]";
  };
  CHECK(Read(list_of(kYamlNodesMax - 1)).starts_with("[1, "));
  CHECK(Read(list_of(kYamlNodesMax)) == "error: line 1: more than 4096 values");
}

TEST_CASE("an alias bomb does not get as far as its first alias") {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char name = 'b'; name < 'k'; ++name) {
    const std::string before = "*" + std::string(1, static_cast<char>(name - 1));
    bomb += std::string(1, name) + ": &" + name + " [" + before;
    for (int i = 0; i < 8; ++i) bomb += "," + before;
    bomb += "]\n";
  }
  CHECK(Read(bomb) == "error: line 1: anchors are not allowed");
}

TEST_CASE("no damaged text does more than make an error") {
  const std::string whole =
      "terminal: false\nrules:\n  - pattern: \"a/**\"\n    access: {read: ['b@x.org', \"*\"], "
      "write: [], admin: ~}\n# end\n? |\n  block\n: >-\n  folded\n";
  uint64_t state = 1;
  const auto random = [&state] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
  };
  const std::string odd = "&*!|>%@`{}[],?:-#'\"\\\t\n ~<=.0";
  for (size_t cut = 0; cut <= whole.size(); ++cut) (void)ParseYaml(whole.substr(0, cut));
  for (int run = 0; run < 3000; ++run) {
    std::string text = whole;
    for (uint64_t edits = 1 + random() % 6; edits > 0; --edits) {
      const size_t at = random() % text.size();
      const char c = odd[random() % odd.size()];
      switch (random() % 3) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1 + random() % 40, c);
          break;
        default:
          text.erase(at, 1 + random() % 4);
      }
      if (text.empty()) text = "x";
    }
    (void)ParseYaml(text);
  }
}

}  // namespace
}  // namespace hotlink

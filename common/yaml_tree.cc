#include "common/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <utility>

#include "common/utf8.h"

namespace hotlink {
namespace {

using Kind = YamlNode::Kind;

// Leaves yaml-cpp's parser from inside an event; never leaves ParseYaml().
struct Refusal {
  int line;
  std::string why;
};

std::string AtLine(int line, const std::string& why) {
  return "line " + std::to_string(line) + ": " + why;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  YamlNode root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(Make(Kind::kNull, mark, "", anchor));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refusal{mark.line + 1, "aliases are not allowed"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = Make(Kind::kScalar, mark, tag, anchor);
    node.text = value;
    Add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Begin(Make(Kind::kList, mark, tag, anchor));
  }
  void OnSequenceEnd() override { End(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Begin(Make(Kind::kMap, mark, tag, anchor));
  }
  void OnMapEnd() override { End(); }

 private:
  YamlNode Make(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const int line = mark.line + 1;
    if (anchor != 0) throw Refusal{line, "anchors are not allowed"};
    // yaml-cpp's names for "none": a plain node and a quoted scalar.
    if (!tag.empty() && tag != "?" && tag != "!") throw Refusal{line, "tags are not allowed"};
    if (++nodes_ > kYamlNodesMax) {
      throw Refusal{line, "more than " + std::to_string(kYamlNodesMax) + " values"};
    }
    YamlNode node;
    node.kind = kind;
    node.line = line;
    return node;
  }

  void Begin(YamlNode node) {
    if (open_.size() == kYamlDepthMax) {
      throw Refusal{node.line, "nested deeper than " + std::to_string(kYamlDepthMax)};
    }
    open_.push_back(std::move(node));
  }

  void End() {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    Add(std::move(node));
  }

  void Add(YamlNode node) {
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    YamlNode& parent = open_.back();
    if (parent.kind == Kind::kMap && parent.items.size() % 2 == 0) CheckKey(parent, node);
    parent.items.push_back(std::move(node));
  }

  static void CheckKey(const YamlNode& map, const YamlNode& key) {
    if (key.kind != Kind::kScalar) throw Refusal{key.line, "a key must be a plain word"};
    if (key.text == "<<") throw Refusal{key.line, "merge keys are not allowed"};
    if (FindYaml(map, key.text) != nullptr) {
      throw Refusal{key.line, "the key " + Printable(key.text) + " stands there twice"};
    }
  }

  std::vector<YamlNode> open_;  // the collections under way, outermost first
  size_t nodes_ = 0;
};

}  // namespace

const YamlNode* FindYaml(const YamlNode& map, std::string_view key) {
  for (size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == key) return &map.items[i + 1];
  }
  return nullptr;
}

Result<YamlNode> ParseYaml(std::string_view text) {
  // yaml-cpp would take UTF-16 too, and stops at a zero byte.
  if (!IsUtf8(text) || text.find('\0') != std::string_view::npos) return Error{"is not UTF-8 text"};
  TreeBuilder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    TreeBuilder second;
    if (parser.HandleNextDocument(second)) return Error{"holds several documents"};
  } catch (const Refusal& refusal) {
    return Error{AtLine(refusal.line, refusal.why)};
  } catch (const YAML::ParserException& error) {
    return Error{AtLine(error.mark.line + 1, Printable(error.msg))};
  } catch (const std::exception& error) {
    return Error{Printable(error.what())};
  }
  return std::move(builder.root);
}

}  // namespace hotlink

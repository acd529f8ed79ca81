#include "common/acl_file.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "common/email.h"
#include "common/utf8.h"
#include "common/yaml_tree.h"

namespace hotlink {
namespace {

using Kind = YamlNode::Kind;

constexpr std::string_view kEverybody = "*";
constexpr size_t kShown = 80;  // bytes of foreign text in an error

Error At(const YamlNode& node, const std::string& what) {
  return Error{"line " + std::to_string(node.line) + ": " + what};
}

std::string Quoted(const std::string& text) {
  return '"' + Printable(std::string_view(text).substr(0, kShown)) + '"';
}

std::vector<std::string_view> Segments(std::string_view path) {
  std::vector<std::string_view> segments;
  while (true) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

// Bytes of the character that `text` begins with. REQUIRES: valid UTF-8, not empty.
size_t CharacterBytes(std::string_view text) {
  size_t bytes = 1;
  while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) ++bytes;
  return bytes;
}

// One name: after a mismatch the last star takes one byte more, so the time is at most the product
// of the lengths.
bool NameMatches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      n += CharacterBytes(name.substr(n));
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

// As the SyftBox server weighs its patterns: long and deep ones first, wildcards count against.
int Specificity(std::string_view pattern) {
  if (pattern == "**") return -100;
  if (pattern == "**/*") return -99;
  int score = 2 * static_cast<int>(pattern.size());
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '/') score += 10;
    if (pattern[i] == '*') score -= i == 0 ? 20 : 10;
    if (pattern[i] == '?' || pattern[i] == '!') score -= 2;
  }
  return score;
}

std::optional<Error> PatternFault(const YamlNode& node) {
  if (node.kind != Kind::kScalar || node.text.empty()) return At(node, "pattern must be a text");
  if (node.text.size() > kAclPatternMax) {
    return At(node, "pattern has more than " + std::to_string(kAclPatternMax) + " bytes");
  }
  if (node.text.find_first_of("[]{}\\") != std::string::npos) {
    return At(node, "pattern " + Quoted(node.text) + " may hold no wildcards but *, ** and ?");
  }
  for (const std::string_view segment : Segments(node.text)) {
    if (segment.empty() || segment == "." || segment == "..") {
      return At(node, "pattern " + Quoted(node.text) + " must name things below the directory");
    }
  }
  return {};
}

Result<std::string> ParseName(const YamlNode& node) {
  if (node.kind != Kind::kScalar) return At(node, "a list must hold e-mails or \"*\"");
  if (node.text == kEverybody) return node.text;
  Result<std::string> email = ParseEmail(node.text);
  // The server reads these characters as a pattern of e-mails, as in "*@example.org".
  if (!email || node.text.find_first_of("*?{}") != std::string::npos) {
    return At(node, Quoted(node.text) + " is neither an e-mail nor \"*\"");
  }
  return email;
}

class Reader {
 public:
  std::optional<Error> ReadFile(const YamlNode& root) {
    if (root.kind != Kind::kMap) return At(root, "must be a mapping with the key rules");
    if (const YamlNode* terminal = FindYaml(root, "terminal")) {
      const bool on = terminal->text == "true";
      if (!on && terminal->text != "false") return At(*terminal, "terminal must be true or false");
      file.terminal = on;
    }
    const YamlNode* rules = FindYaml(root, "rules");
    if (rules == nullptr || rules->kind == Kind::kNull) return {};
    if (rules->kind != Kind::kList) return At(*rules, "rules must be a list");
    if (rules->items.size() > kAclRulesMax) {
      return At(*rules, "more than " + std::to_string(kAclRulesMax) + " rules");
    }
    for (const YamlNode& rule : rules->items) {
      if (auto error = ReadRule(rule)) return error;
    }
    std::stable_sort(file.rules.begin(), file.rules.end(), [](const AclRule& a, const AclRule& b) {
      return Specificity(a.pattern) > Specificity(b.pattern);
    });
    return {};
  }

  AclFile file;

 private:
  std::optional<Error> ReadRule(const YamlNode& node) {
    if (node.kind != Kind::kMap) return At(node, "a rule must be a mapping");
    const YamlNode* pattern = FindYaml(node, "pattern");
    const YamlNode* access = FindYaml(node, "access");
    if (pattern == nullptr) return At(node, "a rule must have a pattern");
    if (auto fault = PatternFault(*pattern)) return fault;
    if (access == nullptr || access->kind != Kind::kMap) {
      return At(node, "a rule must have access: a mapping with admin, write and read");
    }
    AclRule rule{pattern->text, {}, {}, {}};
    for (const auto& [key, names] :
         {std::pair{"admin", &rule.admin}, std::pair{"write", &rule.write},
          std::pair{"read", &rule.read}}) {
      if (auto error = ReadNames(*access, key, names)) return error;
    }
    file.rules.push_back(std::move(rule));
    return {};
  }

  std::optional<Error> ReadNames(const YamlNode& access, const std::string& key,
                                 std::vector<std::string>* names) {
    const YamlNode* list = FindYaml(access, key);
    if (list == nullptr || list->kind == Kind::kNull) return {};
    if (list->kind != Kind::kList) return At(*list, key + " must be a list");
    for (const YamlNode& item : list->items) {
      Result<std::string> name = ParseName(item);
      if (!name) return Error{name.error()};
      if (++names_ > kAclNamesMax) {
        return At(item, "more than " + std::to_string(kAclNamesMax) + " names");
      }
      names->push_back(std::move(*name));
    }
    return {};
  }

  size_t names_ = 0;
};

bool Holds(const std::vector<std::string>& names, std::string_view user) {
  return std::any_of(names.begin(), names.end(), [user](const std::string& name) {
    return name == user || name == kEverybody;
  });
}

}  // namespace

Result<AclFile> ParseAclFile(std::string_view text) {
  if (text.size() > kAclFileMax) {
    return Error{"has " + std::to_string(text.size()) + " bytes, allowed are " +
                 std::to_string(kAclFileMax)};
  }
  const Result<YamlNode> root = ParseYaml(text);
  if (!root) return Error{root.error()};
  Reader reader;
  if (auto error = reader.ReadFile(*root)) return *error;
  return std::move(reader.file);
}

// By columns of the table "the first p names of the pattern match the first n of the path".
bool AclPatternMatches(std::string_view pattern, std::string_view path) {
  const std::vector<std::string_view> patterns = Segments(pattern), names = Segments(path);
  std::vector<bool> matched(names.size() + 1);
  matched[0] = true;
  for (const std::string_view segment : patterns) {
    std::vector<bool> next(names.size() + 1);
    if (segment == "**") {
      next[0] = matched[0];
      for (size_t n = 1; n <= names.size(); ++n) next[n] = matched[n] || next[n - 1];
    } else {
      for (size_t n = 1; n <= names.size(); ++n) {
        next[n] = matched[n - 1] && NameMatches(segment, names[n - 1]);
      }
    }
    matched = std::move(next);
  }
  return matched[names.size()];
}

bool AclGrants(const AclFile& file, std::string_view path, std::string_view user, AclLevel level) {
  for (const AclRule& rule : file.rules) {
    if (!AclPatternMatches(rule.pattern, path)) continue;
    return Holds(rule.admin, user) || (level <= AclLevel::kWrite && Holds(rule.write, user)) ||
           (level == AclLevel::kRead && Holds(rule.read, user));
  }
  return false;
}

std::vector<std::string> AclNames(const AclFile& file) {
  std::set<std::string> names;
  for (const AclRule& rule : file.rules) {
    for (const auto* list : {&rule.admin, &rule.write, &rule.read}) {
      names.insert(list->begin(), list->end());
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace hotlink

// syft.pub.yaml: what is taken, what is refused, and what it grants.
#include "common/acl_file.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace hotlink {
namespace {

using Names = std::vector<std::string>;

std::string Rule(const std::string& pattern, const std::string& access) {
  return "  - pattern: \"" + pattern + "\"\n    access: {" + access + "}\n";
}

AclFile Parsed(const std::string& text) {
  Result<AclFile> file = ParseAclFile(text);
  REQUIRE_MESSAGE(file.ok(), (file.ok() ? "" : file.error()));
  return *file;
}

std::string FaultOf(const std::string& text) {
  const Result<AclFile> file = ParseAclFile(text);
  return file ? "none" : file.error();
}

TEST_CASE("a file as launchers and clients write it") {
  const AclFile file = Parsed(
      "terminal: true\n"
      "rules:\n"
      "- pattern: '**'\n"
      "  access:\n"
      "    admin: []\n"
      "    write: [Bob@Example.org]\n"
      "    read:\n"
      "    - carol@example.org\n"
      "    - '*'\n"
      "  limits: {maxFiles: 3}\n"
      "comment: unknown keys do not matter\n");
  CHECK(file.terminal);
  REQUIRE(file.rules.size() == 1);
  CHECK(file.rules[0].pattern == "**");
  CHECK(file.rules[0].write == Names{"bob@example.org"});
  CHECK(file.rules[0].read == Names{"carol@example.org", "*"});
  CHECK(AclNames(file) == Names{"*", "bob@example.org", "carol@example.org"});
}

TEST_CASE("rules and lists may be missing") {
  CHECK(Parsed("terminal: false\n").rules.empty());
  CHECK(Parsed("rules:\n").rules.empty());
  CHECK(Parsed("rules: []\n").rules.empty());
  const AclFile file = Parsed("rules:\n" + Rule("**", "read: , write: [b@x.org]"));
  CHECK(AclNames(file) == Names{"b@x.org"});
}

TEST_CASE("what is no ACL file says why") {
  const std::string rule = "rules:\n- pattern: p\n  access: ";
  const struct {
    std::string text, error;
  } cases[] = {
      {"", "line 1: must be a mapping with the key rules"},
      {"- a\n", "line 1: must be a mapping with the key rules"},
      {"rules: 5\n", "line 1: rules must be a list"},
      {"rules:\n- 5\n", "line 2: a rule must be a mapping"},
      {"rules:\n- access: {}\n", "line 2: a rule must have a pattern"},
      {"rules:\n- pattern: p\n",
       "line 2: a rule must have access: a mapping with admin, write and read"},
      {rule + "[a@x.org]\n",
       "line 2: a rule must have access: a mapping with admin, write and read"},
      {rule + "{read: b@x.org}\n", "line 3: read must be a list"},
      {rule + "{write: {a: b}}\n", "line 3: write must be a list"},
      {rule + "{read: [[b@x.org]]}\n", "line 3: a list must hold e-mails or \"*\""},
      {rule + "{read: [~]}\n", "line 3: a list must hold e-mails or \"*\""},
      {rule + "{read: [bob]}\n", "line 3: \"bob\" is neither an e-mail nor \"*\""},
      {rule + "{read: [USER]}\n", "line 3: \"USER\" is neither an e-mail nor \"*\""},
      {rule + "{read: ['*@x.org']}\n", "line 3: \"*@x.org\" is neither an e-mail nor \"*\""},
      {rule + "{read: ['b?@x.org']}\n", "line 3: \"b?@x.org\" is neither an e-mail nor \"*\""},
      {rule + "{read: ['{b,c}@x.org']}\n",
       "line 3: \"{b,c}@x.org\" is neither an e-mail nor \"*\""},
      {"terminal: maybe\n", "line 1: terminal must be true or false"},
      {"terminal: [true]\n", "line 1: terminal must be true or false"},
      {"rules:\n- pattern: []\n  access: {}\n", "line 2: pattern must be a text"},
      {"rules:\n- pattern: ''\n  access: {}\n", "line 2: pattern must be a text"},
      {"rules:\n- pattern: 'a[b]'\n  access: {}\n",
       "line 2: pattern \"a[b]\" may hold no wildcards but *, ** and ?"},
      {"rules:\n- pattern: '{{.UserEmail}}/**'\n  access: {}\n",
       "line 2: pattern \"{{.UserEmail}}/**\" may hold no wildcards but *, ** and ?"},
      {"rules:\n- pattern: ../**\n  access: {}\n",
       "line 2: pattern \"../**\" must name things below the directory"},
      {"rules:\n- pattern: /a\n  access: {}\n",
       "line 2: pattern \"/a\" must name things below the directory"},
      {"rules: []\nrules: []\n", "line 2: the key rules stands there twice"},
      {"rules: &a []\n", "line 1: anchors are not allowed"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(FaultOf(c.text) == c.error);
  }
}

TEST_CASE("size, rules, names and patterns are bounded") {
  const std::string start = "rules: []\n#";
  CHECK(FaultOf(start + std::string(kAclFileMax - start.size(), 'x')) == "none");
  CHECK(FaultOf(start + std::string(kAclFileMax - start.size() + 1, 'x')) ==
        "has 16385 bytes, allowed are 16384");

  const auto rules = [](size_t n) {
    std::string text = "rules:\n";
    for (size_t i = 0; i < n; ++i) text += Rule("a" + std::to_string(i), "");
    return text;
  };
  CHECK(FaultOf(rules(kAclRulesMax)) == "none");
  CHECK(FaultOf(rules(kAclRulesMax + 1)) == "line 2: more than 64 rules");

  const auto names = [](size_t n) {
    std::string list = "rules:\n- pattern: p\n  access: {read: [";
    for (size_t i = 0; i < n; ++i) list += "b@x.org,";
    return list + "]}\n";
  };
  CHECK(FaultOf(names(kAclNamesMax)) == "none");
  CHECK(FaultOf(names(kAclNamesMax + 1)) == "line 3: more than 512 names");

  CHECK(FaultOf("rules:\n" + Rule(std::string(kAclPatternMax, 'a'), "")) == "none");
  CHECK(FaultOf("rules:\n" + Rule(std::string(kAclPatternMax + 1, 'a'), "")) ==
        "line 2: pattern has more than 1024 bytes");
}

TEST_CASE("patterns") {
  const struct {
    const char *pattern, *path;
    bool matches;
  } cases[] = {
      {"**", "a", true},
      {"**", "a/b/c", true},
      {"*", "a", true},
      {"*", "a/b", false},
      {"a*", "a", true},
      {"a*c", "abbc", true},
      {"a*c", "abbcd", false},
      {"*.csv", "x.csv", true},
      {"*.csv", "d/x.csv", false},
      {"**/*.csv", "x.csv", true},
      {"**/*.csv", "d/e/x.csv", true},
      {"**/*.csv", "d/e/x.csvx", false},
      {"a/**", "a", true},
      {"a/**", "a/b/c", true},
      {"a/**", "ab/c", false},
      {"a/**/z", "a/z", true},
      {"a/**/z", "a/b/c/z", true},
      {"a/**/z", "a/b/c/y", false},
      {"a?c", "abc", true},
      {"a?c", "a/c", false},
      {"a?c",
       "a\xC3\xBC"
       "c",
       true},  // one character, two bytes
      {"a?", "a", false},
      {"a**", "ab", true},  // no whole name: as *
      {"a**", "ab/c", false},
      {"stream.tcp", "stream.tcp", true},
      {"stream.tcp", "stream.tcp.request", false},
      {"A", "a", false},
      {"a*b*c", "aXbXbXc", true},
      {"a*b*c", "aXcXb", false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.pattern);
    CAPTURE(c.path);
    CHECK(AclPatternMatches(c.pattern, c.path) == c.matches);
  }
}

TEST_CASE("the longest patterns and paths are matched in reasonable time") {
  std::string pattern, path;
  while (pattern.size() + 3 < kAclPatternMax) pattern += "**/";
  pattern += "b";
  while (path.size() < 4094) path += "a/";
  CHECK_FALSE(AclPatternMatches(pattern, path + "a"));
  std::string stars;
  while (stars.size() + 2 < kAclPatternMax) stars += "*a";
  CHECK_FALSE(AclPatternMatches(stars + "b", std::string(4096, 'a')));
}

TEST_CASE("admin includes write, write includes read") {
  const AclFile file =
      Parsed("rules:\n" + Rule("**", "admin: [a@x.org], write: [w@x.org], read: [r@x.org]"));
  const auto levels = [&file](std::string_view user) {
    std::string text;
    for (const auto& [level, letter] :
         {std::pair{AclLevel::kRead, 'r'}, std::pair{AclLevel::kWrite, 'w'},
          std::pair{AclLevel::kAdmin, 'a'}}) {
      if (AclGrants(file, "x", user, level)) text += letter;
    }
    return text;
  };
  CHECK(levels("a@x.org") == "rwa");
  CHECK(levels("w@x.org") == "rw");
  CHECK(levels("r@x.org") == "r");
  CHECK(levels("s@x.org").empty());
  const AclFile everybody = Parsed("rules:\n" + Rule("**", "read: ['*']"));
  CHECK(AclGrants(everybody, "x", "s@x.org", AclLevel::kRead));
  CHECK_FALSE(AclGrants(everybody, "x", "s@x.org", AclLevel::kWrite));
}

TEST_CASE("the most specific rule that matches decides alone, in whatever order they stand") {
  const std::vector<std::string> rules = {
      Rule("**", "read: [all@x.org]"),       Rule("**/*", "read: [most@x.org]"),
      Rule("*.csv", "read: [csv@x.org]"),    Rule("d/**", "read: [below@x.org]"),
      Rule("d/*.csv", "read: [near@x.org]"), Rule("d/secret.csv", "read: []"),
  };
  const struct {
    const char *path, *reader;
  } cases[] = {
      {"x.csv", "csv@x.org"},    {"other", "most@x.org"},    {"d/e/f", "below@x.org"},
      {"d/x.csv", "near@x.org"}, {"d/secret.csv", "nobody"},
  };
  std::string forward = "rules:\n", backward = "rules:\n";
  for (size_t i = 0; i < rules.size(); ++i) {
    forward += rules[i];
    backward += rules[rules.size() - 1 - i];
  }
  for (const std::string& text : {forward, backward}) {
    const AclFile file = Parsed(text);
    for (const auto& c : cases) {
      CAPTURE(c.path);
      for (const char* user :
           {"all@x.org", "most@x.org", "csv@x.org", "below@x.org", "near@x.org"}) {
        CHECK(AclGrants(file, c.path, user, AclLevel::kRead) == (std::string(user) == c.reader));
      }
    }
  }
}

TEST_CASE("deep patterns go before long ones, and wildcards count against a pattern") {
  const struct {
    std::string more, less, path;
  } cases[] = {
      {"?/?/c*", "**/cccccccccccc", "a/b/cccccccccccc"},
      {"ab??", "*b*c*d*", "abcd"},
      {"a*d", "*bcd", "abcd"},
      {"abc?", "ab??", "abcd"},
      {"abcd", "abc?", "abcd"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.more);
    const AclFile file =
        Parsed("rules:\n" + Rule(c.less, "read: [l@x.org]") + Rule(c.more, "read: [m@x.org]"));
    CHECK(AclGrants(file, c.path, "m@x.org", AclLevel::kRead));
    CHECK_FALSE(AclGrants(file, c.path, "l@x.org", AclLevel::kRead));
  }
}

TEST_CASE("where no rule matches, nobody may") {
  const AclFile file = Parsed("rules:\n" + Rule("a/**", "admin: ['*']"));
  CHECK_FALSE(AclGrants(file, "b", "b@x.org", AclLevel::kRead));
  CHECK_FALSE(AclGrants(Parsed("terminal: false\n"), "b", "b@x.org", AclLevel::kRead));
}

}  // namespace
}  // namespace hotlink

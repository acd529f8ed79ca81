// Where a token was given, which is where a renewed one goes back to.
#ifndef HOTLINK_PROXY_TOKENS_TOKEN_PLACE_H_
#define HOTLINK_PROXY_TOKENS_TOKEN_PLACE_H_

#include <string>
#include <string_view>

#include "common/option.h"
#include "common/result.h"
#include "common/secret.h"

namespace hotlink {

inline constexpr size_t kTokenMax = 12 << 10;  // bytes; servers take headers of 16 KiB in all

inline constexpr size_t kTokenFileMax = kTokenMax + 2;  // a line break more

// What is wrong with a token. It becomes a header of the upgrade request: visible ASCII only.
Complaint CheckToken(std::string_view token);

struct TokenPlace {
  enum class Kind {
    kNowhere,
    kVariable,  // of the environment: nothing can be written back
    kFile,      // holds the token and white space
    kConfig     // a JSON object, which has it as `key`
  };

  Kind kind = Kind::kNowhere;
  std::string name;  // kVariable: which; kFile, kConfig: the path
  std::string key;   // kConfig

  bool on_disk() const { return kind == Kind::kFile || kind == Kind::kConfig; }
  std::string Text() const;  // "access_token in /…/config.json", for people
};

// The token in a file's content; an error names the place and holds nothing of the content. A key
// that is missing, null or empty is an empty token.
Result<Secret> TokenIn(const TokenPlace& place, std::string_view content);

// The content with another token: all other keys stay. REQUIRES: place.on_disk().
Result<std::string> WithToken(const TokenPlace& place, std::string_view content,
                              const Secret& token);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_TOKENS_TOKEN_PLACE_H_

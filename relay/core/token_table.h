// The tokens that the relay takes, as digests: those of --token-file, and those it issued itself.
//
// The file, a token a line; '#' begins a comment line, blank lines do not count:
//
//   alice@example.org: <sha256>          an access token, good for ever
//   refresh alice@example.org: <sha256>  a refresh token, good for one POST /auth/refresh
//
// <sha256>: 64 hex digits, of the token's bytes. An e-mail may have any number of each.
#ifndef HOTLINK_RELAY_CORE_TOKEN_TABLE_H_
#define HOTLINK_RELAY_CORE_TOKEN_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/time.h"

namespace hotlink {

using TokenDigest = std::array<uint8_t, 32>;  // SHA-256

TokenDigest DigestOf(std::string_view token);

enum class TokenKind { kAccess, kRefresh };

struct TokenEntry {
  TokenKind kind = TokenKind::kAccess;
  std::string email;  // lower case
  TokenDigest digest{};
  Time expires = kNever;
};

class TokenTable {
 public:
  // `path` is for the errors, which name it and the line, and never repeat a token.
  static Result<TokenTable> Parse(const std::string& path, std::string_view content);

  // The entry of that token that has not expired, or null; it stays valid until the next change of
  // the table. Looks at every entry, and compares in constant time.
  TokenEntry* Find(TokenKind kind, std::string_view token, Time now);

  // An issued access token. What has expired is forgotten; beyond kMaxIssuedTokens the oldest is.
  void Issue(const std::string& email, std::string_view token, Time expires, Time now);

  size_t size() const { return entries_.size(); }

 private:
  std::vector<TokenEntry> entries_;  // those of the file first, then issued ones, oldest first
  size_t listed_ = 0;                // those of the file
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_TOKEN_TABLE_H_

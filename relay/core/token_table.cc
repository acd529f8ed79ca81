#include "relay/core/token_table.h"

#include <nettle/base16.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

#include <algorithm>
#include <optional>

#include "common/email.h"
#include "relay/core/limits.h"

namespace hotlink {
namespace {

constexpr std::string_view kRefreshWord = "refresh ";
constexpr std::string_view kSpace = " \t\r";

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<TokenDigest> ParseDigest(std::string_view hex) {
  TokenDigest digest;
  if (hex.size() != BASE16_ENCODE_LENGTH(digest.size())) return {};
  base16_decode_ctx context;
  base16_decode_init(&context);
  size_t size = digest.size();
  if (!base16_decode_update(&context, &size, digest.data(), hex.size(), hex.data())) return {};
  if (size != digest.size()) return {};  // white space was skipped
  return digest;
}

Result<TokenEntry> ParseLine(std::string_view line) {
  TokenEntry entry;
  if (line.starts_with(kRefreshWord)) {
    entry.kind = TokenKind::kRefresh;
    line = Trim(line.substr(kRefreshWord.size()));
  }
  const size_t colon = line.rfind(':');
  // Not repeated: somebody may have put the token itself there.
  if (colon == std::string_view::npos) return Error{"is not \"email: sha256\""};
  const Result<std::string> email = ParseEmail(Trim(line.substr(0, colon)));
  if (!email) return Error{"does not begin with an e-mail address"};
  entry.email = *email;
  const std::optional<TokenDigest> digest = ParseDigest(Trim(line.substr(colon + 1)));
  if (!digest) return Error{"does not end with the 64 hex digits of a token's SHA-256"};
  entry.digest = *digest;
  return entry;
}

}  // namespace

TokenDigest DigestOf(std::string_view token) {
  TokenDigest digest;
  sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, token.size(), reinterpret_cast<const uint8_t*>(token.data()));
  sha256_digest(&context, digest.size(), digest.data());
  return digest;
}

Result<TokenTable> TokenTable::Parse(const std::string& path, std::string_view content) {
  TokenTable table;
  for (size_t number = 1; !content.empty(); ++number) {
    const size_t end = std::min(content.find('\n'), content.size());
    const std::string_view line = Trim(content.substr(0, end));
    content.remove_prefix(std::min(end + 1, content.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const auto refuse = [&](const std::string& why) {
      std::string text = path;
      return Error{text.append(" line ").append(std::to_string(number)).append(" ").append(why)};
    };
    Result<TokenEntry> entry = ParseLine(line);
    if (!entry) return refuse(entry.error());
    const bool twice = std::any_of(table.entries_.begin(), table.entries_.end(),
                                   [&](const TokenEntry& e) { return e.digest == entry->digest; });
    if (twice) return refuse("repeats a digest");
    if (table.entries_.size() == kMaxListedTokens) {
      return refuse("is over the " + std::to_string(kMaxListedTokens) + " tokens of a file");
    }
    table.entries_.push_back(std::move(*entry));
  }
  if (table.entries_.empty()) return Error{path + " holds no token: nobody could connect"};
  table.listed_ = table.entries_.size();
  return table;
}

TokenEntry* TokenTable::Find(TokenKind kind, std::string_view token, Time now) {
  const TokenDigest digest = DigestOf(token);
  TokenEntry* found = nullptr;
  for (TokenEntry& entry : entries_) {
    const bool same = memeql_sec(entry.digest.data(), digest.data(), digest.size()) != 0;
    if (same && entry.kind == kind && now < entry.expires) found = &entry;
  }
  return found;
}

void TokenTable::Issue(const std::string& email, std::string_view token, Time expires, Time now) {
  std::erase_if(entries_, [now](const TokenEntry& entry) { return entry.expires <= now; });
  if (entries_.size() - listed_ == kMaxIssuedTokens) {
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(listed_));
  }
  entries_.push_back({TokenKind::kAccess, email, DigestOf(token), expires});
}

}  // namespace hotlink

#include "proxy/tokens/token_store.h"

#include <algorithm>
#include <utility>

namespace hotlink {
namespace {

// True where the file has a token that it did not have before; `current` is that one then.
bool Adopt(const Secret& in_file, Secret* seen, Secret* current) {
  if (in_file.empty() || in_file.Reveal() == seen->Reveal()) return false;
  *seen = in_file;
  *current = in_file;
  return true;
}

}  // namespace

TokenStore::TokenStore(TokenPair given, Duration pace, Duration retry_max)
    : pace_(pace), retry_max_(retry_max), now_(given), files_(std::move(given)), spacing_(pace) {}

void TokenStore::Read(const TokenPair& files) {
  Adopt(files.access, &files_.access, &now_.access);
  // Another refresh token has not failed yet.
  if (Adopt(files.refresh, &files_.refresh, &now_.refresh)) spacing_ = pace_;
}

const Secret& TokenStore::Use() {
  used_ = now_.access;
  return used_;
}

void TokenStore::Accepted() {
  spacing_ = pace_;
  last_failure_.clear();
}

TokenStep TokenStore::NextStep(Time now) const {
  if (!now_.access.empty() && now_.access.Reveal() != used_.Reveal()) return TokenStep::kConnect;
  if (now_.refresh.empty()) return TokenStep::kNoRefreshToken;
  if (spent_once_ && now < spent_at_ + spacing_) return TokenStep::kWait;
  return now < limited_until_ ? TokenStep::kWait : TokenStep::kRefresh;
}

const Secret& TokenStore::Spend(Time now) {
  // Doubled here, and not where it fails: tokens that the server gives out and then refuses are
  // failures too.
  if (spent_once_) spacing_ = std::min(spacing_ * 2, retry_max_);
  spent_once_ = true;
  spent_at_ = now;
  return now_.refresh;
}

const TokenPair& TokenStore::Renewed(const TokenPair& fresh) {
  last_failure_.clear();
  now_.access = fresh.access;
  if (!fresh.refresh.empty()) now_.refresh = fresh.refresh;
  return now_;
}

void TokenStore::Failed(const RefreshOutcome& outcome, Time now) {
  last_failure_ = outcome.why;
  if (outcome.kind == RefreshOutcome::Kind::kRefused) spacing_ = retry_max_;
  if (outcome.kind == RefreshOutcome::Kind::kLimited) {
    const Duration wait = outcome.retry_after > 0 ? outcome.retry_after : kRefreshLimitWindow;
    limited_until_ = now + wait;
  }
}

}  // namespace hotlink

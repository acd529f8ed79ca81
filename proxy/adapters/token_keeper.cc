#include "proxy/adapters/token_keeper.h"

#include <algorithm>
#include <utility>

#include "proxy/adapters/disk_files.h"
#include "proxy/config/config_file.h"

namespace hotlink {
namespace {

// Between two tries for a lock that another process holds.
constexpr Duration kLockRetry = 50 * kMillisecond;

}  // namespace

TokenKeeper::TokenKeeper(uv_loop_t* loop, TokenKeeperOptions options, Log& log)
    : loop_(loop),
      options_(std::move(options)),
      log_(log),
      store_(options_.given, options_.pace, options_.retry_max),
      lock_timer_(loop, [this] { Lock(); }) {}

Time TokenKeeper::Now() const { return static_cast<Time>(uv_hrtime() / 1000); }

// ---- What the link asks ----

Secret TokenKeeper::AccessToken() {
  ReadFiles();
  return store_.Use();
}

void TokenKeeper::Refused(std::function<void(const TokenVerdict&)> done) {
  done_ = std::move(done);
  if (stopped_ || post_) return;  // the end, or an answer that an earlier question waits for
  Decide(false);
}

void TokenKeeper::Stop(std::function<void()> stopped) {
  done_ = nullptr;
  lock_timer_.Stop();
  if (!post_) return stopped();
  stopped_ = std::move(stopped);
}

void TokenKeeper::Abandon() {
  post_.reset();
  lock_.Release();
  if (const auto stopped = std::exchange(stopped_, nullptr)) stopped();
}

// ---- The way to another token ----

void TokenKeeper::Decide(bool locked) {
  ReadFiles();
  lock_busy_ = false;
  switch (store_.NextStep(Now())) {
    case TokenStep::kConnect:
      log_.Write(LogLevel::kInfo,
                 "access token: another one was found in " + options_.access_place.Text());
      return Conclude(true);
    case TokenStep::kRefresh:
      if (locked) return Post();
      lock_deadline_ = Now() + options_.timeout;
      return Lock();
    case TokenStep::kWait:
    case TokenStep::kNoRefreshToken:
      return Conclude(false);
  }
}

// So that two processes do not both spend the token: who comes second finds the first one's.
void TokenKeeper::Lock() {
  const TokenPlace& place =
      options_.refresh_place.on_disk() ? options_.refresh_place : options_.access_place;
  if (!place.on_disk()) return Decide(true);
  switch (lock_.Take(place.name)) {
    case TokenLock::Outcome::kTaken:
      return Decide(true);
    case TokenLock::Outcome::kImpossible:
      // Writing will fail too, and is warned of.
      log_.Write(LogLevel::kDebug, "access token: renewed without a lock: " + lock_.error());
      return Decide(true);
    case TokenLock::Outcome::kBusy:
      lock_busy_ = Now() >= lock_deadline_;
      if (lock_busy_) return Conclude(false);
      return lock_timer_.Start(kLockRetry);
  }
}

void TokenKeeper::Post() {
  const Secret& token = store_.Spend(Now());
  log_.Write(LogLevel::kDebug, "access token: asking " + options_.refresh_url + " for another");
  post_ = std::make_unique<HttpPost>(loop_,
                                     HttpPostRequest{.url = options_.refresh_url,
                                                     .body = RefreshRequest(token),
                                                     .ca_file = options_.ca_file,
                                                     .timeout = options_.timeout},
                                     [this](const HttpPostAnswer& answer) { OnAnswer(answer); });
}

void TokenKeeper::OnAnswer(const HttpPostAnswer& answer) {
  RefreshOutcome outcome = ReadRefreshAnswer(answer.status, answer.body, answer.retry_after);
  if (answer.status == 0) outcome.why = "cannot be asked: " + answer.error;
  post_.reset();
  const bool renewed = outcome.kind == RefreshOutcome::Kind::kRenewed;
  if (renewed) {
    log_.Write(LogLevel::kInfo, "access token: renewed");
    WriteBack(store_.Renewed(outcome.fresh), !outcome.fresh.refresh.empty());
  } else {
    store_.Failed(outcome, Now());
  }
  Conclude(renewed);
}

void TokenKeeper::Conclude(bool renewed) {
  lock_.Release();
  if (const auto stopped = std::exchange(stopped_, nullptr)) return stopped();
  const auto done = std::exchange(done_, nullptr);
  if (done) done({renewed, renewed ? "" : Advice()});
}

std::string TokenKeeper::Advice() const {
  const TokenPlace &access = options_.access_place, &refresh = options_.refresh_place;
  std::string text;
  if (lock_busy_)
    text = "; the access token cannot be renewed: another process holds the lock on it";
  else if (!store_.last_failure().empty())
    text = "; the access token cannot be renewed: " + options_.refresh_url + " " +
           store_.last_failure();
  else if (refresh.kind == TokenPlace::Kind::kNowhere)
    text = "; there is no refresh token to renew the access token with";
  else
    text = "; it does not take the renewed access token either";
  const std::string both =
      access.Text() + (access.on_disk() && refresh.on_disk() && access.Text() != refresh.Text()
                           ? " and " + refresh.Text()
                           : "");
  if (access.on_disk()) return text + ". Put a valid token into " + both;
  if (refresh.on_disk()) return text + ". Put a valid token into " + refresh.Text();
  return text +
         ". Start again with a valid SYFTBOX_ACCESS_TOKEN, or let SYFTBOX_REFRESH_TOKEN_FILE "
         "or SYFTBOX_CONFIG_PATH name a file that holds a refresh token";
}

// ---- Files ----

void TokenKeeper::ReadFiles() {
  store_.Read({ReadPlace(options_.access_place), ReadPlace(options_.refresh_place)});
}

Secret TokenKeeper::ReadPlace(const TokenPlace& place) {
  if (!place.on_disk()) return Secret();
  const Result<std::string> content = DiskFiles().read(place.name, kConfigFileMax);
  if (!content) return WarnOnce(content.error()), Secret();
  const Result<Secret> token = TokenIn(place, *content);
  if (!token) return WarnOnce(token.error()), Secret();
  return *token;
}

void TokenKeeper::WriteBack(const TokenPair& tokens, bool rotated) {
  // The refresh token first: without it a restart could not go on.
  if (rotated) Write(options_.refresh_place, tokens.refresh);
  Write(options_.access_place, tokens.access);
}

void TokenKeeper::Write(const TokenPlace& place, const Secret& token) {
  if (!place.on_disk()) {
    if (&place == &options_.refresh_place)
      WarnOnce(place.Text() +
               ": the server has replaced the refresh token, and the new one is kept "
               "in memory alone: a restart needs another. From a file "
               "(SYFTBOX_REFRESH_TOKEN_FILE) it would be kept");
    return;
  }
  // Read now, for whoever else changed the other keys.
  const Result<std::string> content = DiskFiles().read(place.name, kConfigFileMax);
  Result<std::string> next = content ? WithToken(place, *content, token) : content;
  const std::optional<std::string> failed =
      next ? ReplaceFile(place.name, Secret(std::move(*next))) : next.error();
  if (failed)
    WarnOnce("renewed tokens are kept in memory alone, since they cannot be written: " + *failed +
             ". A restart will need valid ones");
}

void TokenKeeper::WarnOnce(const std::string& text) {
  if (warned_.insert(text).second) log_.Write(LogLevel::kWarning, text);
}

}  // namespace hotlink

#include "proxy/commands/relay_check.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "proxy/adapters/log_sink.h"
#include "proxy/adapters/random_bits.h"
#include "proxy/adapters/relay_url.h"
#include "proxy/part_options.h"

namespace hotlink {
namespace {

// A refresh token is spent by its use: it is used only where the next one can be kept. Empty: it
// may be; else why not.
std::string RenewalFault(const ProxyOptions& options) {
  const TokenPlace& place = options.refresh_place;
  if (options.refresh_token.Reveal().empty()) return "";
  if (!place.on_disk()) {
    return "it was not renewed, which would spend " + place.Text() +
           ": only the sidecar can keep the next one";
  }
  const std::string directory = place.name.substr(0, place.name.rfind('/') + 1);
  const bool kept = access(place.name.c_str(), W_OK) == 0 &&
                    access(directory.empty() ? "." : directory.c_str(), W_OK) == 0;
  return kept ? "" : "it was not renewed, since " + place.Text() + " cannot be written";
}

// Those of the sidecar, but short.
ProxyOptions Shortened(ProxyOptions options) {
  options.connect_timeout = std::min(options.connect_timeout, kCheckConnectLimit);
  options.upgrade_timeout = std::min(options.upgrade_timeout, kCheckUpgradeLimit);
  if (!RenewalFault(options).empty()) {
    options.refresh_token = Secret();
    options.refresh_place = TokenPlace();
  }
  return options;
}

}  // namespace

RelayCheck::RelayCheck(const ProxyOptions& options)
    : options_(Shortened(options)), log_(LogLevel::kError, LogFormat::kText, WallTime, {}) {
  uv_loop_init(&loop_);
  timer_ = std::make_unique<Timer>(&loop_, [this] { OnTimer(); });
  tokens_ = std::make_unique<TokenKeeper>(&loop_, TokenOptionsOf(options_), log_);
  link_ = std::make_unique<RelayLink>(
      &loop_, LinkOptionsOf(options_, tokens_.get()),
      RelayLinkEvents{
          .on_up =
              [this] {
                facts_.reached = LinkFacts::Reached::kUp;
                uv_stop(&loop_);
              },
          .on_down = [this](const std::string&) { uv_stop(&loop_); },
          .on_failed = [this](LinkStep step, const std::string& reason) { OnFailed(step, reason); },
          .on_message = [this](const Message& message) { OnMessage(message); },
          .on_writable = [] {}},
      log_, RandomBits);
  facts_.token_given = !options.access_token.Reveal().empty();
  facts_.renewal_withheld = RenewalFault(options);
}

RelayCheck::~RelayCheck() {
  timer_.reset();
  int left = 2;
  const auto stopped = [this, &left] {
    if (--left == 0) uv_stop(&loop_);
  };
  // Also for a renewal under way, the answer of which has the next refresh token.
  tokens_->Stop(stopped);
  link_->Stop(stopped);
  while (left > 0) uv_run(&loop_, UV_RUN_ONCE);
  link_.reset();
  tokens_.reset();
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
}

void RelayCheck::Wait() { uv_run(&loop_, UV_RUN_DEFAULT); }

LinkFacts RelayCheck::Connect() {
  if (const Result<RelayUrl> url = ParseRelayUrl(options_.server_url, options_.email)) {
    facts_.name = url->name;
    facts_.tls = url->tls;
  }
  facts_.error = "no answer within " + std::to_string(kCheckLinkLimit / kMillisecond) + " ms";
  if (const auto error = link_->Start()) {
    facts_.error = error->text;
    return facts_;
  }
  timer_->Start(kCheckLinkLimit);
  Wait();
  timer_->Stop();
  return facts_;
}

void RelayCheck::OnFailed(LinkStep step, const std::string& reason) {
  using Reached = LinkFacts::Reached;
  static constexpr Reached kReached[] = {Reached::kNothing, Reached::kCertificate, Reached::kServer,
                                         Reached::kTokenWanted};
  facts_.reached = kReached[static_cast<int>(step)];
  facts_.error = reason;
  uv_stop(&loop_);
}

std::vector<ProbeResult> RelayCheck::Ask(std::vector<ProbedChannel> channels) {
  probe_ = std::make_unique<ChannelProbe>(
      options_.email, std::move(channels),
      [this](const MessageBody& body) { link_->SendControl(body); }, RandomBits);
  probe_->Start(Now());
  while (!probe_->Done() && link_->up()) {
    timer_->Start(std::max<Duration>(probe_->Deadline() - Now(), 0));
    Wait();
  }
  timer_->Stop();
  return probe_->Done() ? probe_->results() : std::vector<ProbeResult>();
}

void RelayCheck::OnMessage(const Message& message) {
  if (!probe_) return;
  probe_->Received(message, Now());
  uv_stop(&loop_);  // the deadline may be another one
}

void RelayCheck::OnTimer() {
  if (probe_) probe_->Tick(Now());
  uv_stop(&loop_);
}

}  // namespace hotlink

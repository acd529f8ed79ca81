#include "proxy/adapters/relay_errors.h"

#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>

namespace hotlink {
namespace {

constexpr char kCheckClock[] = "; if that is not so, this machine's clock is wrong";

bool Contains(std::string_view text, std::string_view words) {
  return text.find(words) != text.npos;
}

std::string CaFileFault(const std::string& ca_file) {
  if (ca_file.empty())
    return "the system's certificates cannot be read: install the package ca-certificates, or set "
           "HOTLINK_PROXY_CA_FILE";
  const bool readable = access(ca_file.c_str(), R_OK) == 0;
  return "HOTLINK_PROXY_CA_FILE " + ca_file +
         (readable ? ": holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
                   : ": cannot be read: " + std::string(std::strerror(errno)));
}

// Who is spoken to in TLS: the server, or a proxy in front of it.
struct TlsEnd {
  std::string who;
  std::string host;
  std::string setting;  // where its address comes from
};

TlsEnd TlsEndOf(const ConnectFailure& failure, const std::string& server) {
  constexpr std::string_view kTlsProxy = "https://";
  const bool at_proxy =
      failure.proxy && failure.proxy_status == 0 && failure.proxy->address.starts_with(kTlsProxy);
  if (!at_proxy) return {"server", server.substr(0, server.rfind(':')), "the server URL"};
  const std::string address = failure.proxy->address.substr(kTlsProxy.size());
  return {"proxy", address.substr(0, address.rfind(':')), failure.proxy->variable};
}

std::string CertificateFault(const ConnectFailure& failure, const TlsEnd& end,
                             const std::string& ca_file) {
  using Fault = ShownCertificate::Fault;
  const ShownCertificate& shown = failure.certificate;
  switch (shown.fault) {
    case Fault::kExpired:
      return "the certificate " + shown.subject + " expired at " + shown.valid_until + ": the " +
             end.who + " needs a new one" + kCheckClock;
    case Fault::kNotYetValid:
      return "the certificate " + shown.subject + " is valid only from " + shown.valid_from +
             kCheckClock;
    case Fault::kUnknownAuthority:
      return "the certificate " + shown.subject + " was issued by " + shown.issuer +
             ", which is not trusted here: " +
             (ca_file.empty() ? "HOTLINK_PROXY_CA_FILE names a file of the authorities to trust"
                              : "HOTLINK_PROXY_CA_FILE " + ca_file + " does not hold it");
    case Fault::kOther:
      return "the certificate " + shown.subject + " is refused: " + failure.detail;
    case Fault::kNone:
      break;
  }
  if (shown.names.empty()) return failure.detail;
  return "the " + end.who + "'s certificate is for " + shown.names + ", not for " + end.host +
         ": put the right name into " + end.setting + ", or give the " + end.who +
         " a certificate for this one";
}

// A status that is not 2xx, as the answer to CONNECT.
std::string ProxyRefusal(int status, const HttpProxy& proxy) {
  const std::string answer = "the proxy answers " + std::to_string(status);
  if (status == 407 && proxy.with_user)
    return answer + ": it does not take the user and password in " + proxy.variable;
  if (status == 407)
    return answer + ": it wants a user and a password, as http://user:password@host:port in " +
           proxy.variable;
  if (status == 403)
    return answer + ": it forbids this server or port (many let only port 443 through)";
  return answer + ", and does not connect";
}

std::string SocksRefusal(CURLproxycode code, const HttpProxy& proxy) {
  switch (code) {
    case CURLPX_USER_REJECTED:
      return "it does not take the user and password in " + proxy.variable;
    case CURLPX_NO_AUTH:
      return "it wants a user and a password, as socks5h://user:password@host:port in " +
             proxy.variable;
    case CURLPX_REPLY_NOT_ALLOWED:
      return "it does not connect: it forbids this server or port";
    default:
      return "it does not connect";
  }
}

// In what libcurl calls unsupported it repeats the whole variable.
bool ProxyUnusable(const ConnectFailure& failure) {
  return failure.detail.starts_with("Unsupported proxy");
}

std::string OsErrorText(const ConnectFailure& failure) {
  const bool told = failure.code == CURLE_COULDNT_CONNECT || failure.code == CURLE_SEND_ERROR ||
                    failure.code == CURLE_RECV_ERROR || failure.code == CURLE_SSL_CONNECT_ERROR;
  if (failure.os_error == 0 || !told) return "";
  return std::string(" (") + std::strerror(failure.os_error) + ")";
}

std::string Cause(const ConnectFailure& failure, const std::string& server,
                  const std::string& ca_file) {
  if (failure.proxy && failure.proxy_status / 100 > 2)
    return ProxyRefusal(failure.proxy_status, *failure.proxy);
  if (failure.proxy && failure.code == CURLE_PROXY)
    return failure.detail + ": " + SocksRefusal(failure.socks, *failure.proxy);
  const TlsEnd end = TlsEndOf(failure, server);
  const std::string no_tls =
      "; does the " + end.who + "'s port speak TLS? If not, use http:// in " + end.setting;
  switch (failure.code) {
    case CURLE_SSL_CACERT_BADFILE:
      return CaFileFault(ca_file);
    case CURLE_PEER_FAILED_VERIFICATION:
      return CertificateFault(failure, end, ca_file);
    case CURLE_SSL_CONNECT_ERROR:
      return failure.detail + OsErrorText(failure) +
             (Contains(failure.detail, "wrong version number")
                  ? "; the " + end.who + "'s port does not speak TLS: use http:// in " +
                        end.setting + ", or the port for https"
                  : no_tls);
    case CURLE_OPERATION_TIMEDOUT:
      return failure.detail + (Contains(failure.detail, "SSL") ? no_tls : "");
    default:
      return failure.detail + OsErrorText(failure);
  }
}

}  // namespace

std::string ConnectFailureText(const ConnectFailure& failure, const std::string& server,
                               const std::string& ca_file) {
  std::string text = "cannot connect to " + server;
  if (ProxyUnusable(failure))
    return text + ": " + (failure.proxy ? failure.proxy->variable : "http_proxy or https_proxy") +
           " is no proxy that can be used; it looks like http://user:password@host:port (or https, "
           "socks5, socks5h), with %XX for /, @ and other signs in user and password";
  if (failure.proxy)
    text += " through the proxy " + failure.proxy->address + " (" + failure.proxy->variable + ")";
  return text + ": " + Cause(failure, server, ca_file);
}

std::string DurationText(Duration duration) {
  return duration % kSecond == 0 ? std::to_string(duration / kSecond) + " s"
                                 : std::to_string(duration / kMillisecond) + " ms";
}

std::string FailureKey(const std::string& reason) {
  static constexpr std::string_view kAfter = "after ";
  std::string out;
  for (size_t i = 0; i < reason.size(); ++i) {
    bool is_time = std::isdigit(static_cast<unsigned char>(reason[i])) != 0 &&
                   out.size() >= kAfter.size() &&
                   std::string_view(out).substr(out.size() - kAfter.size()) == kAfter;
    if (!is_time) out += reason[i];
  }
  return out;
}

std::string RefusalHint(int http_status, std::string_view answer, const RelayUrl& url,
                        const std::string& email) {
  constexpr std::string_view kTlsAlert = "\x15\x03";  // RFC 8446 §5.1: content type, version
  const bool maybe_tls = answer.empty() || answer.starts_with(kTlsAlert) || http_status == 400;
  if (maybe_tls && !url.tls) return "; is it a port for https? Then use https:// in the server URL";
  if (http_status == 401) return "; it wants a valid access token (SYFTBOX_ACCESS_TOKEN)";
  if (http_status == 403)
    return "; it does not let " + email +
           " in with this access token: do SYFTBOX_EMAIL and SYFTBOX_ACCESS_TOKEN belong together?";
  if (http_status == 429)
    return "; too much is asked of it from this address: it is tried again, but somebody else may "
           "have to ask it less often";
  if (http_status / 100 == 5)
    return "; the server, or a proxy in front of it, is in trouble: look at its log. It is tried "
           "again";
  if (http_status == 0 || http_status == 200 || http_status == 400 || http_status == 404)
    return "; is the server URL right? Asked for " + url.target;
  if (http_status / 100 == 3)
    return "; it has moved: put its new address into the server URL" +
           std::string(url.tls ? "" : ", perhaps just https://");
  return "";
}

}  // namespace hotlink

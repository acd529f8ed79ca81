#include "proxy/adapters/relay_errors.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace hotlink {
namespace {

using Fault = ShownCertificate::Fault;

bool Says(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

ConnectFailure Refused(Fault fault) {
  ConnectFailure failure;
  failure.code = CURLE_PEER_FAILED_VERIFICATION;
  failure.detail = "libcurl's words";
  failure.certificate = {.fault = fault,
                         .names = "relay.example, 10.0.0.1",
                         .subject = "CN=relay.example",
                         .issuer = "CN=Some Authority",
                         .valid_from = "2020-01-01T00:00:00.000Z",
                         .valid_until = "2021-01-01T00:00:00.000Z"};
  return failure;
}

RelayUrl Url(const char* text) { return *ParseRelayUrl(text, "a@x"); }

}  // namespace

TEST_CASE("relay errors: what is wrong with a certificate, and the way out") {
  const struct {
    Fault fault;
    const char* ca_file;
    const char *what, *way_out;
  } kCases[] = {
      {Fault::kNone, "", "is for relay.example, 10.0.0.1, not for h.example:", "server URL"},
      {Fault::kExpired, "", "CN=relay.example expired at 2021-01-01T00:00:00", "clock"},
      {Fault::kNotYetValid, "", "CN=relay.example is valid only from 2020-01-01", "clock"},
      {Fault::kUnknownAuthority, "", "issued by CN=Some Authority, which is not trusted",
       "HOTLINK_PROXY_CA_FILE names a file"},
      {Fault::kUnknownAuthority, "/x.pem", "issued by CN=Some Authority",
       "HOTLINK_PROXY_CA_FILE /x.pem does not hold it"},
      {Fault::kOther, "", "CN=relay.example is refused", "libcurl's words"},
  };
  for (const auto& expected : kCases) {
    const std::string text =
        ConnectFailureText(Refused(expected.fault), "h.example:443", expected.ca_file);
    CAPTURE(text);
    CHECK(Says(text, "cannot connect to h.example:443: "));
    CHECK(Says(text, expected.what));
    CHECK(Says(text, expected.way_out));
  }
  ConnectFailure nameless = Refused(Fault::kNone);
  nameless.certificate.names.clear();
  CHECK(Says(ConnectFailureText(nameless, "h:443", ""), "libcurl's words"));
}

TEST_CASE("relay errors: a CA file that is not there, and one that holds nothing") {
  ConnectFailure failure{.code = CURLE_SSL_CACERT_BADFILE, .detail = "x"};
  CHECK(Says(ConnectFailureText(failure, "h:1", "/nowhere.pem"),
             "HOTLINK_PROXY_CA_FILE /nowhere.pem: cannot be read: No such file"));
  CHECK(Says(ConnectFailureText(failure, "h:1", "/dev/null"),
             "HOTLINK_PROXY_CA_FILE /dev/null: holds no certificate in PEM form"));
  CHECK(Says(ConnectFailureText(failure, "h:1", ""), "ca-certificates"));
}

TEST_CASE("relay errors: TLS and plain mixed up") {
  ConnectFailure failure{.code = CURLE_SSL_CONNECT_ERROR, .detail = "error: wrong version number"};
  CHECK(Says(ConnectFailureText(failure, "h:1", ""),
             "the server's port does not speak TLS: use http:// in the server URL"));
  failure.detail = "unexpected eof";
  CHECK(Says(ConnectFailureText(failure, "h:1", ""), "does the server's port speak TLS?"));
  const std::string hint = "use https:// in the server URL";
  const RelayUrl plain = Url("http://h"), tls = Url("https://h");
  CHECK(Says(RefusalHint(0, "", plain, "a@x"), hint));
  CHECK(Says(RefusalHint(0, "\x15\x03\x03", plain, "a@x"), hint));
  CHECK(Says(RefusalHint(400, "HTTP/1.1 400 Bad Request", plain, "a@x"), hint));
  CHECK(!Says(RefusalHint(0, "", tls, "a@x"), hint));
  CHECK(!Says(RefusalHint(0, "SSH-2.0", plain, "a@x"), hint));
  CHECK(!Says(RefusalHint(400, "HTTP/1.1 400 Bad Request", tls, "a@x"), hint));
  CHECK(Says(RefusalHint(301, "HTTP/1.1 301", plain, "a@x"), "has moved"));
}

TEST_CASE("relay errors: the proxy is named, and what it says") {
  ConnectFailure failure{.code = CURLE_COULDNT_CONNECT,
                         .detail = "Failed to connect",
                         .os_error = ECONNREFUSED,
                         .proxy = HttpProxy{"https_proxy", "http://p:3128", true}};
  CHECK(ConnectFailureText(failure, "h:443", "") ==
        "cannot connect to h:443 through the proxy http://p:3128 (https_proxy): Failed to connect "
        "(Connection refused)");
  failure.code = CURLE_RECV_ERROR;
  failure.proxy_status = 407;
  CHECK(Says(ConnectFailureText(failure, "h:443", ""),
             "407: it does not take the user and password in https_proxy"));
  failure.proxy->with_user = false;
  CHECK(Says(ConnectFailureText(failure, "h:443", ""), "407: it wants a user and a password"));
  failure.proxy_status = 403;
  CHECK(Says(ConnectFailureText(failure, "h:443", ""), "403: it forbids"));
  failure.proxy_status = 200;  // the tunnel was open: what failed came behind it
  CHECK(Says(ConnectFailureText(failure, "h:443", ""), "Failed to connect"));
}

TEST_CASE("relay errors: a proxy that is spoken to in TLS, up to its answer") {
  ConnectFailure failure = Refused(Fault::kNone);
  failure.proxy = HttpProxy{"https_proxy", "https://p.example:3129", true};
  CHECK(Says(ConnectFailureText(failure, "h:443", ""),
             "the proxy's certificate is for relay.example, 10.0.0.1, not for p.example: put the "
             "right name into https_proxy, or give the proxy a certificate"));
  failure.proxy_status = 200;
  CHECK(Says(ConnectFailureText(failure, "h:443", ""), "the server's certificate is for"));
  failure = {.code = CURLE_SSL_CONNECT_ERROR,
             .detail = "error: wrong version number",
             .proxy = failure.proxy};
  CHECK(Says(ConnectFailureText(failure, "h:443", ""),
             "the proxy's port does not speak TLS: use http:// in https_proxy"));
  failure.code = CURLE_OPERATION_TIMEDOUT;
  failure.detail = "SSL connection timeout";
  CHECK(Says(ConnectFailureText(failure, "h:443", ""), "does the proxy's port speak TLS?"));
  failure.detail = "Connection timed out after 10 ms";
  CHECK(!Says(ConnectFailureText(failure, "h:443", ""), "TLS"));
}

TEST_CASE("relay errors: what a SOCKS proxy says") {
  const struct {
    CURLproxycode code;
    const char* words;
  } kCases[] = {
      {CURLPX_USER_REJECTED,
       "libcurl's words: it does not take the user and password in all_proxy"},
      {CURLPX_NO_AUTH, "it wants a user and a password, as socks5h://"},
      {CURLPX_REPLY_NOT_ALLOWED, "it forbids this server or port"},
      {CURLPX_REPLY_HOST_UNREACHABLE, "it does not connect"},
  };
  for (const auto& expected : kCases) {
    const ConnectFailure failure{.code = CURLE_PROXY,
                                 .detail = "libcurl's words",
                                 .socks = expected.code,
                                 .proxy = HttpProxy{"all_proxy", "socks5h://p:1080", false}};
    CHECK(Says(ConnectFailureText(failure, "h:443", ""), expected.words));
  }
}

TEST_CASE("relay errors: what libcurl repeats of a bad proxy address is not told") {
  ConnectFailure failure{.code = CURLE_COULDNT_RESOLVE_PROXY,
                         .detail = "Unsupported proxy syntax in 'http://u:secret@h:p'",
                         .proxy = HttpProxy{"http_proxy", "http://h:p", true}};
  const std::string text = ConnectFailureText(failure, "h:80", "");
  CHECK(!Says(text, "secret"));
  CHECK(Says(text, "http_proxy is no proxy that can be used"));
  failure.proxy.reset();  // libcurl does not say any more which it takes
  CHECK(!Says(ConnectFailureText(failure, "h:80", ""), "secret"));
}

TEST_CASE("http proxy: found in libcurl's log, without user and password") {
  const struct {
    const char *value, *address;
    bool with_user;
  } kCases[] = {
      {"http://p:3128", "http://p:3128", false},
      {"p:3128", "p:3128", false},
      {"http://u:secret@p:3128", "http://p:3128", true},
      {"u:secret@p:3128", "p:3128", true},
      {"http://u:sec/ret@x@p:3128/", "http://p:3128/", true},
      {"u:secret://@p", "p", true},
      {"", "", false},
  };
  for (const auto& expected : kCases) {
    CAPTURE(expected.value);
    const auto proxy = ProxyInLogLine("Uses proxy env variable https_proxy == '" +
                                      std::string(expected.value) + "'\n");
    REQUIRE(proxy.has_value());
    CHECK(proxy->variable == "https_proxy");
    CHECK(proxy->address == expected.address);
    CHECK(proxy->with_user == expected.with_user);
  }
  CHECK(!ProxyInLogLine("  Trying 10.0.0.1:80...").has_value());
  CHECK(!ProxyInLogLine("Uses proxy env variable ").has_value());
  // Cut off in the middle of the password.
  const auto cut = ProxyInLogLine("Uses proxy env variable http_proxy == 'http://u:sec");
  REQUIRE(cut.has_value());
  CHECK(cut->address.empty());
}

TEST_CASE("relay errors: the same failure at another time has the same key") {
  CHECK(FailureKey("no answer after 12 ms (7)") == FailureKey("no answer after 3456 ms (7)"));
  CHECK(FailureKey("answered 502") != FailureKey("answered 503"));
  CHECK(DurationText(30 * kSecond) == "30 s");
  CHECK(DurationText(250 * kMillisecond) == "250 ms");
}

}  // namespace hotlink

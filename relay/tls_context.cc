#include "relay/tls_context.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "net/tls_read_ahead.h"

namespace hotlink {

namespace {

constexpr std::string_view kCertificateOption = "--tls-cert", kKeyOption = "--tls-key";

// Of those that TLS 1.3 has, the cheapest first; Go's servers order them so too.
constexpr const char* kCiphers =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

// Why the file cannot be read; empty: it can.
std::string ReadFault(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char first = 0;
  const bool read_one = fd >= 0 && read(fd, &first, 1) >= 0;  // a directory opens, but reads not
  const int error = errno;
  if (fd >= 0) close(fd);
  return read_one ? "" : std::strerror(error);
}

// What OpenSSL says of one failure: the oldest error is nearest to the cause.
struct OpenSslErrors {
  bool Has(int library, int reason) const {
    return std::any_of(codes.begin(), codes.end(), [=](unsigned long code) {
      return ERR_GET_LIB(code) == library && ERR_GET_REASON(code) == reason;
    });
  }
  std::string Text() const {
    const char* reason = codes.empty() ? nullptr : ERR_reason_error_string(codes.front());
    return reason ? reason : "OpenSSL does not say why";
  }
  std::vector<unsigned long> codes;
};

OpenSslErrors TakeOpenSslErrors() {
  OpenSslErrors errors;
  while (const unsigned long code = ERR_get_error()) errors.codes.push_back(code);
  return errors;
}

// Instead of OpenSSL's own, which would ask at the terminal.
int NoPassphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Error Fault(std::string_view option, const std::string& path, const std::string& why) {
  return Error{std::string(option) + " " + path + ": " + why};
}

std::optional<Error> CheckCertificate(SSL_CTX* context, const std::string& path) {
  if (SSL_CTX_use_certificate_chain_file(context, path.c_str()) == 1) return std::nullopt;
  return Fault(
      kCertificateOption, path,
      "holds no certificate in PEM form that can be served: " + TakeOpenSslErrors().Text());
}

// REQUIRES: the context has the certificate.
std::optional<Error> CheckKey(SSL_CTX* context, const std::string& path) {
  bool passphrase_asked = false;
  SSL_CTX_set_default_passwd_cb(context, NoPassphrase);
  SSL_CTX_set_default_passwd_cb_userdata(context, &passphrase_asked);
  // A key of another kind than the certificate's is taken at first, for a certificate of its own.
  if (SSL_CTX_use_PrivateKey_file(context, path.c_str(), SSL_FILETYPE_PEM) == 1 &&
      SSL_CTX_check_private_key(context) == 1)
    return std::nullopt;
  const OpenSslErrors errors = TakeOpenSslErrors();
  if (passphrase_asked)
    return Fault(kKeyOption, path, "has a passphrase; the relay takes a key without one");
  if (SSL_CTX_get0_privatekey(context) != nullptr ||
      errors.Has(ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH))
    return Fault(kKeyOption, path, "is not the key of the certificate in --tls-cert");
  return Fault(kKeyOption, path,
               "holds no private key in PEM form that can be used: " + errors.Text());
}

}  // namespace

Result<TlsContext> LoadTls(const TlsFiles& files) {
  for (const auto& [option, path] :
       {std::pair{kCertificateOption, &files.certificate}, std::pair{kKeyOption, &files.key}}) {
    const std::string why = ReadFault(*path);
    if (!why.empty()) return Fault(option, *path, "cannot be read: " + why);
  }
  ERR_clear_error();
  const TlsContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return Error{"TLS could not be set up: " + TakeOpenSslErrors().Text()};
  if (auto fault = CheckCertificate(context.get(), files.certificate)) return *fault;
  if (auto fault = CheckKey(context.get(), files.key)) return *fault;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_ciphersuites(context.get(), kCiphers);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ReadTlsAhead(context.get());
  return context;
}

}  // namespace hotlink

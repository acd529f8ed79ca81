// The relay's certificate and private key, and OpenSSL's context with them.
#ifndef HOTLINK_RELAY_TLS_CONTEXT_H_
#define HOTLINK_RELAY_TLS_CONTEXT_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "common/result.h"

namespace hotlink {

// Both empty: plain HTTP.
struct TlsFiles {
  std::string certificate;  // PEM: the server's, then those between it and its authority
  std::string key;          // PEM, without a passphrase
  bool given() const { return !certificate.empty(); }
};

using TlsContext = std::shared_ptr<SSL_CTX>;  // null: plain HTTP

// What every connection's TLS is made from; or why the files cannot be served with, by file.
// REQUIRES: files.given().
Result<TlsContext> LoadTls(const TlsFiles& files);

}  // namespace hotlink

#endif  // HOTLINK_RELAY_TLS_CONTEXT_H_

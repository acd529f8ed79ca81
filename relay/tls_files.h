// The relay's certificate and private key, looked at before libwebsockets is: that says of either
// only that it did not like them.
#ifndef HOTLINK_RELAY_TLS_FILES_H_
#define HOTLINK_RELAY_TLS_FILES_H_

#include <optional>
#include <string>

#include "common/result.h"

namespace hotlink {

// Both empty: plain HTTP.
struct TlsFiles {
  std::string certificate;  // PEM: the server's, then those between it and its authority
  std::string key;          // PEM, without a passphrase
  bool given() const { return !certificate.empty(); }
};

// Why they cannot be served with, by file. REQUIRES: given().
std::optional<Error> CheckTlsFiles(const TlsFiles& files);

}  // namespace hotlink

#endif  // HOTLINK_RELAY_TLS_FILES_H_

// What TLS found of the certificate that a server showed. libcurl tells of a refused one that it
// was refused, but neither names nor dates.
#ifndef HOTLINK_PROXY_ADAPTERS_SHOWN_CERTIFICATE_H_
#define HOTLINK_PROXY_ADAPTERS_SHOWN_CERTIFICATE_H_

#include <openssl/ssl.h>

#include <string>

namespace hotlink {

struct ShownCertificate {
  // A wrong name is none of these: libcurl compares names itself, after all else was right.
  enum class Fault { kNone, kExpired, kNotYetValid, kUnknownAuthority, kOther };
  Fault fault = Fault::kNone;
  std::string names;  // the server's own certificate: "relay.example, 10.0.0.1"; empty: has none
  // Of the certificate at fault, which may be an authority's.
  std::string subject, issuer;          // "CN=relay.example"
  std::string valid_from, valid_until;  // UTC
};

// Notes in `*shown` what is found with this context, which judges as before. `*shown` outlives it.
// REQUIRES: verification is switched on already.
void NoteCertificate(SSL_CTX* context, ShownCertificate* shown);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_SHOWN_CERTIFICATE_H_

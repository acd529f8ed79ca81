// How much of a TLS connection OpenSSL reads at a time.
#ifndef HOTLINK_NET_TLS_READ_AHEAD_H_
#define HOTLINK_NET_TLS_READ_AHEAD_H_

#include <openssl/ssl.h>

#include <cstddef>

namespace hotlink {

// Bytes asked of the socket at once, else each record of 16 KiB costs two reads, of its header and
// of its body. Two records: OpenSSL moves what it holds behind one to the front for each that it
// takes (docs/performance.md).
inline constexpr size_t kTlsReadAhead = 33 << 10;

// For every connection of the context. What SSL_has_pending() tells of is then to be read before
// the socket is waited for.
inline void ReadTlsAhead(SSL_CTX* context) {
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kTlsReadAhead);
}

}  // namespace hotlink

#endif  // HOTLINK_NET_TLS_READ_AHEAD_H_

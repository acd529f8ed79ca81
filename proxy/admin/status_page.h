// GET /status: one JSON object, "version" 1. Fields may be added; none changes its meaning or goes
// without another version. docs/operations.md lists them, and a test compares.
#ifndef HOTLINK_PROXY_ADMIN_STATUS_PAGE_H_
#define HOTLINK_PROXY_ADMIN_STATUS_PAGE_H_

#include "proxy/admin/answer.h"
#include "proxy/core/status_source.h"

namespace hotlink {

inline constexpr int kStatusVersion = 1;

TextPieces StatusPage(StatusSource source);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADMIN_STATUS_PAGE_H_

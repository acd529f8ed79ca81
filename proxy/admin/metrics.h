// GET /metrics: the status in the Prometheus text format. docs/operations.md lists the metrics,
// and a test compares.
//
// Of a channel's state and reason the present one alone is there, as a label with the value 1.
#ifndef HOTLINK_PROXY_ADMIN_METRICS_H_
#define HOTLINK_PROXY_ADMIN_METRICS_H_

#include "proxy/admin/answer.h"
#include "proxy/core/status_source.h"

namespace hotlink {

TextPieces MetricsPage(StatusSource source);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADMIN_METRICS_H_

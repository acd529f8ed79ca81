// A request to the admin server and its answer: pure, from the status.
//
//   GET  /livez    200 while the loop turns
//   GET  /readyz   200 or 503, {"ready":…,"reasons":[…]}
//   GET  /metrics  Prometheus text format 0.0.4
//   GET  /status   JSON, see status_page.h
//   POST /drain    202 and the sidecar drains; on the unix socket alone
//
// On TCP anybody's web page may make a browser ask: there only GET is answered, only to who names
// the address it connects to, and not to a page of another origin.
#ifndef HOTLINK_PROXY_ADMIN_ANSWER_H_
#define HOTLINK_PROXY_ADMIN_ANSWER_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proxy/core/status_source.h"
#include "proxy/core/text_pieces.h"

namespace hotlink {

TextPieces OnePiece(std::string text);

struct AdminRequest {
  std::string method;
  std::string path;                // without query
  std::optional<std::string> tcp;  // the numeric local address of a TCP connection; else unix
  std::vector<std::string> hosts;  // each Host header, on TCP exactly one is wanted
  bool has_origin = false;
  std::string fetch_site;  // Sec-Fetch-Site; empty: not given
};

struct AdminAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string allow;  // header Allow; empty: none
  TextPieces body;
  bool drain = false;  // the sidecar is to drain
};

// `status` is asked only where the page needs it.
AdminAnswer AnswerAdmin(const AdminRequest& request,
                        const std::function<StatusSource(StatusOf)>& status);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADMIN_ANSWER_H_

// <data dir>/datasites/<e-mail>/.syftbox/hotlink_telemetry.json, replaced whole at each write.
#ifndef HOTLINK_PROXY_ADAPTERS_TELEMETRY_FILE_H_
#define HOTLINK_PROXY_ADAPTERS_TELEMETRY_FILE_H_

#include <optional>
#include <string>
#include <string_view>

#include "common/log.h"
#include "net/fd.h"

namespace hotlink {

class TelemetryFile {
 public:
  // `email`: lower case. A datasite whose directory has the same e-mail in other letters' case is
  // used as it is; a missing one is made. `log` outlives the object.
  TelemetryFile(std::string data_dir, std::string email, Log& log);

  // A new content: begun, added to, and put in the old one's place by Finish(). Readers see the old
  // content or the new one, never a part. Follows no symlink below the data directory. What goes
  // wrong shows in Finish(): false; it is warned of once, until a write succeeds again.
  void Begin();
  void Add(std::string_view json);
  bool Finish();

 private:
  std::string data_dir_, email_;
  Log& log_;
  Fd directory_{-1}, file_{-1};        // between Begin() and Finish()
  std::optional<std::string> failed_;  // since Begin(): what
  bool warned_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_TELEMETRY_FILE_H_

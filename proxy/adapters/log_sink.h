// Where log lines go: stderr, and a file. An error of either loses lines, and nothing else.
#ifndef HOTLINK_PROXY_ADAPTERS_LOG_SINK_H_
#define HOTLINK_PROXY_ADAPTERS_LOG_SINK_H_

#include <cstdint>
#include <string>

#include "common/log_writer.h"
#include "common/result.h"

namespace hotlink {

LogWriter::Sink StderrSink();

// Appends; made with mode 0600 where it is not there. Opened once: who rotates it copies and
// truncates. Refuses what is no regular file. The sink keeps it open as long as it lives.
Result<LogWriter::Sink> FileSink(const std::string& path);

// The wall clock, microseconds since 1970.
int64_t WallTime();

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_LOG_SINK_H_

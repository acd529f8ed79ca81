// The disk, as the option parser needs it.
#ifndef HOTLINK_PROXY_ADAPTERS_DISK_FILES_H_
#define HOTLINK_PROXY_ADAPTERS_DISK_FILES_H_

#include "proxy/config/options.h"

namespace hotlink {

OptionFiles DiskFiles();

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_DISK_FILES_H_

// The process's file descriptors: as many as it may have, and some that connections never get.
#ifndef HOTLINK_NET_OPEN_FILES_H_
#define HOTLINK_NET_OPEN_FILES_H_

#include <string>

namespace hotlink {

// Descriptors that listeners and party connections leave to the rest: a relay link that connects
// again (a dozen with name resolution), a marker scan (one a directory of depth, at most 36),
// telemetry and token files. Without them none of that would work, and
// connections that wait for the relay would never end. At most half of the limit.
inline constexpr int kReservedFiles = 64;

// Sets the soft limit to the hard one. Returns the limit in force.
int RaiseFileLimit();

// Whether a descriptor, just opened (and therefore the lowest free one), is of the reserve.
bool IsReservedFile(int fd);

// Whether the next descriptor to be opened is not of the reserve. `some_fd`: any open one.
bool FilesLeft(int some_fd);

// "out of file descriptors (…)", with the way out.
std::string OutOfFilesText();

}  // namespace hotlink

#endif  // HOTLINK_NET_OPEN_FILES_H_

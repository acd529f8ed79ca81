// E-mail addresses: the identities of parties and the names of their datasites.
#ifndef HOTLINK_COMMON_EMAIL_H_
#define HOTLINK_COMMON_EMAIL_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "common/result.h"

namespace hotlink {

inline constexpr size_t kEmailMax = 254;  // bytes, RFC 5321 §4.5.3.1.3 without the angle brackets

// Checks an address and gives its lower-case form, in which addresses are kept and compared.
// Stricter than RFC 5322, since an address is also a directory name: letters, digits and
// !#$%&'*+=?^_`{|}~.- before the one @, letters, digits and ._- behind it; both sides hold
// something, and ".." appears nowhere.
Result<std::string> ParseEmail(std::string_view text);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_EMAIL_H_

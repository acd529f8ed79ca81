#include "relay/core/access.h"

namespace hotlink {

std::string LowerCase(std::string_view email) {
  std::string lower(email);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string PathOwner(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return LowerCase(path.substr(0, path.find('/')));
}

}  // namespace hotlink

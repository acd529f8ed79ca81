#include "common/email.h"

#include <algorithm>

namespace hotlink {
namespace {

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool AllOf(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [others](char c) {
    return IsAlphanumeric(c) || others.find(c) != std::string_view::npos;
  });
}

}  // namespace

Result<std::string> ParseEmail(std::string_view text) {
  if (text.empty()) return Error{"e-mail is empty"};
  if (text.size() > kEmailMax) {
    return Error{"e-mail has " + std::to_string(text.size()) + " bytes, allowed are " +
                 std::to_string(kEmailMax)};
  }
  // The text goes into messages, therefore never the raw bytes of one that holds control
  // characters.
  if (!AllOf(text, "!#$%&'*+=?^_`{|}~.-@")) {
    return Error{
        "e-mail holds a character that is not allowed (a space, slash, control or "
        "non-ASCII character)"};
  }
  const std::string quoted = "e-mail \"" + std::string(text) + "\" ";
  const size_t at = text.find('@');
  if (at == std::string_view::npos) return Error{quoted + "has no @"};
  const std::string_view name = text.substr(0, at);
  const std::string_view domain = text.substr(at + 1);
  if (domain.find('@') != std::string_view::npos) return Error{quoted + "has more than one @"};
  if (name.empty()) return Error{quoted + "has nothing before the @"};
  if (domain.empty()) return Error{quoted + "has nothing after the @"};
  if (text.find("..") != std::string_view::npos) return Error{quoted + "holds \"..\""};
  if (!AllOf(domain, "._-")) {
    return Error{quoted + "has more than letters, digits and ._- after the @"};
  }
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace hotlink

// How an option table is shown: by --help and in the documentation.
#ifndef HOTLINK_COMMON_OPTION_TEXT_H_
#define HOTLINK_COMMON_OPTION_TEXT_H_

#include <string>

#include "common/option.h"

namespace hotlink {

// In columns, at most 100 wide where names permit.
std::string OptionsHelp(const OptionTable& table);

// One table a group, each under a heading of level 3.
std::string OptionsMarkdown(const OptionTable& table);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_OPTION_TEXT_H_

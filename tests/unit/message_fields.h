// A message as plain text, to compare messages whole: {"typ": "12", "sid": …, "pay": hex, …}.
#ifndef HOTLINK_TESTS_UNIT_MESSAGE_FIELDS_H_
#define HOTLINK_TESTS_UNIT_MESSAGE_FIELDS_H_

#include <map>
#include <string>

#include "common/message.h"

namespace hotlink {

// Keys are the JSON names of protocol.md §2; empty fields are left out.
using Fields = std::map<std::string, std::string>;

Fields FieldsOf(const Message& message);
std::string Hex(ByteView bytes);

// Copied to the heap with nothing behind it, so that a sanitizer sees any read past the end.
Bytes ExactCopy(ByteView bytes);

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_MESSAGE_FIELDS_H_

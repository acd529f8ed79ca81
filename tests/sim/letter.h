// A message on its way: a copy that owns its text, shared by everybody who holds it.
#ifndef HOTLINK_TESTS_SIM_LETTER_H_
#define HOTLINK_TESTS_SIM_LETTER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "common/message.h"

namespace hotlink::sim {

struct Letter {
  MessageType type = MessageType::kSystem;
  std::string sid, path, from, to;
  std::string etag;         // Data
  std::string kind, token;  // Signal
  std::string text;         // Reject and Close: the reason; Signal: the error
  uint64_t seq = 0;
  Bytes payload;
  bool copied = false;  // made by the environment, not by a client
};
using LetterPtr = std::shared_ptr<const Letter>;

// REQUIRES: the body is one of the hotlink messages or System.
std::shared_ptr<Letter> MakeLetter(const MessageBody& body);
// The views point into the letter.
Message ViewOf(const Letter& letter);
// For the trace.
std::string Describe(const Letter& letter);

// Letters the server writes.
LetterPtr RejectLetter(const std::string& sid, const char* reason);
LetterPtr QuicErrorLetter(const std::string& sid);

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_LETTER_H_

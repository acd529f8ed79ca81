#include "common/ws_handshake.h"

#include <nettle/sha1.h>

#include <algorithm>

#include "common/base64.h"

namespace hotlink {
namespace {

constexpr std::string_view kLineEnd = "\r\n", kHeadEnd = "\r\n\r\n";
constexpr std::string_view kAcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 §1.3
constexpr size_t kMaxShown = 200;  // characters of the server's words that go into an error

std::string AcceptOf(std::string_view key) {
  sha1_ctx context;
  sha1_init(&context);
  for (std::string_view part : {key, kAcceptSuffix}) {
    sha1_update(&context, part.size(), AsBytes(part).data());
  }
  std::array<uint8_t, SHA1_DIGEST_SIZE> digest;
  sha1_digest(&context, digest.size(), digest.data());
  return Base64Encode(digest);
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameWord(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Cuts `text` behind the first `separator` and returns what is in front of it.
std::string_view TakeUntil(std::string_view* text, std::string_view separator) {
  const size_t at = text->find(separator);
  const std::string_view head = text->substr(0, at);
  *text = at == text->npos ? std::string_view() : text->substr(at + separator.size());
  return head;
}

bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    if (SameWord(Trim(TakeUntil(&list, ",")), token)) return true;
  }
  return false;
}

// The first kMaxShown characters, '?' for what is not printable ASCII.
std::string Printable(std::string_view text) {
  std::string shown(text.substr(0, kMaxShown));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  return shown;
}

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; });
}

struct Answer {
  int status = 0;
  std::string_view version, reason;
  bool upgrade = false, connection = false;
  std::string_view accept, encoding, refused_extra;
  bool chunked = false, html = false;
};

// "HTTP/1.1 101 Switching Protocols". False if it is no status line.
bool ReadStatusLine(std::string_view line, Answer* answer) {
  answer->version = TakeUntil(&line, " ");
  const std::string_view code = TakeUntil(&line, " ");
  if (!answer->version.starts_with("HTTP/1.") || code.size() != 3) return false;
  for (char digit : code) {
    if (digit < '0' || digit > '9') return false;
    answer->status = answer->status * 10 + (digit - '0');
  }
  answer->reason = Trim(line);
  return true;
}

void ReadHeader(std::string_view name, std::string_view value, Answer* answer) {
  if (SameWord(name, "Upgrade")) {
    answer->upgrade |= HasToken(value, "websocket");
  } else if (SameWord(name, "Connection")) {
    answer->connection |= HasToken(value, "Upgrade");
  } else if (SameWord(name, "Sec-WebSocket-Accept")) {
    answer->accept = value;
  } else if (SameWord(name, "X-Syft-WS-Encoding")) {
    answer->encoding = value;
  } else if (SameWord(name, "Sec-WebSocket-Extensions") ||
             SameWord(name, "Sec-WebSocket-Protocol")) {
    answer->refused_extra = value;
  } else if (SameWord(name, "Transfer-Encoding")) {
    answer->chunked = HasToken(value, "chunked");
  } else if (SameWord(name, "Content-Type")) {
    answer->html = SameWord(Trim(TakeUntil(&value, ";")), "text/html");
  }
}

// Null, or what is wrong with the head (status line and headers, without the blank line).
const char* ReadHead(std::string_view head, Answer* answer) {
  if (!ReadStatusLine(TakeUntil(&head, kLineEnd), answer)) {
    return "the server's answer does not begin with an HTTP/1 status line";
  }
  while (!head.empty()) {
    std::string_view line = TakeUntil(&head, kLineEnd);
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == line.npos || name.empty() || name.find_first_of(" \t") != name.npos) {
      return "the server's answer has a malformed header line";
    }
    ReadHeader(name, Trim(line.substr(colon + 1)), answer);
  }
  return nullptr;
}

// "the server answered 401 Unauthorized: invalid token".
std::string Refusal(const Answer& answer, std::string_view body) {
  std::string text = "the server answered " + std::to_string(answer.status);
  if (!answer.reason.empty()) text += " " + Printable(answer.reason);
  if (answer.html) return text;
  if (answer.chunked) TakeUntil(&body, kLineEnd);  // the first chunk's size
  std::string_view line = Trim(body.substr(0, body.find_first_of("\r\n")));
  if (!line.empty()) text += ": " + Printable(line);
  return text;
}

// Null, or why a 101 answer does not open a WebSocket (RFC 6455 §4.1).
const char* UpgradeError(const Answer& answer, std::string_view expected_accept) {
  if (answer.version != "HTTP/1.1")
    return "the server answered 101 in another version than HTTP/1.1";
  if (!answer.upgrade) return "the server answered 101 without \"Upgrade: websocket\"";
  if (!answer.connection) return "the server answered 101 without \"Connection: Upgrade\"";
  if (answer.accept != expected_accept) {
    return "the server's Sec-WebSocket-Accept does not belong to our key (a cache in between?)";
  }
  if (!answer.refused_extra.empty()) {
    return "the server chose a WebSocket extension or subprotocol that was not offered";
  }
  return nullptr;
}

}  // namespace

std::string WsHandshakeText(const WsHandshakeRequest& request) {
  for (const std::string* value :
       {&request.host, &request.target, &request.access_token, &request.version, &request.user}) {
    if (HasControlCharacter(*value)) return {};
  }
  for (const std::string* value : {&request.host, &request.target}) {
    if (value->empty() || value->find(' ') != value->npos) return {};
  }
  std::string text = "GET " + request.target + " HTTP/1.1\r\n";
  const auto add = [&text](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append(kLineEnd);
  };
  add("Host", request.host);
  add("Upgrade", "websocket");
  add("Connection", "Upgrade");
  add("Sec-WebSocket-Key", Base64Encode(request.nonce));
  add("Sec-WebSocket-Version", "13");
  add("X-Syft-WS-Encodings", request.offer_msgpack ? "msgpack,json" : "json");
  if (!request.access_token.empty()) add("Authorization", "Bearer " + request.access_token);
  if (!request.version.empty()) add("X-Syft-Version", request.version);
  if (!request.user.empty()) add("X-Syft-User", request.user);
  return text.append(kLineEnd);
}

std::string WsAcceptValue(std::string_view key) {
  Bytes nonce;
  return Base64Decode(key, &nonce) && nonce.size() == 16 ? AcceptOf(key) : "";
}

WsHandshakeParser::WsHandshakeParser(const std::array<uint8_t, 16>& nonce)
    : expected_accept_(AcceptOf(Base64Encode(nonce))) {}

WsHandshakeParser::Outcome WsHandshakeParser::Parse(std::string_view input) const {
  const auto fail = [](std::string why, int status = 0) {
    return Outcome{.status = Status::kError, .http_status = status, .error = std::move(why)};
  };
  constexpr std::string_view kProtocol = "HTTP/1.";
  const size_t common = std::min(input.size(), kProtocol.size());
  if (input.substr(0, common) != kProtocol.substr(0, common)) {
    return fail("the server does not answer in HTTP/1, but begins with \"" +
                Printable(input.substr(0, 20)) + "\"");
  }
  const size_t end = input.substr(0, kMaxHandshakeAnswer).find(kHeadEnd);
  if (end == input.npos) {
    if (input.size() < kMaxHandshakeAnswer) return {};
    return fail("the headers of the server's answer are longer than 16 KiB");
  }
  const size_t consumed = end + kHeadEnd.size();
  Answer answer;
  if (const char* why = ReadHead(input.substr(0, end), &answer)) return fail(why, answer.status);
  if (answer.status != 101) return fail(Refusal(answer, input.substr(consumed)), answer.status);
  if (const char* why = UpgradeError(answer, expected_accept_)) return fail(why, answer.status);
  Encoding encoding = Encoding::kJson;
  if (SameWord(answer.encoding, "msgpack")) {
    encoding = Encoding::kMsgpack;
  } else if (!answer.encoding.empty() && !SameWord(answer.encoding, "json")) {
    return fail("the server chose the unknown encoding \"" + Printable(answer.encoding) +
                    "\" (known: msgpack, json)",
                answer.status);
  }
  return {.status = Status::kOpen, .consumed = consumed, .encoding = encoding};
}

}  // namespace hotlink

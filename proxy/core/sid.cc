#include "proxy/core/sid.h"

#include <charconv>

namespace hotlink {
namespace {

constexpr std::string_view kPrefix = "hl1.";
constexpr size_t kInstDigits = 16;

// The text up to the next dot, which is taken off `rest`; nothing if there is no dot.
std::optional<std::string_view> TakePart(std::string_view* rest) {
  const size_t dot = rest->find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  std::string_view part = rest->substr(0, dot);
  rest->remove_prefix(dot + 1);
  return part;
}

}  // namespace

std::string InstText(Inst inst) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(kInstDigits, '0');
  for (size_t i = kInstDigits; i-- > 0; inst >>= 4) text[i] = kHex[inst & 0xf];
  return text;
}

std::optional<Inst> ParseInst(std::string_view text) {
  if (text.size() != kInstDigits) return std::nullopt;
  Inst inst = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), inst, 16);
  if (error != std::errc() || end != text.data() + text.size() || inst == 0) return std::nullopt;
  return inst;
}

std::string SidText(const Sid& sid) {
  return std::string(kPrefix) + InstText(sid.sender) + "." +
         (sid.receiver == 0 ? "0" : InstText(sid.receiver)) + "." + std::to_string(sid.attempt);
}

std::optional<Sid> ParseSid(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const auto sender_text = TakePart(&text);
  const auto receiver_text = TakePart(&text);
  if (!sender_text || !receiver_text) return std::nullopt;
  const auto sender = ParseInst(*sender_text);
  const auto receiver = *receiver_text == "0" ? std::optional<Inst>(0) : ParseInst(*receiver_text);
  if (!sender || !receiver || text.empty() || text.size() > 19) return std::nullopt;
  Sid sid{*sender, *receiver, 0};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sid.attempt);
  if (error != std::errc() || end != text.data() + text.size() || sid.attempt == 0) {
    return std::nullopt;
  }
  return sid;
}

}  // namespace hotlink

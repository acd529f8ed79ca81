#include "proxy/core/json_object.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "common/plain_text.h"

namespace hotlink {
namespace {

constexpr size_t kTextMax = 2 << 10;  // bytes of any one text; the longest path has 1 KiB

// PlainText() leaves no control characters: what is to be escaped is little (RFC 8259 §7).
void AppendText(std::string_view text, std::string* out) {
  const auto special = [](char c) { return c == '"' || c == '\\'; };
  const std::string plain = PlainText(text, kTextMax);
  *out += '"';
  for (auto at = plain.begin(); at != plain.end();) {
    const auto end = std::find_if(at, plain.end(), special);
    out->append(at, end);
    if (end == plain.end()) break;
    *out += '\\';
    *out += *end;
    at = end + 1;
  }
  *out += '"';
}

}  // namespace

void JsonObject::Key(std::string_view key) {
  if (!std::exchange(empty_, false)) *out_ += ',';
  *out_ += '"';
  *out_ += key;
  *out_ += "\":";
}

JsonObject& JsonObject::Number(std::string_view key, uint64_t number) {
  Key(key);
  char digits[20];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out_->append(digits, end);
  return *this;
}

JsonObject& JsonObject::Bool(std::string_view key, bool value) {
  Key(key);
  *out_ += value ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::Text(std::string_view key, std::string_view text) {
  Key(key);
  AppendText(text, out_);
  return *this;
}

JsonObject& JsonObject::Null(std::string_view key) {
  Key(key);
  *out_ += "null";
  return *this;
}

JsonObject JsonObject::AddObject(std::string_view key) {
  Key(key);
  return JsonObject(out_);
}

JsonArray JsonObject::AddArray(std::string_view key) {
  Key(key);
  return JsonArray(out_);
}

void JsonArray::Separate() {
  if (!std::exchange(empty_, false)) *out_ += ',';
}

void JsonArray::AddText(std::string_view text) {
  Separate();
  AppendText(text, out_);
}

JsonObject JsonArray::AddObject() {
  Separate();
  return JsonObject(out_);
}

}  // namespace hotlink

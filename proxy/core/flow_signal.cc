#include "proxy/core/flow_signal.h"

#include <cjson/cJSON.h>

#include <cmath>
#include <memory>

namespace hotlink {
namespace {

constexpr size_t kMaxToken = 8192;  // bytes; the longest ack with kMaxMissRanges is under 3 KiB

struct JsonDelete {
  void operator()(cJSON* json) const { cJSON_Delete(json); }
};
using Json = std::unique_ptr<cJSON, JsonDelete>;

Json ParseObject(std::string_view token) {
  if (token.size() > kMaxToken) return nullptr;
  // A copy that ends in a NUL: cJSON looks one byte too far at the end of some cut texts.
  const std::string copy(token);
  Json json(cJSON_ParseWithLength(copy.c_str(), copy.size() + 1));
  return json && cJSON_IsObject(json.get()) ? std::move(json) : nullptr;
}

std::optional<uint64_t> Number(const cJSON* item) {
  if (!cJSON_IsNumber(item)) return std::nullopt;
  const double value = item->valuedouble;
  if (!(value >= 0 && value <= static_cast<double>(kFlowNumberMax)) || value != std::floor(value)) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(value);
}

bool GetNumber(const Json& json, const char* key, uint64_t* out) {
  const auto number = Number(cJSON_GetObjectItemCaseSensitive(json.get(), key));
  if (number) *out = *number;
  return number.has_value();
}

bool GetInst(const Json& json, Inst* out) {
  const cJSON* item = cJSON_GetObjectItemCaseSensitive(json.get(), "inst");
  const auto inst = cJSON_IsString(item) ? ParseInst(item->valuestring) : std::nullopt;
  if (inst) *out = *inst;
  return inst.has_value();
}

bool IsVersionOne(const Json& json) {
  uint64_t version = 0;
  return GetNumber(json, "v", &version) && version == 1;
}

bool GetGrant(const Json& json, FlowGrant* grant) {
  return GetInst(json, &grant->inst) && GetNumber(json, "next", &grant->next) &&
         GetNumber(json, "win", &grant->win) && GetNumber(json, "frames", &grant->frames) &&
         GetNumber(json, "ep", &grant->ep);
}

std::string GrantText(const FlowGrant& grant) {
  return "\"inst\":\"" + InstText(grant.inst) + "\",\"next\":" + std::to_string(grant.next) +
         ",\"win\":" + std::to_string(grant.win) + ",\"frames\":" + std::to_string(grant.frames) +
         ",\"ep\":" + std::to_string(grant.ep);
}

bool GetMiss(const Json& json, std::vector<SeqRange>* miss) {
  const cJSON* list = cJSON_GetObjectItemCaseSensitive(json.get(), "miss");
  if (list == nullptr) return true;
  if (!cJSON_IsArray(list)) return false;
  const cJSON* item = nullptr;
  cJSON_ArrayForEach(item, list) {
    const auto first = Number(cJSON_GetArrayItem(item, 0));
    const auto last = Number(cJSON_GetArrayItem(item, 1));
    if (!first || !last || *first >= *last || miss->size() >= kMaxMissRanges) return false;
    miss->emplace_back(*first, *last);
  }
  return true;
}

}  // namespace

std::string FlowOpenText(const FlowOpen& open) {
  return "{\"v\":1,\"inst\":\"" + InstText(open.inst) + "\",\"gen\":" + std::to_string(open.gen) +
         ",\"n\":" + std::to_string(open.n) + (open.streams ? ",\"streams\":1}" : "}");
}

std::string FlowHelloText(const FlowHello& hello) {
  std::string text = "{\"v\":1," + GrantText(hello.grant) + ",\"n\":" + std::to_string(hello.n);
  if (hello.streams > 0) text += ",\"streams\":" + std::to_string(hello.streams);
  return text + "}";
}

std::string FlowAckText(const FlowAck& ack) {
  std::string text = "{" + GrantText(ack.grant);
  if (!ack.miss.empty()) {
    text += ",\"miss\":[";
    for (const auto& [first, last] : ack.miss) {
      if (text.back() != '[') text += ',';
      text += '[' + std::to_string(first) + ',' + std::to_string(last) + ']';
    }
    text += ']';
  }
  return text + "}";
}

std::optional<FlowOpen> ParseFlowOpen(std::string_view token) {
  const Json json = ParseObject(token);
  FlowOpen open;
  if (!json || !IsVersionOne(json) || !GetInst(json, &open.inst) ||
      !GetNumber(json, "gen", &open.gen) || !GetNumber(json, "n", &open.n)) {
    return std::nullopt;
  }
  uint64_t streams = 0;
  open.streams = GetNumber(json, "streams", &streams) && streams > 0;
  return open;
}

std::optional<FlowHello> ParseFlowHello(std::string_view token) {
  const Json json = ParseObject(token);
  FlowHello hello;
  if (!json || !IsVersionOne(json) || !GetGrant(json, &hello.grant) ||
      !GetNumber(json, "n", &hello.n)) {
    return std::nullopt;
  }
  GetNumber(json, "streams", &hello.streams);
  return hello;
}

std::optional<FlowAck> ParseFlowAck(std::string_view token) {
  const Json json = ParseObject(token);
  FlowAck ack;
  if (!json || !GetGrant(json, &ack.grant) || ack.grant.next == 0 || !GetMiss(json, &ack.miss)) {
    return std::nullopt;
  }
  return ack;
}

}  // namespace hotlink

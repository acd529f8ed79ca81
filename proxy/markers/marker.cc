#include "proxy/markers/marker.h"

#include <cjson/cJSON.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "common/email.h"
#include "common/utf8.h"
#include "proxy/markers/json_lines.h"

namespace hotlink {
namespace {

struct JsonDeleter {
  void operator()(cJSON* json) const { cJSON_Delete(json); }
};
using JsonPtr = std::unique_ptr<cJSON, JsonDeleter>;

std::string AtLine(int line, const std::string& text) {
  return "line " + std::to_string(line) + ": " + text;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Keys are foreign text: short and printable in messages.
std::string KeyText(const char* key) {
  const std::string text = Printable(std::string_view(key).substr(0, 64));
  return '"' + text + '"';
}

std::optional<int> PortNumber(const cJSON* value) {
  if (!cJSON_IsNumber(value)) return std::nullopt;
  const double number = value->valuedouble;
  if (!(number >= 1 && number <= 65535)) return std::nullopt;
  const int port = static_cast<int>(number);
  return port == number ? std::optional<int>(port) : std::nullopt;
}

constexpr const char* kPortWanted = " must be a whole number from 1 to 65535";
constexpr const char* kForm =
    R"(; a marker looks like {"from": "a@x.org", "to": "b@x.org", "port": 9001})";

Result<uint16_t> AllowedPort(int port, const MarkerPolicy& policy) {
  std::string ranges;
  for (const PortRange& range : policy.ports) {
    if (port >= range.first && port <= range.last) return static_cast<uint16_t>(port);
    if (!ranges.empty()) ranges += ", ";
    ranges += std::to_string(range.first) + "-" + std::to_string(range.last);
  }
  return Error{"port " + std::to_string(port) + " is outside HOTLINK_PROXY_PORTS (" + ranges +
               "): choose one within, or allow it there"};
}

std::string PeerFault(const std::string& peer, const MarkerPolicy& policy) {
  if (policy.peers.empty() ||
      std::find(policy.peers.begin(), policy.peers.end(), peer) != policy.peers.end()) {
    return "";
  }
  return "the peer " + peer + " is not in HOTLINK_PROXY_PEERS: add it there if it may connect";
}

// The fields as the file has them, each with its line.
struct Field {
  const cJSON* value = nullptr;
  int line = 0;
  std::vector<int> nested;  // lines of the keys inside
};
struct Fields {
  Field from, to, port, ports, dial;
};

// Empty: all is well.
std::string CollectFields(const cJSON* object, std::string_view content, Fields* fields) {
  const std::vector<JsonKeyLine> lines = JsonKeyLines(content);
  std::set<std::string_view> seen;
  size_t at = 0;
  for (const cJSON* item = object->child; item != nullptr && at < lines.size(); item = item->next) {
    const JsonKeyLine& line = lines[at++];
    const std::string_view key = item->string;
    if (!seen.insert(key).second) {
      return AtLine(line.line,
                    "the key " + KeyText(item->string) + " is there a second time: leave one");
    }
    Field* field = key == "from"    ? &fields->from
                   : key == "to"    ? &fields->to
                   : key == "port"  ? &fields->port
                   : key == "ports" ? &fields->ports
                   : key == "dial"  ? &fields->dial
                                    : nullptr;
    if (field != nullptr) *field = {item, line.line, line.nested};
  }
  return "";
}

Result<std::string> EmailOf(const Field& field, const std::string& name) {
  if (field.value == nullptr) return Error{"the key \"" + name + "\" is missing" + kForm};
  if (!cJSON_IsString(field.value))
    return Error{AtLine(field.line, '"' + name + "\" is no text" + kForm)};
  Result<std::string> email = ParseEmail(field.value->valuestring);
  if (!email) return Error{AtLine(field.line, '"' + name + "\": " + email.error())};
  return email;
}

// The own entry of `ports`; every entry has to be a port number.
Result<int> OwnEntry(const Field& ports, const std::string& own_email) {
  if (!cJSON_IsObject(ports.value))
    return Error{
        AtLine(ports.line, "\"ports\" is no object, as {\"a@x.org\": 9001, \"b@x.org\": 9002}")};
  std::optional<int> own;
  std::set<std::string> seen;
  size_t at = 0;
  for (const cJSON* item = ports.value->child; item != nullptr; item = item->next) {
    const int line = at < ports.nested.size() ? ports.nested[at] : ports.line;
    ++at;
    Result<std::string> email = ParseEmail(item->string);
    const std::string key = email ? *email : item->string;
    if (!seen.insert(key).second) {
      return Error{
          AtLine(line, "\"ports\" has " + KeyText(item->string) + " a second time: leave one")};
    }
    const std::optional<int> port = PortNumber(item);
    if (!port) return Error{AtLine(line, "\"ports\"." + KeyText(item->string) + kPortWanted)};
    if (key == own_email) own = port;
  }
  if (!own)
    return Error{AtLine(ports.line, "\"ports\" has no entry for " + own_email +
                                        ": add its port, or leave \"ports\" out")};
  return *own;
}

Result<int> PortOf(const Fields& fields, const std::string& own_email) {
  if (fields.port.value != nullptr && !PortNumber(fields.port.value)) {
    return Error{AtLine(fields.port.line, std::string("\"port\"") + kPortWanted)};
  }
  if (fields.ports.value != nullptr) return OwnEntry(fields.ports, own_email);
  if (fields.port.value == nullptr)
    return Error{std::string("there is neither \"port\" nor \"ports\"") + kForm};
  return *PortNumber(fields.port.value);
}

// Empty: `endpoint` may be dialled.
std::string DialFault(const Endpoint& endpoint, const MarkerPolicy& policy) {
  for (const EndpointRange& range : policy.dial) {
    if (range.Contains(endpoint)) return "";
  }
  return "\"dial\": " + EndpointText(endpoint) + " is not in HOTLINK_PROXY_DIAL_ALLOW" +
         (policy.dial.empty() ? ", which is empty" : "") + ": add it there if it may be dialled";
}

// Sets what `dial` says; empty: all is well. REQUIRES: marker->peer is set.
std::string ReadDial(const Field& dial, const MarkerPolicy& policy, Marker* marker) {
  if (!cJSON_IsObject(dial.value))
    return AtLine(dial.line, "\"dial\" is no object, as {\"b@x.org\": \"127.0.0.1:5001\"}");
  marker->streams = true;
  marker->accepts = false;
  std::set<std::string> seen;
  size_t at = 0;
  for (const cJSON* item = dial.value->child; item != nullptr; item = item->next) {
    const int line = at < dial.nested.size() ? dial.nested[at] : dial.line;
    ++at;
    const std::string name = "\"dial\"." + KeyText(item->string);
    const Result<std::string> email = ParseEmail(item->string);
    if (!email || (*email != policy.own_email && *email != marker->peer)) {
      return AtLine(line, name + " is neither \"from\" nor \"to\": name one of these");
    }
    if (!seen.insert(*email).second)
      return AtLine(line, name + " is there a second time: leave one");
    if (!cJSON_IsString(item)) return AtLine(line, name + " must be a text, as 127.0.0.1:5001");
    const Result<Endpoint> endpoint = ParseEndpoint(item->valuestring);
    if (!endpoint) return AtLine(line, name + ": " + Printable(endpoint.error()));
    if (*email == marker->peer) {
      marker->accepts = true;
      continue;
    }
    if (std::string fault = DialFault(*endpoint, policy); !fault.empty()) {
      return AtLine(line, fault);
    }
    marker->dial = EndpointText(*endpoint);
  }
  return seen.empty()
             ? AtLine(dial.line, "\"dial\" names no address: write one, or leave \"dial\" out")
             : "";
}

MarkerReading ReadObject(const cJSON* object, std::string_view content,
                         const MarkerPolicy& policy) {
  Fields fields;
  if (std::string fault = CollectFields(object, content, &fields); !fault.empty()) {
    return {Error{fault}};
  }
  Result<std::string> from = EmailOf(fields.from, "from");
  if (!from) return {Error{from.error()}};
  Result<std::string> to = EmailOf(fields.to, "to");
  if (!to) return {Error{to.error()}};
  const bool is_from = *from == policy.own_email;
  const bool is_to = *to == policy.own_email;
  if (!is_from && !is_to) {
    return {Error{"it is for " + *from + " and " + *to + ", not for " + policy.own_email +
                  ": one of the two has to be the own e-mail"}};
  }
  if (is_from && is_to) {
    return {Error{AtLine(fields.to.line, "\"from\" and \"to\" are both " + *from +
                                             ": one of the two has to be the peer")},
            true};
  }
  Marker marker{.peer = is_from ? *to : *from, .outgoing = is_from};
  if (std::string fault = PeerFault(marker.peer, policy); !fault.empty()) {
    return {Error{AtLine(is_from ? fields.to.line : fields.from.line, fault)}, true};
  }
  if (fields.dial.value != nullptr) {
    std::string fault = ReadDial(fields.dial, policy, &marker);
    if (!fault.empty()) return {Error{fault}, true};
  }
  if (!marker.accepts) return {marker, true};
  Result<int> number = PortOf(fields, policy.own_email);
  if (!number) return {Error{number.error()}, true};
  Result<uint16_t> port = AllowedPort(*number, policy);
  if (!port) return {Error{port.error()}, true};
  marker.port = *port;
  return {marker, true};
}

// The number of an older form, `9001` or `host:9001`; nothing: it is none.
std::optional<int> OlderForm(std::string_view text) {
  const size_t colon = text.rfind(':');
  const std::string_view digits = colon == std::string_view::npos ? text : text.substr(colon + 1);
  if (digits.empty() || digits.size() > 5) return std::nullopt;
  int number = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  const std::string_view host =
      colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  if (host.find_first_of(" \t\r\n\"{},") != std::string_view::npos) return std::nullopt;
  return number;
}

MarkerReading ReadOlderForm(int number, const MarkerPolicy& policy) {
  if (policy.peers.size() != 1) {
    return {
        Error{"the older form with only a port names no peer: write {\"from\", \"to\", "
              "\"port\"}, or set HOTLINK_PROXY_PEERS to the one peer"}};
  }
  if (policy.peers.front() == policy.own_email) {
    return {
        Error{"HOTLINK_PROXY_PEERS names only the own e-mail, so the marker has no peer: "
              "name the peer there"}};
  }
  Result<uint16_t> port = AllowedPort(number, policy);
  if (!port) return {Error{port.error()}};
  return {Marker{.peer = policy.peers.front(), .port = *port}};
}

}  // namespace

MarkerReading ReadMarker(std::string_view content, const MarkerPolicy& policy) {
  if (content.size() > kMarkerMax) {
    return {Error{"it has more than " + std::to_string(kMarkerMax) + " bytes" + kForm}};
  }
  const std::string_view text = Trim(content);
  if (text.empty()) return {Error{std::string("it is empty") + kForm}};
  // To cJSON a text ends at its first NUL: what follows would not be looked at.
  const size_t nul = std::min(content.find('\0'), content.find("\\u0000"));
  if (nul != std::string_view::npos)
    return {Error{AtLine(LineAt(content, nul), "a NUL: a marker is plain text")}};
  if (std::optional<int> number = OlderForm(text)) return ReadOlderForm(*number, policy);
  const char* end = nullptr;
  const JsonPtr json(cJSON_ParseWithLengthOpts(content.data(), content.size(), &end, 0));
  const size_t parsed = end == nullptr ? 0 : std::min<size_t>(end - content.data(), content.size());
  if (json == nullptr)
    return {Error{AtLine(LineAt(content, parsed), std::string("not valid JSON") + kForm)}};
  if (!Trim(content.substr(parsed)).empty()) {
    return {Error{
        AtLine(LineAt(content, parsed), "something follows behind the JSON value: remove it")}};
  }
  if (!cJSON_IsObject(json.get())) {
    return {Error{std::string("it is no JSON object") + kForm}};
  }
  return ReadObject(json.get(), content, policy);
}

}  // namespace hotlink

#include "tests/unit/message_fields.h"

namespace hotlink {
namespace {

// One overload a type, written by hand: the codec's own table is what is under test.
struct Flatten {
  Fields* out;

  void Put(const char* key, std::string_view text) {
    if (!text.empty()) (*out)[key] = text;
  }
  void Put(const char* key, uint64_t number) { (*out)[key] = std::to_string(number); }

  void operator()(const System& body) {
    Put("typ", 0);
    Put("ver", body.version);
    Put("msg", body.message);
  }
  void operator()(const ErrorReport& body) {
    Put("typ", 1);
    (*out)["cod"] = std::to_string(body.code);
    Put("pth", body.path);
    Put("msg", body.message);
  }
  void operator()(const FileWrite& body) {
    Put("typ", 2);
    Put("pth", body.path);
    Put("etg", body.etag);
    Put("len", body.length);
    Put("con", Hex(body.content));
  }
  void operator()(const Ack& body) {
    Put("typ", 4);
    Put("oid", body.original_id);
  }
  void operator()(const Nack& body) {
    Put("typ", 5);
    Put("oid", body.original_id);
    Put("err", body.error);
  }
  void operator()(const Open& body) {
    Put("typ", 9);
    Put("sid", body.sid);
    Put("pth", body.path);
    Put("frm", body.from);
    Put("to", body.to);
  }
  void operator()(const Accept& body) {
    Put("typ", 10);
    Put("sid", body.sid);
  }
  void operator()(const Reject& body) {
    Put("typ", 11);
    Put("sid", body.sid);
    Put("rsn", body.reason);
  }
  void operator()(const Data& body) {
    Put("typ", 12);
    Put("sid", body.sid);
    Put("seq", body.seq);
    Put("pth", body.path);
    Put("etg", body.etag);
    Put("pay", Hex(body.payload));
  }
  void operator()(const Close& body) {
    Put("typ", 13);
    Put("sid", body.sid);
    Put("rsn", body.reason);
  }
  void operator()(const Signal& body) {
    Put("typ", 14);
    Put("sid", body.sid);
    Put("knd", body.kind);
    std::string addresses;
    for (std::string_view address : body.addresses) addresses.append(address).append("|");
    Put("adr", addresses);
    Put("tok", body.token);
    Put("err", body.error);
  }
  void operator()(const Other& body) { Put("typ", body.type); }
};

}  // namespace

Fields FieldsOf(const Message& message) {
  Fields fields;
  Flatten flatten{&fields};
  flatten.Put("id", message.id);
  std::visit(flatten, message.body);
  return fields;
}

std::string Hex(ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xF];
  }
  return text;
}

Bytes ExactCopy(ByteView bytes) {
  Bytes copy;
  copy.reserve(bytes.size());
  copy.assign(bytes.begin(), bytes.end());
  return copy;
}

}  // namespace hotlink

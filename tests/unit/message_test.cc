#include "common/message.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/allocation_count.h"
#include "tests/unit/message_fields.h"

namespace hotlink {
namespace {

using namespace std::string_literals;

// msgpack by hand, so that the encoder under test has no part in what the decoder is given.
std::string Str(std::string_view text) {
  return "\xd9"s + static_cast<char>(text.size()) + std::string(text);
}
std::string Bin(std::string_view bytes) {
  const size_t size = bytes.size();
  std::string out = "\xc6"s;
  for (int shift : {24, 16, 8, 0}) out += static_cast<char>(size >> shift);
  return out.append(bytes);
}
std::string Map(const std::vector<std::string>& keys_and_values) {
  std::string out(1, static_cast<char>(0x80 | keys_and_values.size() / 2));
  for (const std::string& each : keys_and_values) out += each;
  return out;
}
std::string Frame(const std::string& envelope) { return "SB\x01\x01"s + envelope; }
std::string FrameOf(const std::string& type, const std::string& dat) {
  return Frame(Map({Str("id"), Str("i1"), Str("typ"), type, Str("dat"), Bin(dat)}));
}
std::string DataWith(const std::vector<std::string>& more) {
  std::vector<std::string> all = {Str("sid"), Str("s1")};
  all.insert(all.end(), more.begin(), more.end());
  return FrameOf("\x0c", Map(all));
}

struct Decoded {
  Fields fields;
  std::string error;
};
Decoded Decode(bool text, const std::string& frame) {
  MessageDecoder decoder;
  const Bytes bytes = ExactCopy(AsBytes(frame));
  const Result<Message> message = decoder.Decode(text, bytes);
  return message.ok() ? Decoded{FieldsOf(*message), ""} : Decoded{{}, message.error()};
}
Decoded Msgpack(const std::string& frame) { return Decode(false, frame); }
Decoded Json(const std::string& text) { return Decode(true, text); }
std::string JsonData(const std::string& fields) {
  return R"({"id":"i","typ":12,"dat":{"sid":"s",)" + fields + "}}";
}

TEST_CASE("msgpack: integers in every width, with and without sign") {
  const std::pair<std::string, std::string> widths[] = {
      {"\x07", "7"},
      {"\xcc\x07"s, "7"},
      {"\xcd\x00\x07"s, "7"},
      {"\xce\x00\x00\x00\x07"s, "7"},
      {"\xcf\x00\x00\x00\x00\x00\x00\x00\x07"s, "7"},
      {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s, "18446744073709551615"},
      {"\xd0\x07"s, "7"},
      {"\xd1\x00\x07"s, "7"},
      {"\xd2\x00\x00\x00\x07"s, "7"},
      {"\xd3\x7f\xff\xff\xff\xff\xff\xff\xff"s, "9223372036854775807"},
  };
  for (const auto& [bytes, value] : widths) {
    CHECK(Msgpack(DataWith({Str("seq"), bytes})).fields["seq"] == value);
  }
  for (const std::string& bad :
       {"\xff"s, "\xd0\x80"s, "\xca\x40\x00\x00\x00"s, "\xc3"s, Str("7")}) {
    CHECK(Msgpack(DataWith({Str("seq"), bad})).error ==
          "HotlinkData: field 'seq' is not a whole number from 0");
  }
  const auto code = [](const std::string& bytes) {
    return Msgpack(FrameOf("\x01", Map({Str("Code"), bytes})));
  };
  CHECK(code("\xff").fields["cod"] == "-1");
  CHECK(code("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"s).fields["cod"] == "-9223372036854775808");
  CHECK(code("\xcf\x80\x00\x00\x00\x00\x00\x00\x00"s).error != "");
}

TEST_CASE("msgpack: keys in any order, unknown keys of any kind, nil is absent") {
  const std::string nested = "\x93\xc0\x81\x01\xa1x\xc7\x02\x05zz"s;  // [nil, {1: "x"}, ext]
  const std::string dat = Map({Str("pay"), Bin("pp"), "\x05", nested, Str("new"), nested,
                               Str("etg"), "\xc0", Str("seq"), "\x03", Str("sid"), Str("s9")});
  const std::string frame = Frame(Map({Str("dat"), Bin(dat), nested, "\x01", Str("later"), nested,
                                       Str("typ"), "\x0c", Str("id"), Str("i9")}));
  CHECK(Msgpack(frame).fields ==
        Fields{{"id", "i9"}, {"typ", "12"}, {"sid", "s9"}, {"seq", "3"}, {"pay", "7070"}});
}

TEST_CASE("msgpack: texts may come as bin and the payload as str, nothing else may") {
  CHECK(
      Msgpack(DataWith({Str("pth"), Bin("p"), Str("pay"), Str("ab")})).fields ==
      Fields{
          {"id", "i1"}, {"typ", "12"}, {"sid", "s1"}, {"seq", "0"}, {"pth", "p"}, {"pay", "6162"}});
  CHECK(Msgpack(DataWith({Str("pay"), "\x92\x01\x02"})).error ==
        "HotlinkData: field 'pay' is not bytes");
  CHECK(Msgpack(DataWith({Str("pth"), "\x05"})).error == "HotlinkData: field 'pth' is not a text");
}

TEST_CASE("msgpack: a malformed envelope or body is named") {
  const std::string good = Map({Str("sid"), Str("s")});
  CHECK(Msgpack("").error != "");
  CHECK(Msgpack("SB\x01").error != "");
  CHECK(Msgpack("SC\x01\x01\x80").error.find("\"SB\"") != std::string::npos);
  CHECK(Msgpack("SB\x02\x01\x80").error.find("\"SB\"") != std::string::npos);
  CHECK(Msgpack("SB\x01\x02\x80").error.find("unknown encoding 2") != std::string::npos);
  CHECK(Msgpack(Frame("")).error == "message: content is not a msgpack map");
  CHECK(Msgpack(Frame("\x05")).error == "message: content is not a msgpack map");
  CHECK(Msgpack(Frame("\xdf\x00"s)).error == "message: content is not a msgpack map");
  CHECK(Msgpack(Frame(Map({Str("id"), Str("i")}))).error == "msgpack message without 'typ'");
  CHECK(Msgpack(Frame(Map({Str("typ"), "\x0a"}))).error ==
        "HotlinkAccept: field 'dat' is not there as bytes");
  CHECK(Msgpack(Frame(Map({Str("typ"), "\x0a", Str("dat"), good}))).error != "");
  CHECK(Msgpack(FrameOf("\x0a", "")).error == "HotlinkAccept: field 'dat' is not a msgpack map");
  CHECK(Msgpack(FrameOf("\x0a", good + "\x01")).error ==
        "HotlinkAccept: field 'dat' is not followed by nothing");
  CHECK(Msgpack(FrameOf("\x0a", good) + "\x01").error ==
        "msgpack message is followed by more bytes");
  CHECK(Msgpack(FrameOf("\x0a", Map({}))).error == "HotlinkAccept without 'sid'");
  CHECK(Msgpack(FrameOf("\x0a", good)).error == "");
}

TEST_CASE("msgpack: hostile counts and depth end at once") {
  const std::string counts[] = {"\xdd\xff\xff\xff\xff"s,    "\xdf\xff\xff\xff\xff"s,
                                "\xdf\x80\x00\x00\x00"s,    "\xdd\x7f\xff\xff\xfd\x8f"s,
                                "\xdb\xff\xff\xff\xff"s,    "\xc6\xff\xff\xff\xff"s,
                                "\xc9\xff\xff\xff\xff\x01"s};
  for (const std::string& count : counts) {
    CHECK(Msgpack(DataWith({Str("new"), count})).error != "");
    CHECK(Msgpack(DataWith({Str("pay"), count})).error != "");
    CHECK(Msgpack(FrameOf("\x0e", Map({Str("sid"), Str("s"), Str("adr"), count}))).error != "");
    CHECK(Msgpack(Frame(count)).error != "");
  }
  const std::string deep(4 << 20, '\x91');  // an array in an array in an array …
  CHECK(Msgpack(DataWith({Str("new"), deep})).error != "");
  CHECK(Msgpack(DataWith({Str("new"), deep + "\xc0"})).error == "");
}

TEST_CASE("foreign types are passed over without a look at their content") {
  for (int type : {3, 6, 7, 8, 15, 100}) {
    const std::string number(1, static_cast<char>(type));
    const Fields other = {{"id", "i1"}, {"typ", std::to_string(type)}};
    CHECK(Msgpack(FrameOf(number, "\xc1 no msgpack")).fields == other);
    CHECK(Msgpack(Frame(Map({Str("id"), Str("i1"), Str("typ"), number}))).fields == other);
    CHECK(Json(R"({"id":"i1","typ":)" + std::to_string(type) + R"(,"dat":[7]})").fields == other);
  }
  CHECK(Msgpack(Frame(Map({Str("typ"), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s}))).fields["typ"] ==
        "18446744073709551615");
}

TEST_CASE("a signal's addresses: 256 are taken, 257 are not") {
  for (size_t count : {255, 256, 257}) {
    std::string list = "\xdc"s + static_cast<char>(count >> 8) + static_cast<char>(count);
    std::string json, expected;
    for (size_t i = 0; i < count; ++i) {
      list += Str("a");
      json += i == 0 ? "\"a\"" : ",\"a\"";
      expected += "a|";
    }
    Decoded both[] = {Msgpack(FrameOf("\x0e", Map({Str("sid"), Str("s"), Str("adr"), list}))),
                      Json(R"({"typ":14,"dat":{"sid":"s","adr":[)" + json + "]}}")};
    for (Decoded& decoded : both) {
      if (count <= 256) {
        CHECK(decoded.fields["adr"] == expected);
      } else {
        CHECK(decoded.error == "HotlinkSignal: field 'adr' is not a list of at most 256 texts");
      }
    }
  }
  CHECK(Msgpack(FrameOf("\x0e", Map({Str("sid"), Str("s"), Str("adr"), "\x91\x05"}))).error ==
        "HotlinkSignal: field 'adr' is not a list of texts");
}

TEST_CASE("json: in text frames, and in binary frames with encoding byte 0") {
  const std::string text =
      R"( {"typ":13,"new":[{}],"dat":{"x":{"y":1},"rsn":"a\"\u00e9\n","sid":"s"},"id":"i"} )";
  const Fields fields = {{"id", "i"}, {"typ", "13"}, {"sid", "s"}, {"rsn", "a\"é\n"}};
  CHECK(Json(text).fields == fields);
  CHECK(Msgpack("SB\x01\x00"s + text).fields == fields);
  CHECK(Json(R"({"typ":9,"dat":{"sid":"s","to":null,"frm":null}})").fields ==
        Fields{{"typ", "9"}, {"sid", "s"}});
}

TEST_CASE("json: numbers are exact or refused") {
  CHECK(Json(JsonData(R"("seq":9007199254740991)")).fields["seq"] == "9007199254740991");
  for (const char* bad : {"9007199254740992", "9223372036854775807", "1.5", "1e400", "\"1\""}) {
    CHECK(Json(JsonData(R"("seq":)"s + bad)).error ==
          "HotlinkData: field 'seq' is not a whole number within 2^53, which is as far as JSON "
          "numbers are exact");
  }
  CHECK(Json(JsonData(R"("seq":-1)")).error ==
        "HotlinkData: field 'seq' is not a whole number from 0");
  CHECK(Json(R"({"typ":1,"dat":{"cod":-5}})").fields["cod"] == "-5");
}

TEST_CASE("json: what is malformed is named") {
  CHECK(Json("").error == "message: content is not a JSON object");
  CHECK(Json("[1]").error == "message: content is not a JSON object");
  CHECK(Json(R"({"typ":10,"dat":{"sid":"s"}} x)").error == "message: content is not a JSON object");
  CHECK(Json(R"({"id":"i"})").error == "JSON message without 'typ'");
  CHECK(Json(R"({"typ":-1})").error == "message: field 'typ' is not a whole number from 0");
  CHECK(Json(R"({"typ":10})").error == "HotlinkAccept: field 'dat' is not there as an object");
  CHECK(Json(R"({"typ":10,"dat":{}})").error == "HotlinkAccept without 'sid'");
  CHECK(Json(R"({"typ":10,"dat":{"sid":5}})").error == "HotlinkAccept: field 'sid' is not a text");
  CHECK(Json(R"({"typ":10,"dat":{"sid":"a\u0000b"}})").error ==
        "JSON message holds a NUL character");
  CHECK(Json(R"({"typ":10,"dat":{"sid":"\\\u0000"}})").error ==
        "JSON message holds a NUL character");
  CHECK(Json("{\"typ\":10,\"dat\":{\"sid\":\"a\0b\"}}"s).error ==
        "JSON message holds a NUL character");
}

TEST_CASE("json: an escaped backslash in front of u0000 is no NUL") {
  CHECK(Json(R"({"typ":10,"dat":{"sid":"a\\u0000"}})").fields["sid"] == R"(a\u0000)");
}

TEST_CASE("json: base64 of payloads is checked") {
  CHECK(Json(JsonData(R"("pay":"")")).fields.count("pay") == 0);
  CHECK(Json(JsonData(R"("pay":"/+8=")")).fields["pay"] == "ffef");
  for (const char* bad : {"/+8", "/+8==", "_-8=", "A", "!AAA", "AA=A"}) {
    CHECK(Json(JsonData("\"pay\":\""s + bad + "\"")).error ==
          "HotlinkData: field 'pay' is not bytes in base64");
  }
}

TEST_CASE("json: depth and number of values are bounded") {
  CHECK(Json(std::string(100'000, '[')).error != "");
  CHECK(Json(std::string(100'000, '[') + std::string(100'000, ']')).error != "");
  const auto list = [](size_t commas) {
    std::string text = R"({"typ":3,"dat":[0)";  // has 1 comma, 1 brace and 1 bracket
    for (size_t i = 3; i < commas; ++i) text += ",0";
    return Json(text + "]}");
  };
  CHECK(list((256 << 10) - 1).error == "");
  CHECK(list(256 << 10).error == "");
  CHECK(list((256 << 10) + 1).error == "JSON message has more than 262144 values");
}

TEST_CASE("encoding: large numbers and awkward texts survive both encodings") {
  const std::string awkward = "\"\\\n\t\x01 é€𝄞 </script>";
  const std::string_view addresses[] = {"", awkward, "[::1]:6"};
  const MessageBody bodies[] = {
      Data{.sid = awkward, .seq = 1'000'000'000'000'000, .path = awkward},
      Data{.sid = "s", .seq = (uint64_t{1} << 53) - 1, .etag = "1.fin"},
      FileWrite{.path = "p", .length = 1 << 20, .content = AsBytes(awkward)},
      ErrorReport{.code = -403, .path = "p", .message = awkward},
      Signal{.sid = "s", .kind = "k", .addresses = addresses, .token = awkward, .error = "e"},
      System{},
      Ack{"o"},
      Nack{"o", awkward},
      Open{"s", "p", "f", "t"},
      Reject{"s", awkward}};
  for (const MessageBody& body : bodies) {
    const Message message{"id", body};
    for (Encoding encoding : {Encoding::kJson, Encoding::kMsgpack}) {
      Bytes out = {'x'};  // what stands there stays
      EncodeMessage(encoding, message, &out);
      REQUIRE(out[0] == 'x');
      MessageDecoder decoder;
      const Result<Message> again =
          decoder.Decode(encoding == Encoding::kJson, ByteView(out).subspan(1));
      REQUIRE_MESSAGE(again.ok(), again.error());
      CHECK(FieldsOf(*again) == FieldsOf(message));
    }
  }
}

TEST_CASE("encoding: empty optional fields are left out") {
  const auto json = [](const MessageBody& body) {
    Bytes out;
    EncodeMessage(Encoding::kJson, Message{"i", body}, &out);
    return std::string(AsText(out));
  };
  CHECK(json(Open{"s", "p", "", ""}) == R"({"id":"i","typ":9,"dat":{"sid":"s","pth":"p"}})");
  CHECK(json(Data{.sid = "s", .seq = 1'000'000'000'000'000, .path = "p"}) ==
        R"({"id":"i","typ":12,"dat":{"sid":"s","seq":1000000000000000,"pth":"p"}})");
  CHECK(json(Signal{.sid = "s", .kind = "k"}) ==
        R"({"id":"i","typ":14,"dat":{"sid":"s","knd":"k"}})");
}

TEST_CASE("data header: in front of the payload it makes the whole message") {
  const std::string text(300, 't');
  for (size_t size : {0, 1, 31, 32, 200, 254, 255, 256, 257, 65'000, 65'400, 65'535, 65'536, 65'537,
                      262'144, 1 << 20}) {
    CAPTURE(size);
    Bytes payload(size);
    for (size_t i = 0; i < size; ++i) payload[i] = static_cast<uint8_t>(i * 31 >> 3);
    for (std::string_view etag :
         {std::string_view(), std::string_view("12"), std::string_view(text)}) {
      const Data data{.sid = "s1", .seq = 70'000, .path = text, .etag = etag, .payload = payload};
      Bytes room(2000 + size);
      const size_t header = EncodeDataHeader("id1", data, std::span(room).first(2000));
      REQUIRE(header > 0);
      CHECK(header <= kDataHeaderFixedMax + 3 + 2 + text.size() + etag.size());
      for (size_t i = 0; i < 2000 - header; ++i) REQUIRE(room[i] == 0);
      std::copy(payload.begin(), payload.end(), room.begin() + 2000);
      MessageDecoder decoder;
      const Result<Message> message = decoder.Decode(false, ByteView(room).subspan(2000 - header));
      REQUIRE_MESSAGE(message.ok(), message.error());
      CHECK((FieldsOf(*message) == FieldsOf(Message{"id1", data})));
    }
  }
}

TEST_CASE("data header: the largest fits into its bound, one byte less of room does not do") {
  const std::string id(36, 'i'), sid(70'000, 's'), path(70'000, 'p'), etag(70'000, 'e');
  const uint8_t byte = 0;
  // Only the payload's size is read: the largest that fits in msgpack's 32 bits with the rest.
  const ByteView payload(&byte, (size_t{1} << 32) - 300'000);
  const Data data{.sid = sid, .seq = ~uint64_t{0}, .path = path, .etag = etag, .payload = payload};
  Bytes room(kDataHeaderFixedMax + id.size() + 3 * 70'000);
  const size_t header = EncodeDataHeader(id, data, room);
  REQUIRE(header > 0);
  CHECK(header <= room.size());
  Bytes exact(header), small(header - 1);
  CHECK(EncodeDataHeader(id, data, exact) == header);
  CHECK(std::equal(exact.begin(), exact.end(), room.end() - header));
  CHECK(EncodeDataHeader(id, data, small) == 0);
  CHECK(small == Bytes(header - 1));
  CHECK(EncodeDataHeader(id, data, {}) == 0);
}

TEST_CASE("decoding a msgpack data message allocates nothing and copies nothing") {
  Bytes payload(256 << 10, 0xAB), frame;
  const std::string_view sid = "hl1.0123456789abcdef.fedcba9876543210.1",
                         path = "a@x.org/_mpc/0_to_1";
  EncodeMessage(
      Encoding::kMsgpack,
      Message{"id", Data{.sid = sid, .seq = 9, .path = path, .etag = "1", .payload = payload}},
      &frame);
  MessageDecoder decoder;
  const size_t before = AllocationCount();
  const Result<Message> message = decoder.Decode(false, frame);
  CHECK(AllocationCount() == before);
  REQUIRE(message.ok());
  const Data& data = std::get<Data>(message->body);
  const auto inside = [&](const void* begin, size_t size) {
    const auto* at = static_cast<const uint8_t*>(begin);
    return at >= frame.data() && at + size <= frame.data() + frame.size();
  };
  CHECK(inside(data.payload.data(), data.payload.size()));
  CHECK(inside(data.sid.data(), data.sid.size()));
  CHECK(inside(data.path.data(), data.path.size()));
  CHECK(inside(data.etag.data(), data.etag.size()));
  CHECK(inside(message->id.data(), message->id.size()));

  Bytes room(200);
  const size_t header_before = AllocationCount();
  const size_t header = EncodeDataHeader("id", data, room);
  CHECK(AllocationCount() == header_before);
  CHECK(header > 0);
}

}  // namespace
}  // namespace hotlink

#include "proxy/markers/marker.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace hotlink {
namespace {

MarkerPolicy PolicyOf(std::string own) { return {std::move(own)}; }

std::string ErrorOf(std::string_view content, const MarkerPolicy& policy = PolicyOf("a@x")) {
  MarkerReading reading = ReadMarker(content, policy);
  return reading.marker.ok() ? "" : reading.marker.error();
}

constexpr std::string_view kBoth =
    R"({"from": "A@x", "to": "b@X", "port": 9001, "ports": {"a@X": 9001, "B@x": 10001}})";

TEST_CASE("ports counts per e-mail, compared without case") {
  MarkerReading here = ReadMarker(kBoth, PolicyOf("a@x"));
  REQUIRE(here.marker.ok());
  CHECK(*here.marker == Marker{"b@x", true, 9001});
  CHECK(here.names_own);
  MarkerReading there = ReadMarker(kBoth, PolicyOf("b@x"));
  REQUIRE(there.marker.ok());
  CHECK(*there.marker == Marker{"a@x", false, 10001});
}

TEST_CASE("without ports, port counts; unknown keys are ignored") {
  MarkerReading reading = ReadMarker(
      " \n{\"dials\": [\"{\", {\"x\": 1}], \"port\": 9002,\n\"to\":\"b@x\",\"from\":\"a@x\"} \n",
      PolicyOf("a@x"));
  REQUIRE(reading.marker.ok());
  CHECK(*reading.marker == Marker{"b@x", true, 9002});
}

MarkerReading ReadDial(const std::string& dial, const std::string& own,
                       const std::string& allowed = "127.0.0.1:5000-5010") {
  MarkerPolicy policy = PolicyOf(own);
  if (!allowed.empty()) policy.dial = {*ParseEndpointRange(allowed)};
  return ReadMarker(
      "{\"from\": \"a@x\", \"to\": \"b@x\",\n\"ports\": {\"a@x\": 9001},\n\"dial\": " + dial + "}",
      policy);
}

TEST_CASE("dial: here connections are made, there they are dialled") {
  const std::string dial = "{\"b@x\": \"127.0.0.1:5001\"}";
  MarkerReading here = ReadDial(dial, "a@x", "");
  REQUIRE(here.marker.ok());
  CHECK(*here.marker ==
        Marker{.peer = "b@x", .outgoing = true, .port = 9001, .streams = true, .accepts = true});
  MarkerReading there = ReadDial(dial, "b@x");
  REQUIRE(there.marker.ok());  // it has no port of its own, and needs none
  CHECK(*there.marker == Marker{.peer = "a@x",
                                .outgoing = false,
                                .port = 0,
                                .streams = true,
                                .accepts = false,
                                .dial = "127.0.0.1:5001"});
}

TEST_CASE("dial: both directions in one marker want a port at both") {
  const std::string both = "{\"a@x\": \"127.0.0.1:5002\", \"b@x\": \"127.0.0.1:5001\"}";
  MarkerReading here = ReadDial(both, "a@x");
  REQUIRE(here.marker.ok());
  CHECK(here.marker->accepts);
  CHECK(here.marker->dial == "127.0.0.1:5002");
  MarkerReading there = ReadDial(both, "b@x");
  REQUIRE_FALSE(there.marker.ok());
  CHECK(there.marker.error() ==
        "line 2: \"ports\" has no entry for b@x: add its port, or leave \"ports\" out");
}

TEST_CASE("dial: only what the local configuration allows, and nothing malformed") {
  const std::vector<std::pair<std::string, std::string>> faults = {
      {"{\"b@x\": \"127.0.0.1:5011\"}",
       "line 3: \"dial\": 127.0.0.1:5011 is not in HOTLINK_PROXY_DIAL_ALLOW: add it there if it "
       "may be dialled"},
      {"{\"b@x\": \"10.0.0.1:5001\"}",
       "line 3: \"dial\": 10.0.0.1:5001 is not in HOTLINK_PROXY_DIAL_ALLOW: add it there if it may "
       "be dialled"},
      {"{\"b@x\": \"localhost:5001\"}",
       "line 3: \"dial\".\"b@x\": \"localhost:5001\" is not of the form 127.0.0.1:5001 or "
       "[::1]:5001"},
      {"{\"b@x\": 5001}", "line 3: \"dial\".\"b@x\" must be a text, as 127.0.0.1:5001"},
      {"{\"c@x\": \"127.0.0.1:5001\"}",
       "line 3: \"dial\".\"c@x\" is neither \"from\" nor \"to\": name one of these"},
      {"{\"b@x\": \"127.0.0.1:5001\",\n\"B@x\": \"127.0.0.1:5001\"}",
       "line 4: \"dial\".\"B@x\" is there a second time: leave one"},
      {"{}", "line 3: \"dial\" names no address: write one, or leave \"dial\" out"},
      {"[]", "line 3: \"dial\" is no object, as {\"b@x.org\": \"127.0.0.1:5001\"}"},
  };
  for (const auto& pair : faults) {
    const std::string& dial = pair.first;
    CAPTURE(dial);
    MarkerReading reading = ReadDial(dial, "b@x");
    REQUIRE_FALSE(reading.marker.ok());
    CHECK(reading.marker.error() == pair.second);
    CHECK(reading.names_own);
  }
  MarkerReading nothing = ReadDial("{\"b@x\": \"127.0.0.1:5001\"}", "b@x", "");
  REQUIRE_FALSE(nothing.marker.ok());
  CHECK(nothing.marker.error() ==
        "line 3: \"dial\": 127.0.0.1:5001 is not in HOTLINK_PROXY_DIAL_ALLOW, which is empty: add "
        "it there if it may be dialled");
}

TEST_CASE("with ports, a missing own entry is an error, even beside port") {
  CHECK(ErrorOf("{\"from\":\"a@x\",\"to\":\"b@x\",\"port\":9001,\n\"ports\":{\"b@x\":9001}}") ==
        "line 2: \"ports\" has no entry for a@x: add its port, or leave \"ports\" out");
}

TEST_CASE("errors say what is wrong, in which line, and the way out") {
  const std::string form =
      R"(; a marker looks like {"from": "a@x.org", "to": "b@x.org", "port": 9001})";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "it is empty" + form},
      {" \n\t", "it is empty" + form},
      {"{\n\"from\": \"a@x\",\n oops}", "line 3: not valid JSON" + form},
      {R"({"from":"a@x","to":"b@x","port":9001)", "line 1: not valid JSON" + form},
      {"{\"from\":\"a@x\",\"to\":\"b@x\",\"port\":9001}\nx",
       "line 1: something follows behind the JSON value: remove it"},
      {R"([1])", "it is no JSON object" + form},
      {R"("a@x:b")", "it is no JSON object" + form},
      {"{}", "the key \"from\" is missing" + form},
      {R"({"from":"a@x"})", "the key \"to\" is missing" + form},
      {"{\"from\":\"a@x\",\n\"to\":7}", "line 2: \"to\" is no text" + form},
      {"{\"from\":\"ax\",\"to\":\"b@x\"}", "line 1: \"from\": e-mail \"ax\" has no @"},
      {"{\"from\":\"c@x\",\"to\":\"b@x\",\"port\":9001}",
       "it is for c@x and b@x, not for a@x: one of the two has to be the own e-mail"},
      {"{\"from\":\"a@x\",\n\"to\":\"A@X\",\"port\":9001}",
       "line 2: \"from\" and \"to\" are both a@x: one of the two has to be the peer"},
      {R"({"from":"a@x","to":"b@x"})", "there is neither \"port\" nor \"ports\"" + form},
      {"{\"from\":\"a@x\",\"to\":\"b@x\",\n\n\"port\":\"9001\"}",
       "line 3: \"port\" must be a whole number from 1 to 65535"},
      {R"({"from":"a@x","to":"b@x","port":9001.5})",
       "line 1: \"port\" must be a whole number from 1 to 65535"},
      {R"({"from":"a@x","to":"b@x","port":0})",
       "line 1: \"port\" must be a whole number from 1 to 65535"},
      {R"({"from":"a@x","to":"b@x","port":65536})",
       "line 1: \"port\" must be a whole number from 1 to 65535"},
      {R"({"from":"a@x","to":"b@x","port":1e999})",
       "line 1: \"port\" must be a whole number from 1 to 65535"},
      {R"({"from":"a@x","to":"b@x","ports":[9001]})",
       "line 1: \"ports\" is no object, as {\"a@x.org\": 9001, \"b@x.org\": 9002}"},
      {"{\"from\":\"a@x\",\"to\":\"b@x\",\"ports\":{\"a@x\":9001,\n\"b@x\":null}}",
       "line 2: \"ports\".\"b@x\" must be a whole number from 1 to 65535"},
      {"{\"from\":\"a@x\",\"to\":\"b@x\",\"port\":9001,\n\"port\":9001}",
       "line 2: the key \"port\" is there a second time: leave one"},
      {"{\"x\":1,\"\\u0066rom\":\"a@x\",\"to\":\"b@x\",\"x\":\n{},\"port\":9001}",
       "line 1: the key \"x\" is there a second time: leave one"},
      {"{\"from\":\"a@x\",\"to\":\"b@x\",\"ports\":{\"a@x\":9001,\n\"A@x\":9002}}",
       "line 2: \"ports\" has \"A@x\" a second time: leave one"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.first);
    CHECK(ErrorOf(one.first) == one.second);
  }
}

TEST_CASE("foreign text is printable and short in errors") {
  const std::string key = "\\n" + std::string(300, 'k');
  const std::string error = ErrorOf("{\"" + key + "\":1,\"" + key + "\":1}");
  CHECK(error.find('\n') == std::string::npos);
  CHECK(error.size() < 150);
}

TEST_CASE("a marker has at most 64 KiB") {
  const std::string json = R"({"from":"a@x","to":"b@x","port":9001})";
  CHECK(ErrorOf(json + std::string(kMarkerMax - json.size() - 1, ' ')) == "");
  CHECK(ErrorOf(json + std::string(kMarkerMax - json.size(), ' ')) == "");
  CHECK(ErrorOf(json + std::string(kMarkerMax - json.size() + 1, ' ')) ==
        "it has more than 65536 bytes; a marker looks like {\"from\": \"a@x.org\", \"to\": "
        "\"b@x.org\", \"port\": 9001}");
}

TEST_CASE("the older forms name no peer, unless only one peer is allowed") {
  for (std::string content : {"9001", " 9001\n", "127.0.0.1:9001", "[::1]:9001"}) {
    CAPTURE(content);
    CHECK(ErrorOf(content).find("names no peer") != std::string::npos);
    MarkerPolicy two = {"a@x", {"b@x", "c@x"}};
    CHECK(ErrorOf(content, two).find("names no peer") != std::string::npos);
    MarkerPolicy one = {"a@x", {"b@x"}};
    MarkerReading reading = ReadMarker(content, one);
    REQUIRE(reading.marker.ok());
    CHECK(*reading.marker == Marker{"b@x", true, 9001});
    CHECK_FALSE(reading.names_own);
  }
  CHECK(ErrorOf("80", {"a@x", {"b@x"}}).find("HOTLINK_PROXY_PORTS") != std::string::npos);
  CHECK(ErrorOf("9001", {"a@x", {"a@x"}}).find("only the own e-mail") != std::string::npos);
}

TEST_CASE("HOTLINK_PROXY_PEERS keeps others out") {
  const std::string json = "{\"from\":\"a@x\",\n\"to\":\"B@x\",\"port\":9001}";
  CHECK(ErrorOf(json, {"a@x", {"c@x", "b@x"}}) == "");
  CHECK(ErrorOf(json, {"a@x", {"c@x"}}) ==
        "line 2: the peer b@x is not in HOTLINK_PROXY_PEERS: add it there if it may connect");
}

TEST_CASE("HOTLINK_PROXY_PORTS: by default 1024 to 65535, else the ranges given") {
  const auto with_port = [](int port) {
    return R"({"from":"a@x","to":"b@x","port":)" + std::to_string(port) + "}";
  };
  CHECK(ErrorOf(with_port(1023)) ==
        "port 1023 is outside HOTLINK_PROXY_PORTS (1024-65535): choose one within, or allow it "
        "there");
  CHECK(ErrorOf(with_port(1024)) == "");
  CHECK(ErrorOf(with_port(65535)) == "");
  MarkerPolicy policy = {"a@x", {}, {{80, 80}, {20000, 20010}}};
  CHECK(ErrorOf(with_port(80), policy) == "");
  CHECK(ErrorOf(with_port(20010), policy) == "");
  CHECK(ErrorOf(with_port(20011), policy) ==
        "port 20011 is outside HOTLINK_PROXY_PORTS (80-80, 20000-20010): choose one within, or "
        "allow it there");
}

TEST_CASE("whether a bad marker names the own e-mail is known") {
  const auto names_own = [](std::string_view content) {
    return ReadMarker(content, PolicyOf("a@x")).names_own;
  };
  CHECK(names_own(R"({"from":"a@x","to":"b@x","port":1})"));
  CHECK(names_own(R"({"from":"b@x","to":"A@x"})"));
  CHECK_FALSE(names_own(R"({"from":"b@x","to":"c@x","port":9001})"));
  CHECK_FALSE(names_own("{"));
}

TEST_CASE("a NUL never hides what follows it") {
  const std::string escaped = "{\"from\":\"a@x\",\n\"to\":\"b@x\\u0000.evil\",\"port\":9001}";
  CHECK(ErrorOf(escaped) == "line 2: a NUL: a marker is plain text");
  std::string raw = "{\"from\":\"a@x\",\"to\":\"b@x?.evil\",\"port\":9001}";
  raw[raw.find('?')] = '\0';
  CHECK(ErrorOf(raw) == "line 1: a NUL: a marker is plain text");
  CHECK(ErrorOf(std::string(100, '\0')) == "line 1: a NUL: a marker is plain text");
}

TEST_CASE("no marker cut short or with a changed byte ends the program") {
  const std::string whole(kBoth);
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    CHECK_FALSE(ErrorOf(std::string(whole, 0, cut)).empty());
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    for (char byte : {'\0', '"', '\\', '{', '}', '\xff'}) {
      std::string changed = whole;
      changed[at] = byte;
      const MarkerReading reading = ReadMarker(changed, PolicyOf("a@x"));
      if (reading.marker.ok()) CHECK(reading.marker->port != 0);
    }
  }
}

}  // namespace
}  // namespace hotlink

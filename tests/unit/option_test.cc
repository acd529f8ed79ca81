#include "common/option.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <sstream>

#include "common/option_text.h"
#include "common/plain_text.h"

namespace hotlink {
namespace {

struct Settings {
  std::string text = "old", path;
  Secret secret;
  bool on = false;
  Duration wait = 60 * kSecond;
  size_t bytes = 256 << 10;
  int count = 4;
  size_t colour = 0;
};

OptionTable Table(Settings* s) {
  return {
      {"First",
       {TextOption("HOTLINK_PROXY_TEXT", &s->text, "A text."),
        PathOption("HOTLINK_PROXY_PATH", &s->path, "A path."),
        SecretOption("HOTLINK_PROXY_SECRET", &s->secret, "A secret."),
        SwitchOption("HOTLINK_PROXY_ON", &s->on, "A switch.")}},
      {"Second",
       {DurationOption("HOTLINK_PROXY_WAIT_MS", &s->wait, kMillisecond, 100 * kSecond, "A wait."),
        BytesOption("HOTLINK_PROXY_BYTES", &s->bytes, 4 << 10, 1 << 20, "Bytes | more."),
        CountOption("HOTLINK_PROXY_COUNT", &s->count, 1, 64, "things", "A count."),
        ChoiceOption(
            "HOTLINK_PROXY_COLOUR", {"red", "green", "blue"}, 0,
            [s](size_t index) { s->colour = index; }, "A colour.")}}};
}

bool Mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What the table says to one value; empty: it was taken.
std::string Say(Settings* s, const std::string& name, const std::string& value) {
  const auto error = ApplyOptions(Table(s), {{name, {value, name}}});
  return error ? error->text : "";
}

Result<CommandLine> Read(const std::vector<std::string>& arguments) {
  static Settings s;
  const std::vector<std::string> actions = {"--help", "--version"};
  return ReadCommandLine(Table(&s), arguments, actions);
}

TEST_CASE("durations are whole milliseconds within their range") {
  Settings s;
  CHECK(Say(&s, "HOTLINK_PROXY_WAIT_MS", "1") == "");
  CHECK(s.wait == kMillisecond);
  CHECK(Say(&s, "HOTLINK_PROXY_WAIT_MS", "100000") == "");
  CHECK(s.wait == 100 * kSecond);
  for (const char* bad : {"0", "100001", "-5", "+5", "soon", "", " 5", "5 ", "5ms", "1e3", "0x10",
                          "99999999999999999999999"}) {
    CAPTURE(bad);
    const std::string error = Say(&s, "HOTLINK_PROXY_WAIT_MS", bad);
    CHECK(error == "HOTLINK_PROXY_WAIT_MS is \"" + std::string(bad) +
                       "\": must be milliseconds from 1 to 100000");
    CHECK(s.wait == 100 * kSecond);
  }
}

TEST_CASE("bytes take 1024-based units, and overflow is no way around the range") {
  Settings s;
  for (const auto& [text, bytes] : {std::pair{"4096", 4096},
                                    {"4K", 4096},
                                    {"4KiB", 4096},
                                    {"1m", 1 << 20},
                                    {"1MiB", 1 << 20}}) {
    const std::string given = text;
    CAPTURE(given);
    CHECK(Say(&s, "HOTLINK_PROXY_BYTES", given) == "");
    CHECK(s.bytes == static_cast<size_t>(bytes));
  }
  for (const char* bad : {"4095", "1048577", "2M", "1G", "K", "4KB", "4 K", "-1", "1.5M",
                          "18446744073709551615G", "18014398509481988K"}) {
    CAPTURE(bad);
    CHECK(Mentions(Say(&s, "HOTLINK_PROXY_BYTES", bad), "must be bytes from 4 KiB to 1 MiB"));
    CHECK(s.bytes == 1 << 20);
  }
}

TEST_CASE("counts, switches and choices") {
  Settings s;
  CHECK(Say(&s, "HOTLINK_PROXY_COUNT", "64") == "");
  CHECK(s.count == 64);
  CHECK(Mentions(Say(&s, "HOTLINK_PROXY_COUNT", "65"), "must be things from 1 to 64"));
  CHECK(Mentions(Say(&s, "HOTLINK_PROXY_COUNT", "0"), "must be things from 1 to 64"));
  CHECK(Say(&s, "HOTLINK_PROXY_ON", "1") == "");
  CHECK(s.on);
  CHECK(Mentions(Say(&s, "HOTLINK_PROXY_ON", "yes"), "must be 0 or 1"));
  CHECK(s.on);
  CHECK(Say(&s, "HOTLINK_PROXY_ON", "0") == "");
  CHECK_FALSE(s.on);
  CHECK(Say(&s, "HOTLINK_PROXY_COLOUR", "Blue") == "");
  CHECK(s.colour == 2);
  CHECK(Mentions(Say(&s, "HOTLINK_PROXY_COLOUR", "pink"), "must be red, green or blue"));
}

TEST_CASE("a bad value in a message cannot act on a terminal, is cut, and holds no password") {
  Settings s;
  CHECK(Mentions(Say(&s, "HOTLINK_PROXY_COUNT", "\x1b[2J"), "is \"\\x1b[2J\""));
  const std::string error = Say(&s, "HOTLINK_PROXY_COUNT", std::string(5000, 'x'));
  CHECK(error.size() < 400);
  CHECK(Mentions(error, "4800 bytes more"));
  CHECK(Mentions(Say(&s, "HOTLINK_PROXY_COUNT", "http://me:pass@host"), "http://***@host"));
  CHECK_FALSE(Mentions(Say(&s, "HOTLINK_PROXY_COUNT", "http://me:pass@host"), "pass"));
}

TEST_CASE("a secret has no flag and prints as ***") {
  Settings s;
  CHECK(Say(&s, "HOTLINK_PROXY_SECRET", "hush") == "");
  CHECK(s.secret.Reveal() == "hush");
  std::ostringstream out;
  out << s.secret;
  CHECK(out.str() == "***");
  CHECK(Secret().Text() == "");
  CHECK_FALSE(Read({"--secret", "hush"}).ok());
}

TEST_CASE("flags: with = or a space, the last one counts, the variable's name is in the source") {
  Result<CommandLine> line = Read({"--wait-ms", "5", "--wait-ms=7", "--text=a=b"});
  REQUIRE(line.ok());
  CHECK(line->values["HOTLINK_PROXY_WAIT_MS"].text == "7");
  CHECK(line->values["HOTLINK_PROXY_WAIT_MS"].source == "--wait-ms (HOTLINK_PROXY_WAIT_MS)");
  CHECK(line->values["HOTLINK_PROXY_TEXT"].text == "a=b");
  CHECK(line->action.empty());
}

TEST_CASE("unknown flags and strays are named, a near one is proposed") {
  CHECK(Mentions(Read({"--waitms", "5"}).error(), "--waitms (did you mean --wait-ms?)"));
  CHECK(Mentions(Read({"--vresion"}).error(), "did you mean --version?"));
  CHECK_FALSE(Mentions(Read({"--something-else"}).error(), "did you mean"));
  CHECK(Mentions(Read({"stray"}).error(), "\"stray\""));
  CHECK(Mentions(Read({"--wait-ms"}).error(), "needs a value: milliseconds from 1 to 100000"));
  CHECK_FALSE(Read({"--"}).ok());
  CHECK_FALSE(Read({"--=x"}).ok());
}

TEST_CASE("an action ends the reading, wherever it stands") {
  CHECK(Read({"--wait-ms", "5", "--help", "stray"})->action == "--help");
  CHECK(Read({"--text", "--help"})->action.empty());
}

TEST_CASE("variables: empty ones count as not set") {
  Settings s;
  const GivenValues values = ReadEnvironment(
      Table(&s), {{"HOTLINK_PROXY_TEXT", ""}, {"HOTLINK_PROXY_COUNT", "5"}, {"PATH", "/bin"}});
  CHECK(values.size() == 1);
  CHECK(values.at("HOTLINK_PROXY_COUNT").text == "5");
}

TEST_CASE("unknown variables with one of our prefixes are told, with the nearest name") {
  Settings s;
  const std::vector<std::string> prefixes = {"HOTLINK_PROXY_", "SYFTBOX_HOTLINK"};
  const std::vector<std::string> lines = UnknownVariables(Table(&s),
                                                          {{"HOTLINK_PROXY_WAITMS", "7"},
                                                           {"HOTLINK_PROXY_TXET", "7"},
                                                           {"SYFTBOX_HOTLINK_ZZZZ", "1"},
                                                           {"HOTLINK_PROXY_TEXT", "known"},
                                                           {"HOTLINK", "no prefix"},
                                                           {"BV_HOTLINK_PROXY_X", "1"}},
                                                          prefixes);
  REQUIRE(lines.size() == 3);
  CHECK(Mentions(lines[0], "HOTLINK_PROXY_TXET"));
  CHECK(Mentions(lines[0], "did you mean HOTLINK_PROXY_TEXT?"));
  CHECK(Mentions(lines[1], "did you mean HOTLINK_PROXY_WAIT_MS?"));
  CHECK(Mentions(lines[2], "SYFTBOX_HOTLINK_ZZZZ"));
  CHECK_FALSE(Mentions(lines[2], "did you mean"));
}

TEST_CASE("lists: spaces and empty items do not count") {
  CHECK(SplitList(" a, b c ,,d,") == std::vector<std::string>{"a", "b c", "d"});
  CHECK(SplitList("").empty());
  CHECK(SplitList(" , ,").empty());
}

TEST_CASE("help and documentation show name, flag, what it takes and the default") {
  Settings s;
  const std::string help = OptionsHelp(Table(&s));
  for (const char* part : {"First", "Second", "HOTLINK_PROXY_WAIT_MS  ", "--wait-ms MS", "60000",
                           "milliseconds from 1 to 100000", "--colour red|green|blue", "256 KiB"}) {
    CAPTURE(part);
    CHECK(Mentions(help, part));
  }
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
  CHECK(Mentions(OptionsMarkdown(Table(&s)),
                 "| `HOTLINK_PROXY_BYTES` | `--bytes` | bytes from 4 KiB to 1 MiB | `256 KiB` | "
                 "Bytes \\| more. |\n"));
}

TEST_CASE("plain text: nothing that acts on a terminal, nothing that is no UTF-8") {
  CHECK(PlainText("a\xc3\xa9\xe2\x82\xac", 100) == "a\xc3\xa9\xe2\x82\xac");
  CHECK(PlainText("a\nb\tc\r\x1b\x7f", 100) == "a\\nb\\tc\\x0d\\x1b\\x7f");
  CHECK(PlainText(std::string_view("\0", 1), 100) == "\\x00");
  CHECK(PlainText("\xff\xc3", 100) == "\\xff\\xc3");
  CHECK(PlainText("\xc2\x85\xe2\x80\xae\xe2\x80\xa8", 100) == "\\u{0085}\\u{202e}\\u{2028}");
  CHECK(PlainText("abcd", 4) == "abcd");
  CHECK(PlainText("abcde", 4) == "abcd… (1 bytes more)");
  CHECK(PlainText("abc\xc3\xa9z", 4) == "abc… (3 bytes more)");
}

}  // namespace
}  // namespace hotlink

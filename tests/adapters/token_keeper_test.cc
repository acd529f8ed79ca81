#include "proxy/adapters/token_keeper.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/adapters/fake_relay.h"
#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

std::string HttpAnswerText(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

const std::string kFresh = HttpAnswerText("200 OK", R"({"accessToken":"a2","refreshToken":"r2"})");

// A keeper whose tokens a1 and r1 are in config.json, and a server that gives a2 and r2.
struct Rig {
  Rig() {
    char name[] = "/tmp/hotlink-tokens-XXXXXX";
    directory = mkdtemp(name);
    Write("config.json", R"({"email":"x@y","access_token":"a1","refresh_token":"r1"})");
    options.given = {Secret("a1"), Secret("r1")};
    PlaceAt(Path("config.json"));
    options.refresh_url = server.url() + "/mount/auth/refresh";
    options.timeout = 10 * kSecond;
    options.pace = kMillisecond;
    server.answer = [this](const std::string&) { return answer; };
  }
  ~Rig() {
    std::string said;
    for (const auto& line : log.lines) said += line.second + "\n";
    said = WithoutSecret(said, Secret(directory));  // its random name may hold anything
    for (const char* token : {"a1", "r1", "a2", "r2"}) CHECK(said.find(token) == said.npos);
    std::filesystem::remove_all(directory);
  }
  std::string Path(const std::string& name) const { return directory + "/" + name; }
  void PlaceAt(const std::string& path) {
    options.access_place = {TokenPlace::Kind::kConfig, path, "access_token"};
    options.refresh_place = {TokenPlace::Kind::kConfig, path, "refresh_token"};
  }
  void Write(const std::string& name, const std::string& content) const {
    std::ofstream(Path(name)) << content;
  }
  std::string Content(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(Path(name)).rdbuf();
    return text.str();
  }
  bool Holds(const std::string& words) const {
    return Content("config.json").find(words) != std::string::npos;
  }
  // Connects with a token that is refused.
  void Refuse() {
    if (!keeper) keeper = std::make_unique<TokenKeeper>(loop.get(), options, log);
    sent = keeper->AccessToken().Reveal();
    verdict.reset();
    keeper->Refused([this](const TokenVerdict& v) { verdict = v; });
  }
  // Waits for the verdict too.
  bool Renews() {
    Refuse();
    REQUIRE(loop.Until([this] { return verdict.has_value(); }));
    return verdict->renewed;
  }
  bool Advises(const std::string& words) const {
    CAPTURE(verdict->advice);
    return verdict->advice.find(words) != std::string::npos;
  }

  TestLoop loop;
  TestLog log;
  FakeRelay server{loop.get()};
  std::string answer = kFresh;
  std::string directory;
  TokenKeeperOptions options;
  std::unique_ptr<TokenKeeper> keeper;
  std::string sent;
  std::optional<TokenVerdict> verdict;
};

}  // namespace

TEST_CASE("token keeper: renews, and writes back with the mode and the other keys kept") {
  Rig rig;
  REQUIRE(chmod(rig.Path("config.json").c_str(), 0640) == 0);
  CHECK(rig.Renews());
  CHECK(rig.sent == "a1");
  REQUIRE(rig.server.requests.size() == 1);
  CHECK(rig.server.requests[0].starts_with("POST /mount/auth/refresh HTTP/1.1\r\n"));
  CHECK(rig.server.requests[0].find("Content-Type: application/json") != std::string::npos);
  CHECK(rig.keeper->AccessToken().Reveal() == "a2");
  CHECK(rig.Holds("\"access_token\":\t\"a2\""));
  CHECK(rig.Holds("\"refresh_token\":\t\"r2\""));
  CHECK(rig.Holds("\"email\":\t\"x@y\""));
  struct stat status {};
  REQUIRE(stat(rig.Path("config.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(rig.directory)) {
    (void)entry;
    ++files;
  }
  CHECK(files == 2);  // config.json and its lock
}

TEST_CASE("token keeper: what another process wrote is taken without asking the server") {
  Rig rig;
  rig.keeper = std::make_unique<TokenKeeper>(rig.loop.get(), rig.options, rig.log);
  CHECK(rig.keeper->AccessToken().Reveal() == "a1");
  rig.Write("config.json", R"({"access_token":"other","refresh_token":"r1"})");
  rig.keeper->Refused([&](const TokenVerdict& v) { rig.verdict = v; });
  CHECK(rig.verdict->renewed);
  CHECK(rig.server.connections == 0);
  CHECK(rig.keeper->AccessToken().Reveal() == "other");
}

TEST_CASE("token keeper: while another process renews it waits, and takes what that wrote") {
  Rig rig;
  TokenLock other;
  REQUIRE(other.Take(rig.Path("config.json")) == TokenLock::Outcome::kTaken);
  rig.Refuse();
  rig.loop.For(100 * kMillisecond);
  CHECK_FALSE(rig.verdict.has_value());
  rig.Write("config.json", R"({"access_token":"other","refresh_token":"r9"})");
  other.Release();
  REQUIRE(rig.loop.Until([&] { return rig.verdict.has_value(); }));
  CHECK(rig.verdict->renewed);
  CHECK(rig.server.connections == 0);
}

TEST_CASE("token keeper: a lock that is never let go of is named") {
  Rig rig;
  rig.options.timeout = 100 * kMillisecond;
  TokenLock other;
  REQUIRE(other.Take(rig.Path("config.json")) == TokenLock::Outcome::kTaken);
  CHECK_FALSE(rig.Renews());
  CHECK(rig.Advises("another process holds the lock"));
  CHECK(rig.server.connections == 0);
}

TEST_CASE("token keeper: what cannot be written is kept in memory, and warned of once") {
  Rig rig;
  const std::string name(250, 'n');  // leaves no room for the name of a temporary file
  std::filesystem::rename(rig.Path("config.json"), rig.Path(name));
  rig.PlaceAt(rig.Path(name));
  CHECK(rig.Renews());
  CHECK(rig.keeper->AccessToken().Reveal() == "a2");
  CHECK(rig.Content(name).find("\"a1\"") != std::string::npos);
  CHECK(rig.log.Count(LogLevel::kWarning, "kept in memory alone") == 1);
  rig.answer = HttpAnswerText("200 OK", R"({"accessToken":"a3","refreshToken":"r3"})");
  CHECK(rig.loop.Until([&] { return rig.Renews(); }));
  CHECK(rig.sent == "a2");
  CHECK(rig.keeper->AccessToken().Reveal() == "a3");
  CHECK(rig.log.Count(LogLevel::kWarning, "kept in memory alone") == 1);
}

TEST_CASE("token keeper: a rotated refresh token of a variable is warned of once") {
  Rig rig;
  rig.options.access_place = {TokenPlace::Kind::kFile, rig.Path("access"), ""};
  rig.options.refresh_place = {TokenPlace::Kind::kVariable, "SYFTBOX_REFRESH_TOKEN", ""};
  rig.Write("access", "a1\n");
  CHECK(rig.Renews());
  CHECK(rig.Content("access") == "a2\n");
  CHECK(rig.loop.Until([&] { return rig.Renews() || rig.server.requests.size() > 1; }));
  CHECK(rig.log.Count(LogLevel::kWarning, "SYFTBOX_REFRESH_TOKEN: the server has replaced") == 1);
}

TEST_CASE("token keeper: a symlink stays, and its target is replaced") {
  Rig rig;
  std::filesystem::rename(rig.Path("config.json"), rig.Path("real.json"));
  std::filesystem::create_symlink("real.json", rig.Path("config.json"));
  CHECK(rig.Renews());
  CHECK(std::filesystem::is_symlink(rig.Path("config.json")));
  CHECK(rig.Content("real.json").find("\"a2\"") != std::string::npos);
}

TEST_CASE("token keeper: why there is no other token, and what to do") {
  Rig rig;
  SUBCASE("the refresh token is refused, and not sent again") {
    rig.answer = HttpAnswerText("401 Unauthorized", "r1 is spent");
    CHECK_FALSE(rig.Renews());
    CHECK(rig.Advises("/auth/refresh answered 401: it does not take the refresh token"));
    CHECK(rig.Advises("Put a valid token into access_token in " + rig.Path("config.json")));
    CHECK(rig.Advises("refresh_token in " + rig.Path("config.json")));
    for (int i = 0; i < 5; ++i) CHECK_FALSE(rig.Renews());
    CHECK(rig.server.requests.size() == 1);
  }
  SUBCASE("too many refreshes") {
    rig.answer = HttpAnswerText("429 Too Many Requests", "");
    for (int i = 0; i < 5; ++i) CHECK_FALSE(rig.Renews());
    CHECK(rig.Advises("answered 429"));
    CHECK(rig.server.requests.size() == 1);
  }
  SUBCASE("an answer that is too long") {
    rig.answer = HttpAnswerText("200 OK", std::string(kHttpAnswerMax + 1, ' '));
    CHECK_FALSE(rig.Renews());
    CHECK(rig.Advises("the answer has over 64 KiB"));
  }
  SUBCASE("no server") {
    rig.server.StopListening();
    CHECK_FALSE(rig.Renews());
    CHECK(rig.Advises("cannot be asked: "));
  }
  SUBCASE("a server that does not answer") {
    rig.answer = "";
    rig.options.timeout = 100 * kMillisecond;
    CHECK_FALSE(rig.Renews());
    CHECK(rig.Advises("timed out"));
  }
  SUBCASE("no refresh token") {
    rig.options.given.refresh = Secret();
    rig.options.access_place = {TokenPlace::Kind::kVariable, "SYFTBOX_ACCESS_TOKEN", ""};
    rig.options.refresh_place = {};
    CHECK_FALSE(rig.Renews());
    CHECK(rig.Advises("no refresh token"));
    CHECK(rig.Advises("SYFTBOX_ACCESS_TOKEN"));
  }
  SUBCASE("the new token is refused too") {
    rig.options.pace = 100 * kSecond;
    rig.options.retry_max = 100 * kSecond;
    CHECK(rig.Renews());
    CHECK_FALSE(rig.Renews());
    CHECK(rig.sent == "a2");
    CHECK(rig.Advises("does not take the renewed access token either"));
  }
}

TEST_CASE("token keeper: its end waits for tokens that are on their way") {
  Rig rig;
  bool stopped = false;
  rig.Refuse();
  rig.keeper->Stop([&] { stopped = true; });
  CHECK_FALSE(stopped);
  SUBCASE("and keeps them") {
    CHECK(rig.loop.Until([&] { return stopped; }));
    CHECK(rig.Holds("\"r2\""));
  }
  SUBCASE("unless it is told not to") {
    rig.keeper->Abandon();
    CHECK(stopped);
    CHECK(rig.Holds("\"r1\""));
  }
  CHECK_FALSE(rig.verdict.has_value());
}

TEST_CASE("token keeper: a file that went away is warned of once and takes nothing away") {
  Rig rig;
  std::filesystem::remove(rig.Path("config.json"));
  CHECK(rig.Renews());
  CHECK(rig.sent == "a1");
  CHECK(rig.keeper->AccessToken().Reveal() == "a2");
  CHECK(rig.log.Count(LogLevel::kWarning, "cannot be written: ") == 1);
  CHECK(rig.log.Count(LogLevel::kWarning, "") == 2);  // cannot be read, cannot be written
}

}  // namespace hotlink

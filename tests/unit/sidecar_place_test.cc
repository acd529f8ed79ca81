// The options of the commands.
#include "proxy/config/sidecar_place.h"

#include <doctest/doctest.h>

#include "common/option_text.h"

namespace hotlink {
namespace {

struct Call {
  SidecarPlace place;
  bool watch = false;
  std::string config = R"({"data_dir": "/from/config", "email": "a@x"})";

  ParsedCommandLine Parse(const std::vector<std::string>& arguments,
                          const Environment& environment = {}) {
    const OptionTable table = CommandOptionTable({BareFlag("--watch", &watch, "Again.")}, &place);
    const OptionFiles files{[this](const std::string& path, size_t) -> Result<std::string> {
                              if (path != "/config.json") return Error{path + ": not there"};
                              return config;
                            },
                            {}};
    return ParseCommandLine(table, arguments, environment, files, &place);
  }
  std::string ErrorOf(const std::vector<std::string>& arguments,
                      const Environment& environment = {}) {
    const ParsedCommandLine parsed = Parse(arguments, environment);
    return parsed.error ? parsed.error->text : "";
  }
};

TEST_CASE_FIXTURE(Call, "the data directory says where the socket is") {
  CHECK(ErrorOf({}, {{"SYFTBOX_DATA_DIR", "/data"}}) == "");
  CHECK(place.AdminSocketPath() == "/data/.syftbox/hotlink-proxy.sock");
  CHECK_FALSE(watch);
}

TEST_CASE_FIXTURE(Call, "the socket's own path wins, and is enough") {
  CHECK(ErrorOf({}, {{"HOTLINK_PROXY_ADMIN_SOCKET", "/run/x"}, {"SYFTBOX_DATA_DIR", "/data"}}) ==
        "");
  CHECK(place.AdminSocketPath() == "/run/x");
  Call other;
  CHECK(other.ErrorOf({"--admin-socket", "/run/y", "--watch"}) == "");
  CHECK(other.place.AdminSocketPath() == "/run/y");
  CHECK(other.watch);
}

TEST_CASE_FIXTURE(Call, "config.json, where nothing else says it") {
  CHECK(ErrorOf({"--config", "/config.json"}) == "");
  CHECK(place.data_dir == "/from/config");
  Call other;
  CHECK(other.ErrorOf({"--config", "/absent", "--data-dir", "/data"}) == "");  // not even read
  CHECK(Call().ErrorOf({"--config", "/absent"}) == "SYFTBOX_CONFIG_PATH: /absent: not there");
  Call bad;
  bad.config = "{";
  CHECK(bad.ErrorOf({"--config", "/config.json"}).starts_with("SYFTBOX_CONFIG_PATH: "));
}

TEST_CASE_FIXTURE(Call, "what is wrong is said") {
  CHECK(ErrorOf({}).starts_with("SYFTBOX_DATA_DIR is missing"));
  CHECK(ErrorOf({"--wacht"}).find("did you mean --watch?") != std::string::npos);
  CHECK(ErrorOf({"--watch=1"}) == "--watch takes no value");
  CHECK(ErrorOf({"more"}).starts_with("unexpected argument \"more\""));
  CHECK(Parse({"--help"}).help);
}

TEST_CASE_FIXTURE(Call, "a flag alone stands in the first column of --help") {
  const std::string help =
      OptionsHelp(CommandOptionTable({BareFlag("--watch", &watch, "Again.")}, &place));
  CHECK(help.find("\n  --watch\n      Again.\n") != std::string::npos);
}

}  // namespace
}  // namespace hotlink

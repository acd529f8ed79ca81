#include "proxy/config/sidecar_place.h"

#include "proxy/config/config_file.h"
#include "proxy/config/option_table.h"

namespace hotlink {
namespace {

std::optional<Error> TakeConfigFile(const OptionFiles& files, SidecarPlace* place) {
  const Result<std::string> content = files.read(place->config_path, kConfigFileMax);
  if (!content) return Error{"SYFTBOX_CONFIG_PATH: " + content.error()};
  const Result<ConfigFile> file = ReadConfigFile(place->config_path, *content);
  if (!file) return Error{"SYFTBOX_CONFIG_PATH: " + file.error()};
  const auto found = file->values.find("SYFTBOX_DATA_DIR");
  if (found != file->values.end()) place->data_dir = found->second.text;
  return {};
}

}  // namespace

OptionTable CommandOptionTable(std::vector<Option> own, SidecarPlace* place) {
  OptionTable table;
  if (!own.empty()) table.push_back({"Options", std::move(own)});
  table.push_back({"Which sidecar",
                   {DataDirOption(&place->data_dir), ConfigPathOption(&place->config_path),
                    AdminSocketOption(&place->admin_socket)}});
  return table;
}

ParsedCommandLine ParseCommandLine(const OptionTable& table, std::span<const std::string> arguments,
                                   const Environment& environment, const OptionFiles& files,
                                   SidecarPlace* place) {
  static const std::string kActions[] = {"--help"};
  Result<CommandLine> line = ReadCommandLine(table, arguments, kActions);
  if (!line) return {.error = Error{line.error()}};
  if (!line->action.empty()) return {.help = true};
  GivenValues given = std::move(line->values);
  given.merge(ReadEnvironment(table, environment));  // flags win
  if (auto error = ApplyOptions(table, given)) return {.error = error};
  const auto known = [place] { return !place->data_dir.empty() || !place->admin_socket.empty(); };
  if (!known() && !place->config_path.empty()) {
    if (auto error = TakeConfigFile(files, place)) return {.error = error};
  }
  if (known()) return {};
  return {.error = Error{"SYFTBOX_DATA_DIR is missing: set it, give --data-dir or --admin-socket, "
                         "or let SYFTBOX_CONFIG_PATH name a config.json that has it"}};
}

}  // namespace hotlink

#include "server/daemon/config.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>

#include "base/status.h"
#include "fmt/format.h"
#include "server/daemon/settings.h"
#include "server/daemon/version.h"
#include "yaml-cpp/yaml.h"

namespace penstock::daemon {
namespace {

// What the command line said.
struct Arguments {
  Invocation::Action action = Invocation::Action::kServe;
  std::string text;
  std::optional<std::string> config_file;
  RawValues raw;
};

absl::StatusOr<Arguments> ParseArguments(int argc, const char* const* argv) {
  CLI::App app(
      "penstockd carries connections through WATM modules, controlled over gRPC.\n"
      "Each option is also a key of the file (snake_case) and a PENSTOCK_* variable.",
      "penstockd");
  Arguments arguments;
  std::string config_file;
  bool check = false;
  bool print = false;
  CLI::Option* config_option =
      app.add_option("--config", config_file, "YAML file to read")->type_name("FILE");
  app.add_flag("--check-config", check, "Check the configuration and exit");
  app.add_flag("--print-config", print, "Print the effective configuration and exit");
  app.set_version_flag("--version", fmt::format("penstockd {}", kVersion));
  std::map<std::string, std::vector<std::string>> given;
  for (const Setting& setting : Settings()) {
    app.add_option(setting.flag(), given[std::string(setting.name)], std::string(setting.help))
        ->type_name(std::string(setting.value_name))
        ->allow_extra_args(false);
  }
  // CLI11 throws, for --help and --version too.
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream out;
    app.exit(success, out, out);
    arguments.action = Invocation::Action::kPrintText;
    arguments.text = out.str();
    return arguments;
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(fmt::format("{} (see penstockd --help)", error.what()));
  }
  if (config_option->count() > 0) arguments.config_file = config_file;
  if (check) arguments.action = Invocation::Action::kCheckConfig;
  if (print) arguments.action = Invocation::Action::kPrintConfig;
  for (const Setting& setting : Settings()) {
    std::vector<std::string>& values = given[std::string(setting.name)];
    if (app.get_option(setting.flag())->count() == 0) continue;
    arguments.raw[std::string(setting.name)] = RawValue{std::move(values), setting.flag()};
  }
  return arguments;
}

RawValues VariablesOf(const Environment& environment) {
  RawValues raw;
  for (const Setting& setting : Settings()) {
    if (auto value = environment.variable(setting.variable())) {
      raw[std::string(setting.name)] = RawValue{{*std::move(value)}, setting.variable()};
    }
  }
  return raw;
}

absl::Status Apply(const RawValues& raw, Config& config) {
  for (const Setting& setting : Settings()) {
    const auto at = raw.find(setting.name);
    if (at == raw.end()) continue;
    if (absl::Status status = setting.set(config, at->second.values); !status.ok()) {
      return absl::InvalidArgumentError(fmt::format("{}: {}", at->second.place, MessageOf(status)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> DefaultStateDir(const Environment& environment) {
  if (environment.is_root) return "/var/lib/penstock";
  if (auto state = environment.variable("XDG_STATE_HOME"); state && !state->empty()) {
    return *state + "/penstock";
  }
  if (auto home = environment.variable("HOME"); home && !home->empty()) {
    return *home + "/.local/state/penstock";
  }
  return absl::InvalidArgumentError(
      "neither XDG_STATE_HOME nor HOME is set; say where state is kept with --state-dir");
}

// Those defaults that depend on the machine and on other settings.
absl::Status FillDefaults(const Environment& environment, Config& config) {
  if (config.state_dir.empty()) {
    ASSIGN_OR_RETURN(config.state_dir, DefaultStateDir(environment));
  }
  if (config.api_listen.empty()) {
    config.api_listen = {
        {.kind = domain::Address::Kind::kUnix,
         .host = {},
         .path = config.state_dir + "/penstock.sock"},
        {.kind = domain::Address::Kind::kTcp, .host = "127.0.0.1", .port = 7475, .path = {}}};
  }
  if (config.worker_binary.empty()) {
    config.worker_binary = environment.executable_dir + "/penstock-worker";
  }
  return absl::OkStatus();
}

}  // namespace

Environment Environment::OfProcess() {
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return {
      .variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return value;
      },
      .is_root = ::geteuid() == 0,
      .core_count = static_cast<int>(std::max(1u, std::thread::hardware_concurrency())),
      .executable_dir = self.parent_path().string(),
  };
}

absl::StatusOr<Invocation> ReadInvocation(int argc, const char* const* argv,
                                          const Environment& environment) {
  ASSIGN_OR_RETURN(Arguments arguments, ParseArguments(argc, argv));
  Invocation invocation;
  invocation.action = arguments.action;
  invocation.text = std::move(arguments.text);
  if (invocation.action == Invocation::Action::kPrintText) return invocation;

  Config& config = invocation.config;
  config.workers = environment.core_count;
  config.metrics_listen = domain::Address{domain::Address::Kind::kTcp, "127.0.0.1", 9464, {}};
  const std::optional<std::string> file =
      arguments.config_file ? arguments.config_file : environment.variable("PENSTOCK_CONFIG");
  // A value that is overridden is checked all the same.
  if (file) {
    ASSIGN_OR_RETURN(const RawValues raw, ReadConfigFile(*file));
    RETURN_IF_ERROR(Apply(raw, config));
  }
  RETURN_IF_ERROR(Apply(VariablesOf(environment), config));
  RETURN_IF_ERROR(Apply(arguments.raw, config));
  RETURN_IF_ERROR(FillDefaults(environment, config));
  return invocation;
}

std::string ToYaml(const Config& config) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  for (const Setting& setting : Settings()) {
    const std::vector<std::string> values = setting.get(config);
    out << YAML::Key << std::string(setting.name) << YAML::Value;
    if (values.size() == 1) {
      out << values.front();
    } else {
      out << values;
    }
  }
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace penstock::daemon

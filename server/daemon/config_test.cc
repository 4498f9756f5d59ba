#include "server/daemon/config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/daemon/config_values.h"

namespace penstock::daemon {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "config-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ConfigTest() override { std::filesystem::remove_all(directory_); }

  std::string File(const std::string& text) const {
    const std::string path = directory_ + "/penstock.yaml";
    std::ofstream(path) << text;
    return path;
  }

  absl::StatusOr<Invocation> Read(std::vector<std::string> arguments) const {
    std::vector<const char*> argv = {"penstockd"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    const Environment environment = {
        .variable = [this](const std::string& name) -> std::optional<std::string> {
          const auto at = variables_.find(name);
          if (at == variables_.end()) return std::nullopt;
          return at->second;
        },
        .is_root = is_root_,
        .core_count = 3,
        .executable_dir = "/opt/penstock/bin",
    };
    return ReadInvocation(static_cast<int>(argv.size()), argv.data(), environment);
  }

  Config ConfigOf(const std::vector<std::string>& arguments) const {
    const auto invocation = Read(arguments);
    EXPECT_TRUE(invocation.ok()) << invocation.status();
    return invocation.ok() ? invocation->config : Config();
  }

  std::string ErrorOf(const std::vector<std::string>& arguments) const {
    const auto invocation = Read(arguments);
    EXPECT_EQ(invocation.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(MessageOf(invocation.status()));
  }

  std::string directory_;
  std::map<std::string, std::string> variables_ = {{"HOME", "/home/me"}};
  bool is_root_ = false;
};

TEST_F(ConfigTest, DefaultsNeedNoFile) {
  const Config config = ConfigOf({});
  EXPECT_EQ(config.state_dir, "/home/me/.local/state/penstock");
  ASSERT_EQ(config.api_listen.size(), 2u);
  EXPECT_EQ(config.api_listen[0].ToString(), "unix:///home/me/.local/state/penstock/penstock.sock");
  EXPECT_EQ(config.api_listen[1].ToString(), "tcp://127.0.0.1:7475");
  EXPECT_EQ(config.metrics_listen->ToString(), "tcp://127.0.0.1:9464");
  EXPECT_EQ(config.workers, 3);
  EXPECT_EQ(config.worker_binary, "/opt/penstock/bin/penstock-worker");
  EXPECT_EQ(config.module_byte_count_max, 64u << 20);
}

TEST_F(ConfigTest, StateLiesWhereTheSystemKeepsIt) {
  variables_["XDG_STATE_HOME"] = "/state";
  EXPECT_EQ(ConfigOf({}).state_dir, "/state/penstock");
  is_root_ = true;
  EXPECT_EQ(ConfigOf({}).state_dir, "/var/lib/penstock");
  is_root_ = false;
  variables_.clear();
  EXPECT_THAT(ErrorOf({}), HasSubstr("--state-dir"));
}

TEST_F(ConfigTest, FlagsBeatVariablesBeatTheFileBeatsDefaults) {
  const std::string file = File("workers: 5\ndrain_timeout: 5s\nstop_grace: 5s\n");
  EXPECT_EQ(ConfigOf({"--config", file}).workers, 5);
  variables_["PENSTOCK_WORKERS"] = "6";
  variables_["PENSTOCK_STOP_GRACE"] = "6s";
  const Config config = ConfigOf({"--config", file, "--workers", "7"});
  EXPECT_EQ(config.workers, 7);
  EXPECT_EQ(config.stop_grace, seconds(6));
  EXPECT_EQ(config.drain_timeout, seconds(5));
  variables_["PENSTOCK_CONFIG"] = file;
  EXPECT_EQ(ConfigOf({}).drain_timeout, seconds(5));
}

TEST_F(ConfigTest, TakesSeveralAddressesInEachManner) {
  const auto listen = [&](const std::vector<std::string>& arguments) {
    std::string text;
    for (const auto& address : ConfigOf(arguments).api_listen) text += address.ToString() + " ";
    return text;
  };
  const std::string both = "tcp://127.0.0.1:1 unix:///a.sock ";
  EXPECT_EQ(listen({"--api-listen", "tcp://127.0.0.1:1,unix:///a.sock"}), both);
  EXPECT_EQ(listen({"--api-listen", "tcp://127.0.0.1:1", "--api-listen", "unix:///a.sock"}), both);
  EXPECT_EQ(listen({"--config", File("api_listen: [\"tcp://127.0.0.1:1\", \"unix:///a.sock\"]")}),
            both);
  variables_["PENSTOCK_API_LISTEN"] = "tcp://127.0.0.1:1,unix:///a.sock";
  EXPECT_EQ(listen({}), both);
}

TEST_F(ConfigTest, AnEmptyMetricsAddressServesNone) {
  EXPECT_FALSE(ConfigOf({"--metrics-listen", ""}).metrics_listen.has_value());
  EXPECT_FALSE(ConfigOf({"--config", File("metrics_listen:\n")}).metrics_listen.has_value());
}

TEST_F(ConfigTest, UnknownKeysAreErrorsWithTheirLine) {
  const std::string error = ErrorOf({"--config", File("workers: 2\n\nwrokers: 3\n")});
  EXPECT_THAT(error, HasSubstr("penstock.yaml:3"));
  EXPECT_THAT(error, HasSubstr("wrokers"));
}

struct BadFile {
  const char* text;
  const char* place;
};

TEST_F(ConfigTest, BadFilesSayWhere) {
  const BadFile cases[] = {
      {"workers: 2\nworkers: 3\n", ":2"},      {"workers: none\n", ":1"},   {"\n- workers\n", ":2"},
      {"log_level: {a: b}\n", ":1"},           {"workers: [1, 2]\n", ":1"}, {"a: b: c\n", ":1"},
      {"state_dir: x\nlog_format: xml", ":2"}, {"\"unclosed\n", "yaml"},
  };
  for (const BadFile& c : cases) {
    EXPECT_THAT(ErrorOf({"--config", File(c.text)}),
                HasSubstr(std::string("yaml") + (c.place[0] == ':' ? c.place : "")))
        << c.text;
  }
  EXPECT_THAT(ErrorOf({"--config", directory_ + "/none.yaml"}), HasSubstr("none.yaml"));
}

struct BadFlag {
  const char* flag;
  const char* value;
};

TEST_F(ConfigTest, BadValuesNameTheFlag) {
  const BadFlag cases[] = {
      {"--workers", "0"},
      {"--workers", "many"},
      {"--workers", "2x"},
      {"--api-listen", "0.0.0.0:7475"},
      {"--api-listen", ""},
      {"--api-listen", "tcp://0.0.0.0:7475"},
      {"--api-listen", "tcp://127.0.0.1:1,"},
      {"--metrics-listen", "tcp://10.0.0.1:9464"},
      {"--metrics-listen", "unix:///m.sock"},
      {"--module-size-max", "64MB"},
      {"--module-size-max", "1"},
      {"--module-size-max", "2GiB"},
      {"--log-level", "loud"},
      {"--log-format", "xml"},
      {"--drain-timeout", "30"},
      {"--drain-timeout", "25h"},
      {"--stop-grace", "-1s"},
      {"--state-dir", ""},
  };
  for (const BadFlag& c : cases) {
    EXPECT_THAT(ErrorOf({c.flag, c.value}), HasSubstr(c.flag)) << c.value;
  }
  variables_["PENSTOCK_WORKERS"] = "x";
  EXPECT_THAT(ErrorOf({}), HasSubstr("PENSTOCK_WORKERS"));
}

TEST_F(ConfigTest, RefusesUnknownFlags) {
  EXPECT_THAT(ErrorOf({"--wrokers", "3"}), HasSubstr("--wrokers"));
  EXPECT_THAT(ErrorOf({"start"}), HasSubstr("start"));
}

TEST_F(ConfigTest, KnowsItsActions) {
  EXPECT_EQ(Read({})->action, Invocation::Action::kServe);
  EXPECT_EQ(Read({"--check-config"})->action, Invocation::Action::kCheckConfig);
  EXPECT_EQ(Read({"--print-config"})->action, Invocation::Action::kPrintConfig);
  EXPECT_THAT(Read({"--version"})->text, HasSubstr("penstockd "));
  EXPECT_THAT(Read({"--help"})->text, HasSubstr("--drain-timeout"));
}

TEST_F(ConfigTest, WhatIsPrintedGivesTheSameConfiguration) {
  const Config before =
      ConfigOf({"--workers", "9", "--stop-grace", "1500ms", "--module-size-max", "3MiB",
                "--log-level", "warning", "--log-format", "json", "--state-dir", "/s"});
  const std::string file = File(ToYaml(before));
  EXPECT_EQ(ToYaml(ConfigOf({"--config", file})), ToYaml(before));
  EXPECT_THAT(ToYaml(before), HasSubstr("stop_grace: 1500ms"));
  const std::string off = File(ToYaml(ConfigOf({"--metrics-listen", ""})));
  EXPECT_FALSE(ConfigOf({"--config", off}).metrics_listen.has_value());
}

TEST(ConfigValues, DurationsAndSizes) {
  EXPECT_EQ(*ParseDuration("2m"), seconds(120));
  EXPECT_EQ(FormatDuration(seconds(120)), "2m");
  EXPECT_EQ(FormatDuration(seconds(0)), "0ms");
  EXPECT_EQ(*ParseDuration("0ms"), seconds(0));
  for (const char* bad : {"", "s", "1", "1d", "1.5s", "-1s", " 1s", "9223372036854775807h"}) {
    EXPECT_FALSE(ParseDuration(bad).ok()) << bad;
  }
  EXPECT_EQ(*ParseByteCount("64MiB"), 64u << 20);
  EXPECT_EQ(*ParseByteCount("7"), 7u);
  EXPECT_EQ(FormatByteCount(3u << 20), "3MiB");
  EXPECT_FALSE(ParseByteCount("99999999999GiB").ok());
}

}  // namespace
}  // namespace penstock::daemon

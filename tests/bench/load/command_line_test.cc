#include "tests/bench/load/command_line.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/status.h"

namespace penstock::bench {
namespace {

absl::StatusOr<CommandLine> Parse(std::vector<std::string> words) {
  words.insert(words.begin(), "penstock-load");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

TEST(CommandLine, TakesEveryFlag) {
  const auto parsed = Parse({"bulk", "--target", "127.0.0.1:80", "--backend", "127.0.0.2:81",
                             "--connections", "16", "--message-bytes", "4", "--window-bytes",
                             "262144", "--warm-up-ms", "5", "--duration-ms", "6", "--units", "7"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->mode, Mode::kBulk);
  EXPECT_TRUE(parsed->has_target);
  EXPECT_EQ(ntohs(parsed->load.target.sin_port), 80);
  EXPECT_EQ(ntohs(parsed->backend.sin_port), 81);
  EXPECT_EQ(ntohl(parsed->backend.sin_addr.s_addr), INADDR_LOOPBACK + 1);
  EXPECT_EQ(parsed->load.connection_count, 16);
  EXPECT_EQ(parsed->load.message_byte_count, 4u);
  EXPECT_EQ(parsed->load.window_byte_count, 262'144u);
  EXPECT_EQ(parsed->load.warm_up, std::chrono::milliseconds(5));
  EXPECT_EQ(parsed->load.duration, std::chrono::milliseconds(6));
  EXPECT_EQ(parsed->load.unit_count_max, 7u);
}

struct BadCase {
  const char* name;
  std::vector<std::string> words;
  const char* message;
};
const BadCase kBadCases[] = {
    {"NoMode", {}, "no mode"},
    {"UnknownMode", {"flood"}, "unknown mode 'flood'"},
    {"UnknownFlag", {"bulk", "--speed", "1"}, "unknown flag '--speed'"},
    {"NoValue", {"bulk", "--units"}, "--units has no value"},
    {"NotANumber", {"bulk", "--units", "1x"}, "--units '1x'"},
    {"Negative", {"bulk", "--connections", "-1"}, "--connections '-1'"},
    {"TooMany", {"bulk", "--connections", "100001"}, "up to 100000"},
    {"NoPort", {"bulk", "--target", "127.0.0.1"}, "'127.0.0.1' is not ADDRESS:PORT"},
    {"PortTooLarge", {"bulk", "--target", "127.0.0.1:65536"}, "is not ADDRESS:PORT"},
    {"PortWithRest", {"bulk", "--target", "127.0.0.1:8 "}, "is not ADDRESS:PORT"},
    {"NotNumeric", {"bulk", "--backend", "localhost:1"}, "is not ADDRESS:PORT"},
    {"WindowBelowAnAck", {"bulk", "--window-bytes", "1024"}, "at least 65536"},
};
class BadCommandLine : public testing::TestWithParam<BadCase> {};
TEST_P(BadCommandLine, NamesTheArgument) {
  const auto parsed = Parse(GetParam().words);
  ASSERT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(MessageOf(parsed.status())), testing::HasSubstr(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(All, BadCommandLine, testing::ValuesIn(kBadCases),
                         [](const auto& bad) { return std::string(bad.param.name); });

TEST(CommandLine, OnlyOneWayBulkHasASink) {
  EXPECT_EQ(BackendModeFor(*Parse({"bulk"})), BackendMode::kSink);
  EXPECT_EQ(BackendModeFor(*Parse({"bulk", "--window-bytes", "65536"})), BackendMode::kAckedSink);
  for (const char* mode : {"bulk-echo", "ping-pong", "sessions", "idle"}) {
    EXPECT_EQ(BackendModeFor(*Parse({mode})), BackendMode::kEcho) << mode;
  }
}

}  // namespace
}  // namespace penstock::bench

#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/check.h"

namespace penstock::log {
namespace {

bool g_json = ::isatty(STDERR_FILENO) == 0;

spdlog::level::level_enum SpdlogLevel(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made =
        std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    // The JSON line continues the object that the pattern opens; see Write().
    made->set_pattern(
        g_json ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ",%v)" : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v",
        spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *logger;
}

// A JSON string literal; bytes that are not UTF-8 become U+FFFD.
std::string Quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string JsonLine(Level level, std::string_view message, Fields fields) {
  std::string line = R"("level":")";
  line.append(LevelName(level)).append(R"(","msg":)").append(Quoted(message));
  for (const Field& field : fields) {
    line.append(",").append(Quoted(field.key)).append(":").append(Quoted(field.value));
  }
  return line.append("}");
}

std::string TextLine(std::string_view message, Fields fields) {
  const std::string quoted = Quoted(message);  // escapes control characters
  std::string line = quoted.substr(1, quoted.size() - 2);
  for (const Field& field : fields) {
    line.append(" ").append(field.key).append("=").append(Quoted(field.value));
  }
  return line;
}

}  // namespace

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "error";
}

void Init(Level level, Format format) {
  if (format != Format::kAuto) g_json = format == Format::kJson;
  SetLevel(level);
}

void SetLevel(Level level) { Logger().set_level(SpdlogLevel(level)); }

void Write(Level level, std::string_view message, Fields fields) {
  spdlog::logger& logger = Logger();
  if (!logger.should_log(SpdlogLevel(level))) return;
  logger.log(SpdlogLevel(level),
             g_json ? JsonLine(level, message, fields) : TextLine(message, fields));
}

}  // namespace penstock::log

namespace penstock::internal {

void CheckFailed(const char* condition, const char* file, int line) {
  log::Error("check failed",
             {{"condition", condition}, {"file", file}, {"line", std::to_string(line)}});
  std::abort();
}

}  // namespace penstock::internal

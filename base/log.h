#pragma once

#include <initializer_list>
#include <string_view>

namespace penstock::log {

enum class Level { kDebug, kInfo, kWarning, kError };

// Text of a log level: "debug", "info", "warning", "error".
std::string_view LevelName(Level level);

// One named value of a log line. Borrowed for the call only.
struct Field {
  std::string_view key;
  std::string_view value;
};
using Fields = std::initializer_list<Field>;

enum class Format {
  kAuto,  // JSON unless standard error is a terminal
  kJson,  // one object a line: ts, level, msg, then the fields
  kText,
};

// Says where and how much to log, on standard error. Call once at start, before threads.
// Without it: level info, format auto.
void Init(Level level, Format format);
void SetLevel(Level level);

// Writes one line. Safe from any thread. Control characters are escaped in both formats.
void Write(Level level, std::string_view message, Fields fields = {});

inline void Debug(std::string_view message, Fields fields = {}) {
  Write(Level::kDebug, message, fields);
}
inline void Info(std::string_view message, Fields fields = {}) {
  Write(Level::kInfo, message, fields);
}
inline void Warning(std::string_view message, Fields fields = {}) {
  Write(Level::kWarning, message, fields);
}
inline void Error(std::string_view message, Fields fields = {}) {
  Write(Level::kError, message, fields);
}

}  // namespace penstock::log

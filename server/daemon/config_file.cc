#include <exception>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/status.h"
#include "fmt/format.h"
#include "server/daemon/settings.h"
#include "yaml-cpp/yaml.h"

namespace penstock::daemon {
namespace {

// Nobody writes a configuration of more.
constexpr std::streamsize kFileByteCountMax = 1 << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<size_t>(kFileByteCountMax) + 1, '\0');
  if (!file) {
    return absl::InvalidArgumentError(fmt::format("cannot read the configuration file {}", path));
  }
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (file.gcount() > kFileByteCountMax || file.bad()) {
    return absl::InvalidArgumentError(
        fmt::format("{} is no configuration file: a directory, or over 1 MiB", path));
  }
  return text;
}

std::string Place(const std::string& path, const YAML::Mark& mark) {
  return fmt::format("{}:{}", path, mark.line + 1);
}

std::string KnownNames() {
  std::string names;
  for (const Setting& setting : Settings()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", setting.name);
  }
  return names;
}

bool IsKnown(std::string_view name) {
  for (const Setting& setting : Settings()) {
    if (setting.name == name) return true;
  }
  return false;
}

absl::StatusOr<std::vector<std::string>> ValuesOf(const YAML::Node& node,
                                                  const std::string& place) {
  std::vector<std::string> values;
  if (node.IsNull()) return std::vector<std::string>{""};
  if (node.IsScalar()) return std::vector<std::string>{node.Scalar()};
  bool flat = node.IsSequence();
  for (const YAML::Node& item : node) {
    flat = flat && item.IsScalar();
    if (flat) values.push_back(item.Scalar());
  }
  if (!flat) {
    return absl::InvalidArgumentError(fmt::format("{}: give a value or a list of values", place));
  }
  return values;
}

absl::StatusOr<RawValues> ValuesOfDocument(const YAML::Node& document, const std::string& path) {
  RawValues raw;
  if (document.IsNull()) return raw;
  if (!document.IsMap()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: write \"key: value\" lines", Place(path, document.Mark())));
  }
  for (const auto& entry : document) {
    const std::string place = Place(path, entry.first.Mark());
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (!IsKnown(name)) {
      return absl::InvalidArgumentError(
          fmt::format("{}: unknown key \"{}\"; the keys are {}", place, name, KnownNames()));
    }
    ASSIGN_OR_RETURN(std::vector<std::string> values, ValuesOf(entry.second, place));
    if (!raw.emplace(name, RawValue{std::move(values), fmt::format("{}: {}", place, name)})
             .second) {
      return absl::InvalidArgumentError(fmt::format("{}: key \"{}\" is given twice", place, name));
    }
  }
  return raw;
}

}  // namespace

absl::StatusOr<RawValues> ReadConfigFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  // yaml-cpp throws.
  try {
    return ValuesOfDocument(YAML::Load(text), path);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(fmt::format("{}: {}", Place(path, error.mark), error.msg));
  }
}

}  // namespace penstock::daemon

#include "server/api/update_mask.h"

#include <algorithm>
#include <iterator>

#include "base/status.h"
#include "fmt/format.h"
#include "google/api/field_behavior.pb.h"
#include "google/protobuf/descriptor.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Most paths in one mask; no resource has as many fields.
constexpr int kPathCountMax = 100;

// Whether callers never change the field through an update.
bool IsServerSet(const FieldDescriptor& field) {
  if (field.name() == "etag") return true;
  const auto& options = field.options();
  for (int i = 0; i < options.ExtensionSize(google::api::field_behavior); ++i) {
    const auto behavior = options.GetExtension(google::api::field_behavior, i);
    if (behavior == google::api::OUTPUT_ONLY || behavior == google::api::IDENTIFIER) return true;
  }
  return false;
}

// The message type whose fields can be named one by one; null for everything else. Durations,
// timestamps and maps are values.
const Descriptor* Nested(const FieldDescriptor& field) {
  if (field.is_repeated() || field.message_type() == nullptr) return nullptr;
  if (field.message_type()->file()->package() == "google.protobuf") return nullptr;
  return field.message_type();
}

void AddPopulated(const Message& message, std::string_view prefix,
                  std::vector<std::string>& paths) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (IsServerSet(*field)) continue;
    const std::string path = fmt::format("{}{}", prefix, field->name());
    if (Nested(*field) != nullptr) {
      AddPopulated(message.GetReflection()->GetMessage(message, field), path + ".", paths);
    } else {
      paths.push_back(path);
    }
  }
}

absl::Status UnknownField(const Descriptor& type, std::string_view path) {
  return domain::InvalidField(
      "update_mask", "UNKNOWN_FIELD",
      fmt::format("update_mask names \"{}\", which is no field of {}", path, type.full_name()));
}

// Whether callers can change what `path` names; an error if it names nothing.
absl::StatusOr<bool> IsSettable(const Descriptor& type, std::string_view path) {
  const Descriptor* at = &type;
  std::string_view rest = path;
  while (true) {
    const size_t dot = rest.find('.');
    const std::string name(rest.substr(0, dot));
    const FieldDescriptor* field = at == nullptr ? nullptr : at->FindFieldByName(name);
    if (field == nullptr) return UnknownField(type, path);
    if (dot == std::string_view::npos) return !IsServerSet(*field);
    if (IsServerSet(*field)) return false;
    at = Nested(*field);
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ResolveUpdateMask(
    const Message& resource, const google::protobuf::FieldMask& mask) {
  std::vector<std::string> paths;
  if (mask.paths().empty()) {
    AddPopulated(resource, "", paths);
    return paths;
  }
  if (mask.paths_size() == 1 && mask.paths(0) == "*") return std::vector<std::string>{"*"};
  if (mask.paths_size() > kPathCountMax) {
    return domain::InvalidField("update_mask", "TOO_MANY_PATHS",
                                fmt::format("update_mask has {} paths; at most {} are allowed",
                                            mask.paths_size(), kPathCountMax));
  }
  for (const std::string& path : mask.paths()) {
    ASSIGN_OR_RETURN(const bool settable, IsSettable(*resource.GetDescriptor(), path));
    const bool repeated = std::find(paths.begin(), paths.end(), path) != paths.end();
    if (settable && !repeated) paths.push_back(path);
  }
  return paths;
}

}  // namespace penstock::api

#include "server/domain/error.h"

#include <cstdint>
#include <utility>

#include "absl/strings/cord.h"

namespace penstock::domain {
namespace {

constexpr char kPayloadUrl[] = "penstock.dev/internal.ErrorDetail";

// The payload never leaves the process: strings one after another, each behind its size.
class Writer {
 public:
  void Add(std::string_view text) {
    Add(text.size());
    bytes_.append(text);
  }
  void Add(uint64_t count) {
    for (int shift = 0; shift < 64; shift += 8) {
      bytes_.push_back(static_cast<char>(count >> shift & 0xff));
    }
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  uint64_t Count() {
    uint64_t count = 0;
    if (bytes_.size() < sizeof count) {
      bytes_ = {};
      return 0;
    }
    for (size_t i = 0; i < sizeof count; ++i) {
      count |= uint64_t{static_cast<unsigned char>(bytes_[i])} << (8 * i);
    }
    bytes_.remove_prefix(sizeof count);
    return count;
  }
  std::string Text() {
    const uint64_t size = Count();
    if (size > bytes_.size()) {
      bytes_ = {};
      return {};
    }
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

}  // namespace

absl::Status MakeError(absl::StatusCode code, std::string_view message, ErrorDetail detail) {
  Writer writer;
  writer.Add(detail.reason);
  writer.Add(detail.resource_type);
  writer.Add(detail.resource_name);
  writer.Add(detail.metadata.size());
  for (const auto& [key, value] : detail.metadata) {
    writer.Add(key);
    writer.Add(value);
  }
  writer.Add(detail.field_violations.size());
  for (const ErrorDetail::FieldViolation& violation : detail.field_violations) {
    writer.Add(violation.field);
    writer.Add(violation.description);
  }
  absl::Status status(code, std::string(message));
  status.SetPayload(kPayloadUrl, absl::Cord(writer.Take()));
  return status;
}

absl::Status InvalidField(std::string_view field, std::string_view reason,
                          std::string_view message) {
  ErrorDetail detail;
  detail.reason = reason;
  detail.field_violations.push_back(
      {.field = std::string(field), .description = std::string(message)});
  std::string text(field);
  text += ": ";
  text += message;
  return MakeError(absl::StatusCode::kInvalidArgument, text, std::move(detail));
}

ErrorDetail DetailOf(const absl::Status& status) {
  ErrorDetail detail;
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload) return detail;
  const std::string bytes(*payload);
  Reader reader(bytes);
  detail.reason = reader.Text();
  detail.resource_type = reader.Text();
  detail.resource_name = reader.Text();
  for (uint64_t left = reader.Count(); left > 0 && !reader.empty(); --left) {
    std::string key = reader.Text();
    detail.metadata[std::move(key)] = reader.Text();
  }
  for (uint64_t left = reader.Count(); left > 0 && !reader.empty(); --left) {
    std::string field = reader.Text();
    detail.field_violations.push_back({.field = std::move(field), .description = reader.Text()});
  }
  return detail;
}

}  // namespace penstock::domain

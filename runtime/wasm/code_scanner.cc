#include "runtime/wasm/code_scanner.h"

#include <fmt/format.h>

namespace penstock::wasm {
namespace {

enum : uint8_t {
  kEnd = 0x0b,
  kPrefixGc = 0xfb,
  kPrefixMisc = 0xfc,
  kPrefixSimd = 0xfd,
  kPrefixAtomic = 0xfe,
};

constexpr uint8_t kEmptyBlock = 0x40;

// A bit above the alignment says that a memory index follows: multiple memories.
constexpr uint32_t kAlignmentMax = 0x3f;

InspectError Unsupported(std::string message) {
  return {.reason = "UNSUPPORTED_FEATURE", .message = std::move(message)};
}

const char* ExceptionInstruction(uint8_t opcode) {
  switch (opcode) {
    case 0x06:
      return "try";
    case 0x07:
      return "catch";
    case 0x08:
      return "throw";
    case 0x09:
      return "rethrow";
    case 0x0a:
      return "throw_ref";
    case 0x18:
      return "delegate";
    case 0x19:
      return "catch_all";
    case 0x1f:
      return "try_table";
    default:
      return nullptr;
  }
}

// Skips the immediates of the instructions at the reader. Each method is false for what it does not
// know.
class Immediates {
 public:
  explicit Immediates(ByteReader& reader) : reader_(reader) {}

  bool Skip(uint8_t opcode) {
    if (opcode >= 0x45 && opcode <= 0xc4) return true;  // numeric
    if (opcode >= 0x28 && opcode <= 0x3e) return MemoryArgument();
    if (opcode >= 0x20 && opcode <= 0x26) return Indices(1);  // local, global and table access
    switch (opcode) {
      case 0x00:
      case 0x01:
      case 0x05:
      case kEnd:
      case 0x0f:
      case 0x1a:
      case 0x1b:
      case 0xd1:
        return true;
      case 0x02:
      case 0x03:
      case 0x04:
        return BlockType();
      case 0x0c:
      case 0x0d:
      case 0x10:
      case 0x12:
      case 0x3f:
      case 0x40:
      case 0xd2:
        return Indices(1);
      case 0x11:
      case 0x13:
        return Indices(2);
      case 0x0e:
        return Indices(reader_.Count()) && Indices(1);
      case 0x1c:
        return SelectTypes();
      case 0x41:
        (void)reader_.Signed(32);
        return true;
      case 0x42:
        (void)reader_.Signed(64);
        return true;
      case 0x43:
        return Raw(4);
      case 0x44:
        return Raw(8);
      case 0xd0:
        return IsValueType(reader_.Byte());
      case kPrefixMisc:
        return Misc(reader_.U32());
      case kPrefixSimd:
        return Simd(reader_.U32());
      default:
        return false;
    }
  }

 private:
  bool Raw(size_t count) {
    (void)reader_.Bytes(count);
    return true;
  }

  bool Indices(uint32_t count) {
    for (uint32_t i = 0; i < count && reader_.ok(); ++i) (void)reader_.U32();
    return true;
  }

  bool MemoryArgument() {
    const uint32_t alignment = reader_.U32();
    (void)reader_.U32();
    return alignment <= kAlignmentMax;
  }

  bool BlockType() {
    const int64_t type = reader_.Signed(33);
    if (type >= 0) return true;  // a type's index
    const auto code = static_cast<uint8_t>(type & 0x7f);
    return type >= -64 && (code == kEmptyBlock || IsValueType(code));
  }

  bool SelectTypes() {
    for (uint32_t left = reader_.Count(); left > 0; --left) {
      if (!IsValueType(reader_.Byte())) return false;
    }
    return true;
  }

  bool Misc(uint32_t opcode) {
    if (opcode <= 7) return true;  // saturating truncation
    switch (opcode) {
      case 8:
      case 10:
      case 12:
      case 14:
        return Indices(2);
      case 9:
      case 11:
      case 13:
      case 15:
      case 16:
      case 17:
        return Indices(1);
      default:
        return false;
    }
  }

  bool Simd(uint32_t opcode) {
    if (opcode <= 11 || opcode == 92 || opcode == 93) return MemoryArgument();
    if (opcode == 12 || opcode == 13) return Raw(16);  // v128.const, i8x16.shuffle
    if (opcode >= 21 && opcode <= 34) return Raw(1);   // lanes
    if (opcode >= 84 && opcode <= 91) return MemoryArgument() && Raw(1);
    return opcode <= 0x113;
  }

  ByteReader& reader_;
};

// Skips one instruction.
std::optional<InspectError> ScanInstruction(ByteReader& reader, uint8_t& opcode) {
  const size_t at = reader.offset();
  opcode = reader.Byte();
  if (const char* const name = ExceptionInstruction(opcode)) {
    return Unsupported(
        fmt::format("instruction {} at byte {}: exception handling is not supported; "
                    "build without wasm exceptions",
                    name, at));
  }
  if (opcode == kPrefixAtomic) {
    return Unsupported(
        fmt::format("atomic instruction at byte {}: threads are not supported; "
                    "build without the atomics feature",
                    at));
  }
  if (opcode == kPrefixGc) {
    return Unsupported(
        fmt::format("garbage collection instruction at byte {} is not supported", at));
  }
  if (!Immediates(reader).Skip(opcode) && reader.ok()) {
    return Unsupported(fmt::format("instruction {:#04x} at byte {} is unknown", opcode, at));
  }
  return std::nullopt;
}

}  // namespace

bool IsValueType(uint8_t code) {
  return (code >= 0x7b && code <= 0x7f) || code == 0x70 || code == 0x6f;
}

InspectError MalformedError(const ByteReader& reader, const std::string& where) {
  if (reader.truncated()) {
    return {.reason = "TRUNCATED", .message = fmt::format("the bytes end within {}", where)};
  }
  return {.reason = "MALFORMED",
          .message = fmt::format("{} is malformed near byte {}", where, reader.offset())};
}

std::optional<InspectError> ScanConstantExpression(ByteReader& reader) {
  for (uint8_t opcode = 0; opcode != kEnd;) {
    if (auto error = ScanInstruction(reader, opcode)) return error;
    if (!reader.ok()) return MalformedError(reader, "a constant expression");
  }
  return std::nullopt;
}

std::optional<InspectError> ScanFunctionBody(ByteReader& body) {
  for (uint32_t left = body.Count(); left > 0; --left) {
    (void)body.U32();
    if (!IsValueType(body.Byte()) && body.ok()) {
      return Unsupported(fmt::format("type of a local near byte {} is unknown", body.offset()));
    }
  }
  uint8_t opcode = 0;
  while (body.ok() && !body.at_end()) {
    if (auto error = ScanInstruction(body, opcode)) return error;
  }
  // A body bounds its reader: running over it is a malformed function, not a short file.
  if (!body.ok() || opcode != kEnd) {
    return InspectError{
        .reason = "MALFORMED",
        .message = fmt::format("a function body is malformed near byte {}", body.offset())};
  }
  return std::nullopt;
}

}  // namespace penstock::wasm

#include "runtime/wasm/module_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "runtime/wasm/byte_reader.h"
#include "runtime/wasm/code_scanner.h"

namespace penstock::wasm {
namespace {

using Failed = std::optional<InspectError>;

constexpr uint8_t kMagic[] = {0x00, 'a', 's', 'm'};
constexpr uint32_t kVersion = 1;
constexpr uint32_t kComponentLayer = 0x0001'0000;  // in the upper half of the version word
constexpr uint8_t kFunctionForm = 0x60;
constexpr uint32_t kArityMax = 1000;  // as engines have it

enum SectionId : uint8_t {
  kCustom,
  kType,
  kImport,
  kFunction,
  kTable,
  kMemory,
  kGlobal,
  kExport,
  kStart,
  kElement,
  kCode,
  kData,
  kDataCount,
  kTag,
};

// In the order that the format prescribes; an index is a section's rank.
constexpr std::array kSectionOrder = {kType,      kImport, kFunction, kTable, kMemory,
                                      kTag,       kGlobal, kExport,   kStart, kElement,
                                      kDataCount, kCode,   kData};

constexpr std::array<const char*, 14> kSectionNames = {
    "a custom section",       "the type section",    "the import section", "the function section",
    "the table section",      "the memory section",  "the global section", "the export section",
    "the start section",      "the element section", "the code section",   "the data section",
    "the data count section", "the tag section"};

InspectError Error(std::string reason, std::string message) {
  return {.reason = std::move(reason), .message = std::move(message)};
}

InspectError OverLimit(std::string_view what, uint64_t found, uint64_t limit) {
  return Error("LIMIT_EXCEEDED", fmt::format("{} {}, at most {} are allowed", found, what, limit));
}

char TypeCharacter(uint8_t code) {
  switch (code) {
    case 0x7f:
      return 'i';
    case 0x7e:
      return 'I';
    case 0x7d:
      return 'f';
    case 0x7c:
      return 'F';
    case 0x7b:
      return 'v';
    case 0x70:
      return 'r';
    case 0x6f:
      return 'e';
    default:
      return '\0';
  }
}

class Parser {
 public:
  Parser(std::span<const uint8_t> bytes, const InspectorLimits& limits, ParsedModule& module)
      : reader_(bytes), limits_(limits), module_(module) {}

  Failed Parse() {
    if (Failed failed = ParseHeader()) return failed;
    while (!reader_.at_end()) {
      const size_t begin = reader_.offset();
      const uint8_t id = reader_.Byte();
      const uint32_t size = reader_.U32();
      if (!reader_.ok()) return MalformedError(reader_, "a section's header");
      if (size > reader_.remaining()) {
        return Error("TRUNCATED",
                     fmt::format("the section at byte {} has {} bytes, but only {} are left", begin,
                                 size, reader_.remaining()));
      }
      if (Failed failed = CheckOrder(id, begin)) return failed;
      ByteReader section = reader_.Sub(size);
      if (Failed failed = ParseSection(static_cast<SectionId>(id), section)) return failed;
      if (id == kMemory) {
        module_.memory_section_begin = begin;
        module_.memory_section_end = reader_.offset();
      }
    }
    if (body_count_ != own_function_count()) {
      return Error("MALFORMED", fmt::format("{} functions are declared, but {} have a body",
                                            own_function_count(), body_count_));
    }
    return std::nullopt;
  }

 private:
  size_t own_function_count() const {
    return module_.function_types.size() - module_.imported_function_count;
  }

  Failed ParseHeader() {
    const auto magic = reader_.Bytes(std::min(reader_.remaining(), sizeof kMagic));
    if (!std::ranges::equal(magic, std::span(kMagic).first(magic.size())) || magic.empty()) {
      return Error("NOT_WASM", "the bytes do not begin with the magic number of WebAssembly");
    }
    const auto word = reader_.Bytes(4);
    if (!reader_.ok()) return Error("TRUNCATED", "the bytes end within the header");
    uint32_t version = 0;
    for (size_t i = 0; i < word.size(); ++i) version |= uint32_t{word[i]} << (8 * i);
    if (version == kVersion) return std::nullopt;
    if ((version & kComponentLayer) != 0) {
      return Error("COMPONENT",
                   "this is a component (WASI 0.2 or later), not a core module; build "
                   "for WASI preview 1");
    }
    return Error("NOT_WASM", fmt::format("version {}, expected {}", version, kVersion));
  }

  Failed CheckOrder(uint8_t id, size_t begin) {
    if (id == kCustom) return std::nullopt;
    const auto at = std::ranges::find(kSectionOrder, static_cast<SectionId>(id));
    if (at == kSectionOrder.end()) {
      return Error("MALFORMED", fmt::format("unknown section {} at byte {}", id, begin));
    }
    const auto rank = at - kSectionOrder.begin() + 1;
    if (rank <= last_rank_) {
      return Error("MALFORMED",
                   fmt::format("{} at byte {} is out of order", kSectionNames[id], begin));
    }
    last_rank_ = rank;
    return std::nullopt;
  }

  Failed ParseSection(SectionId id, ByteReader& section) {
    Failed failed = ParseContent(id, section);
    if (failed) return failed;
    // The section lies within the file: what runs over its end is malformed, not truncated.
    if (!section.ok() || !section.at_end()) {
      return Error("MALFORMED", fmt::format("{} does not fit its size", kSectionNames[id]));
    }
    return std::nullopt;
  }

  Failed ParseContent(SectionId id, ByteReader& section) {
    switch (id) {
      case kType:
        return Each(section, [&] { return ParseType(section); });
      case kImport:
        return Each(section, [&] { return ParseImport(section); });
      case kFunction:
        return ParseFunctions(section);
      case kTable:
        return Each(section, [&] { return ParseTable(section); });
      case kMemory:
        return ParseMemories(section);
      case kTag:
        return Error("UNSUPPORTED_FEATURE",
                     "the module declares exception tags; build without "
                     "wasm exceptions");
      case kGlobal:
        return Each(section, [&] { return ParseGlobal(section); });
      case kExport:
        return Each(section, [&] { return ParseExport(section); });
      case kStart:
        (void)section.U32();
        return std::nullopt;
      case kCode:
        return ParseCode(section);
      case kDataCount:
        (void)section.U32();
        return std::nullopt;
      case kData:
        return ParseData(section);
      // The engine checks what the contract does not depend on.
      case kElement:
      case kCustom:
        (void)section.Bytes(section.remaining());
        return std::nullopt;
    }
    return std::nullopt;
  }

  // Calls `parse` for every element of the vector.
  template <typename F>
  Failed Each(ByteReader& section, F parse) {
    for (uint32_t left = section.Count(); left > 0 && section.ok(); --left) {
      if (Failed failed = parse()) return failed;
    }
    return std::nullopt;
  }

  Failed ParseValueTypes(ByteReader& section, std::string& out) {
    const uint32_t count = section.Count();
    if (count > kArityMax) return OverLimit("values in a function type", count, kArityMax);
    for (uint32_t i = 0; i < count; ++i) {
      const char type = TypeCharacter(section.Byte());
      if (type == '\0') return UnknownType(section);
      out.push_back(type);
    }
    return std::nullopt;
  }

  static InspectError UnknownType(const ByteReader& section) {
    return Error("UNSUPPORTED_FEATURE",
                 fmt::format("type near byte {} is not of WebAssembly 2.0", section.offset()));
  }

  Failed ParseType(ByteReader& section) {
    if (section.Byte() != kFunctionForm) return UnknownType(section);
    FunctionType type;
    if (Failed failed = ParseValueTypes(section, type.params)) return failed;
    if (Failed failed = ParseValueTypes(section, type.results)) return failed;
    module_.types.push_back(std::move(type));
    return std::nullopt;
  }

  Failed CheckedName(ByteReader& section, std::string_view& out) {
    out = section.Name();
    if (out.size() <= limits_.name_byte_count_max) return std::nullopt;
    return OverLimit("bytes in a name", out.size(), limits_.name_byte_count_max);
  }

  Failed AddFunction(uint32_t type_index) {
    if (type_index >= module_.types.size()) {
      return Error("MALFORMED",
                   fmt::format("function {} has type {}, but there are {} types",
                               module_.function_types.size(), type_index, module_.types.size()));
    }
    module_.function_types.push_back(type_index);
    const size_t count = module_.function_types.size();
    if (count <= limits_.function_count_max) return std::nullopt;
    return OverLimit("functions or more", count, limits_.function_count_max);
  }

  Failed ParseImport(ByteReader& section) {
    ParsedImport import{};
    if (Failed failed = CheckedName(section, import.module)) return failed;
    if (Failed failed = CheckedName(section, import.name)) return failed;
    const uint8_t kind = section.Byte();
    if (!section.ok()) return std::nullopt;
    if (kind > static_cast<uint8_t>(ExternalKind::kTag)) {
      return Error("MALFORMED", fmt::format("import {}.{} is of unknown kind {}", import.module,
                                            import.name, kind));
    }
    import.kind = static_cast<ExternalKind>(kind);
    if (import.kind != ExternalKind::kFunction) {
      return Error(
          "UNKNOWN_IMPORT",
          fmt::format("the module imports the {} \"{}.{}\"; only functions can be imported",
                      KindName(import.kind), import.module, import.name));
    }
    import.type_index = section.U32();
    if (!section.ok()) return std::nullopt;
    if (Failed failed = AddFunction(import.type_index)) return failed;
    ++module_.imported_function_count;
    module_.imports.push_back(import);
    return std::nullopt;
  }

  Failed ParseFunctions(ByteReader& section) {
    return Each(section, [&]() -> Failed {
      const uint32_t type_index = section.U32();
      return section.ok() ? AddFunction(type_index) : std::nullopt;
    });
  }

  // `{flags, min, max?}`; only plain 32-bit limits are supported.
  Failed ParseLimits(ByteReader& section, std::string_view what, MemoryLimits& limits) {
    const uint8_t flags = section.Byte();
    if (flags > 7) return Error("MALFORMED", fmt::format("a {} has unknown flags {}", what, flags));
    if ((flags & 4) != 0) {
      return Error("UNSUPPORTED_FEATURE", fmt::format("the module has a 64-bit {}", what));
    }
    if ((flags & 2) != 0) {
      return Error("SHARED_MEMORY",
                   fmt::format("the module has a shared {}; build without threads", what));
    }
    limits.page_count_min = section.U32();
    if ((flags & 1) != 0) limits.page_count_max = section.U32();
    if (section.ok() && limits.page_count_max && *limits.page_count_max < limits.page_count_min) {
      return Error("MALFORMED", fmt::format("a {}'s maximum is below its minimum", what));
    }
    return std::nullopt;
  }

  Failed ParseTable(ByteReader& section) {
    const uint8_t type = section.Byte();
    if (type != 0x70 && type != 0x6f) return UnknownType(section);
    MemoryLimits limits;
    if (Failed failed = ParseLimits(section, "table", limits)) return failed;
    if (++table_count_ > limits_.table_count_max) {
      return OverLimit("tables", table_count_, limits_.table_count_max);
    }
    table_element_count_ += limits.page_count_min;
    if (table_element_count_ <= limits_.table_element_count_max) return std::nullopt;
    return OverLimit("table elements", table_element_count_, limits_.table_element_count_max);
  }

  Failed ParseMemories(ByteReader& section) {
    return Each(section, [&]() -> Failed {
      MemoryLimits limits;
      if (Failed failed = ParseLimits(section, "memory", limits)) return failed;
      module_.memories.push_back(limits);
      if (module_.memories.size() > 1) {
        return Error("UNSUPPORTED_FEATURE", "the module has several memories");
      }
      if (std::max(limits.page_count_min, limits.page_count_max.value_or(0)) > kPageCountMax) {
        return Error("MALFORMED", "the memory is larger than 4 GiB");
      }
      const uint64_t byte_count = limits.page_count_min * kPageByteCount;
      if (byte_count <= limits_.memory_byte_count_max) return std::nullopt;
      return OverLimit("bytes of initial memory", byte_count, limits_.memory_byte_count_max);
    });
  }

  Failed ParseGlobal(ByteReader& section) {
    const uint8_t type = section.Byte();
    const uint8_t is_mutable = section.Byte();
    if (!section.ok()) return std::nullopt;
    if (!IsValueType(type)) return UnknownType(section);
    if (is_mutable > 1) return Error("MALFORMED", "a global is neither constant nor mutable");
    return ScanConstantExpression(section);
  }

  Failed ParseExport(ByteReader& section) {
    ParsedExport exported{};
    if (Failed failed = CheckedName(section, exported.name)) return failed;
    const uint8_t kind = section.Byte();
    exported.index = section.U32();
    if (!section.ok()) return std::nullopt;
    if (kind > static_cast<uint8_t>(ExternalKind::kTag)) {
      return Error("MALFORMED",
                   fmt::format("export \"{}\" is of unknown kind {}", exported.name, kind));
    }
    exported.kind = static_cast<ExternalKind>(kind);
    if (exported.kind == ExternalKind::kFunction &&
        exported.index >= module_.function_types.size()) {
      return Error("MALFORMED",
                   fmt::format("export \"{}\" names function {}, but there are {}", exported.name,
                               exported.index, module_.function_types.size()));
    }
    if (!export_names_.insert(exported.name).second) {
      return Error("MALFORMED", fmt::format("\"{}\" is exported twice", exported.name));
    }
    module_.exports.push_back(exported);
    return std::nullopt;
  }

  Failed ParseCode(ByteReader& section) {
    return Each(section, [&]() -> Failed {
      ByteReader body = section.Sub(section.U32());
      if (!section.ok()) return std::nullopt;
      ++body_count_;
      return ScanFunctionBody(body);
    });
  }

  Failed ParseData(ByteReader& section) {
    const uint32_t count = section.Count();
    (void)section.Bytes(section.remaining());
    if (count <= limits_.data_segment_count_max) return std::nullopt;
    return OverLimit("data segments", count, limits_.data_segment_count_max);
  }

  ByteReader reader_;
  const InspectorLimits& limits_;
  ParsedModule& module_;
  std::ptrdiff_t last_rank_ = 0;
  size_t body_count_ = 0;
  uint64_t table_count_ = 0;
  uint64_t table_element_count_ = 0;
  std::set<std::string_view> export_names_;
};

}  // namespace

std::string_view KindName(ExternalKind kind) {
  switch (kind) {
    case ExternalKind::kFunction:
      return "function";
    case ExternalKind::kTable:
      return "table";
    case ExternalKind::kMemory:
      return "memory";
    case ExternalKind::kGlobal:
      return "global";
    case ExternalKind::kTag:
      return "tag";
  }
  return "unknown";
}

std::optional<InspectError> ParseModule(std::span<const uint8_t> bytes,
                                        const InspectorLimits& limits, ParsedModule& module) {
  return Parser(bytes, limits, module).Parse();
}

}  // namespace penstock::wasm

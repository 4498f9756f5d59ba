#include "runtime/wasm/inspector.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "runtime/wasm/contract.h"
#include "runtime/wasm/module_parser.h"

namespace penstock::wasm {
namespace {

void AppendU32(std::vector<uint8_t>& out, uint32_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<uint8_t>(value | 0x80));
  out.push_back(static_cast<uint8_t>(value));
}

// The section of one memory, its header included.
std::vector<uint8_t> MemorySection(uint32_t page_count_min, uint32_t page_count_max) {
  std::vector<uint8_t> content = {1 /* memory */, 1 /* has a maximum */};
  AppendU32(content, page_count_min);
  AppendU32(content, page_count_max);
  std::vector<uint8_t> section = {5 /* memory section */, static_cast<uint8_t>(content.size())};
  section.insert(section.end(), content.begin(), content.end());
  return section;
}

// Memory that rewriting may set for a module: no limits apply that Inspect() has not applied.
InspectorLimits NoLimits() {
  return {.module_byte_count_max = UINT64_MAX,
          .memory_byte_count_max = UINT64_MAX,
          .function_count_max = UINT32_MAX,
          .data_segment_count_max = UINT32_MAX,
          .table_element_count_max = UINT32_MAX,
          .table_count_max = UINT32_MAX,
          .name_byte_count_max = UINT32_MAX};
}

}  // namespace

InspectResult Inspect(std::span<const uint8_t> bytes, std::span<const HostSignature> host,
                      const InspectorLimits& limits) {
  if (bytes.size() > limits.module_byte_count_max) {
    return {.info = std::nullopt,
            .error = InspectError{
                .reason = "TOO_LARGE",
                .message = fmt::format("the module has {} bytes, at most {} are allowed",
                                       bytes.size(), limits.module_byte_count_max)}};
  }
  ParsedModule module;
  if (auto error = ParseModule(bytes, limits, module)) {
    return {.info = std::nullopt, .error = std::move(error)};
  }
  ModuleInfo info;
  if (auto error = CheckContract(module, host, info)) {
    return {.info = std::nullopt, .error = std::move(error)};
  }
  return {.info = std::move(info), .error = std::nullopt};
}

std::vector<uint8_t> WithMemoryMaximum(std::span<const uint8_t> bytes, uint64_t byte_count_max) {
  ParsedModule module;
  PENSTOCK_CHECK(!ParseModule(bytes, NoLimits(), module) && module.memories.size() == 1);
  const MemoryLimits& memory = module.memories.front();
  const uint64_t page_count_max = std::min({memory.page_count_max.value_or(kPageCountMax),
                                            kPageCountMax, byte_count_max / kPageByteCount});
  PENSTOCK_CHECK(memory.page_count_min <= page_count_max);

  const auto section = MemorySection(static_cast<uint32_t>(memory.page_count_min),
                                     static_cast<uint32_t>(page_count_max));
  const auto before = bytes.first(module.memory_section_begin);
  const auto after = bytes.subspan(module.memory_section_end);
  std::vector<uint8_t> rewritten;
  rewritten.reserve(before.size() + section.size() + after.size());
  rewritten.insert(rewritten.end(), before.begin(), before.end());
  rewritten.insert(rewritten.end(), section.begin(), section.end());
  rewritten.insert(rewritten.end(), after.begin(), after.end());
  return rewritten;
}

}  // namespace penstock::wasm

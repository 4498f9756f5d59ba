#include "runtime/worker/module_cache.h"

#include <fmt/format.h>

#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/seqpacket.h"
#include "base/status.h"
#include "runtime/wasm/inspector.h"
#include "runtime/watm/watm_host.h"
#include "runtime/worker/limits.h"
#include "runtime/worker/utf8.h"

namespace penstock::worker {
namespace {

std::span<const uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

wasm::InspectResult InspectWithin(std::span<const uint8_t> bytes, uint64_t memory_byte_count_max) {
  wasm::InspectorLimits limits;
  limits.memory_byte_count_max = memory_byte_count_max;
  limits.module_byte_count_max = kModuleByteCountMax;
  return wasm::Inspect(bytes, watm::HostSignatures(), limits);
}

void DescribeModule(const wasm::ModuleInfo& info, v1::ModuleInspected& answer) {
  for (const wasm::Role role : info.roles) answer.add_roles(static_cast<v1::Role>(role));
  // Only names of host functions, but a module may repeat each as often as it likes.
  std::set<std::string> imports;
  for (const wasm::Import& import : info.imports) {
    imports.insert(fmt::format("{}.{}", import.module, import.name));
  }
  for (const std::string& import : imports) answer.add_imports(import);
  answer.set_memory_minimum_bytes(info.memory_minimum_byte_count);
  if (info.memory_maximum_byte_count) {
    answer.set_memory_maximum_bytes(*info.memory_maximum_byte_count);
  }
}

v1::ModuleInspected Refuse(std::string_view reason, std::string_view message) {
  v1::ModuleInspected answer;
  answer.set_error_reason(std::string(reason));
  answer.set_error_message(ToUtf8(message, kMessageByteCountMax));
  return answer;
}

}  // namespace

absl::Status ModuleCache::Load(const v1::LoadModule& request, const UniqueFd& fd) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadSealedMemfd(fd.get(), kModuleByteCountMax));
  // Inspected at the upload already, in another process; what is unsafe for V8 never reaches it.
  const wasm::InspectResult inspected = InspectWithin(BytesOf(bytes), request.memory_bytes_max());
  if (inspected.error) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", inspected.error->reason, inspected.error->message));
  }
  const std::vector<uint8_t> bounded =
      wasm::WithMemoryMaximum(BytesOf(bytes), request.memory_bytes_max());
  ASSIGN_OR_RETURN(auto module, engine::CompiledModule::Compile(bounded, &counters_));
  Unload(request.module_key());
  modules_[request.module_key()] = std::move(module);
  return absl::OkStatus();
}

void ModuleCache::Unload(uint64_t module_key) {
  const auto found = modules_.find(module_key);
  if (found == modules_.end()) return;
  pool_.Drop(*found->second);
  modules_.erase(found);
}

std::shared_ptr<const engine::CompiledModule> ModuleCache::Find(uint64_t module_key) const {
  const auto found = modules_.find(module_key);
  return found == modules_.end() ? nullptr : found->second;
}

v1::ModuleInspected InspectModule(const v1::InspectModule& request, const UniqueFd& fd) {
  const auto bytes = ReadSealedMemfd(fd.get(), kModuleByteCountMax);
  if (!bytes.ok()) return Refuse("MODULE_UNREADABLE", MessageOf(bytes.status()));
  const wasm::InspectResult inspected = InspectWithin(BytesOf(*bytes), request.memory_bytes_max());
  if (inspected.error) return Refuse(inspected.error->reason, inspected.error->message);
  const auto module = engine::CompiledModule::Compile(
      wasm::WithMemoryMaximum(BytesOf(*bytes), request.memory_bytes_max()), nullptr);
  if (!module.ok()) return Refuse("COMPILE_FAILED", MessageOf(module.status()));
  v1::ModuleInspected answer;
  DescribeModule(*inspected.info, answer);
  return answer;
}

}  // namespace penstock::worker

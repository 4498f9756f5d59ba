#include "runtime/wasm/contract.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace penstock::wasm {
namespace {

using Failed = std::optional<InspectError>;

// A function that a WATM v1 module exports.
struct ExportRule {
  std::string_view name;
  std::string_view params;
  std::string_view results;
  bool required;
};
constexpr ExportRule kExports[] = {
    {"watm_init_v1", "", "i", true},         {"watm_ctrlpipe_v1", "i", "i", true},
    {"watm_start_v1", "", "i", true},        {"watm_dial_v1", "i", "i", false},
    {"watm_dial_fixed_v1", "i", "i", false}, {"watm_accept_v1", "i", "i", false},
    {"watm_associate_v1", "", "i", false},   {"_start", "", "", false},
    {"_initialize", "", "", false},
};

struct RoleRule {
  std::string_view export_name;
  Role role;
  bool needs_accept;
};
constexpr RoleRule kRoles[] = {
    {"watm_dial_v1", Role::kDialer, false},
    {"watm_dial_fixed_v1", Role::kDialerFixed, false},
    {"watm_accept_v1", Role::kListener, true},
    {"watm_associate_v1", Role::kRelay, true},
};

// Names by which other interfaces betray themselves, in exports or imports.
struct ForeignAbi {
  std::string_view name;
  std::string_view abi;
};
constexpr ForeignAbi kForeign[] = {
    {"watm_userpipe_v1", "the unmerged \"final v1\" draft"},
    {"watm_lasterror_v1", "the unmerged \"final v1\" draft"},
    {"_water_v1", "the v1 of water-rs"},
    {"connect_tcp", "the v1 of water-rs"},
    {"_water_v0", "WATM v0"},
    {"_water_init", "WATM v0"},
    {"_water_worker", "WATM v0"},
    {"host_dial", "WATM v0"},
    {"host_accept", "WATM v0"},
    {"host_defer", "WATM v0"},
    {"pull_config", "WATM v0"},
};

constexpr std::string_view kNetworkImports[] = {"water_dial", "water_dial_fixed", "water_accept"};

InspectError Error(std::string reason, std::string message) {
  return {.reason = std::move(reason), .message = std::move(message)};
}

// "(i32, i64) -> i32"
std::string Render(std::string_view params, std::string_view results) {
  const auto list = [](std::string_view types) {
    std::string text;
    for (char type : types) {
      if (!text.empty()) text += ", ";
      switch (type) {
        case 'i':
          text += "i32";
          break;
        case 'I':
          text += "i64";
          break;
        case 'f':
          text += "f32";
          break;
        case 'F':
          text += "f64";
          break;
        case 'v':
          text += "v128";
          break;
        case 'r':
          text += "funcref";
          break;
        default:
          text += "externref";
          break;
      }
    }
    return text;
  };
  return fmt::format("({}) -> {}", list(params), results.empty() ? "()" : list(results));
}

const FunctionType& TypeOf(const ParsedModule& module, uint32_t function_index) {
  return module.types[module.function_types[function_index]];
}

const ParsedExport* FindExport(const ParsedModule& module, std::string_view name) {
  const auto at = std::ranges::find(module.exports, name, &ParsedExport::name);
  return at == module.exports.end() ? nullptr : &*at;
}

bool ImportsEnv(const ParsedModule& module, std::string_view name) {
  return std::ranges::any_of(module.imports, [&](const ParsedImport& import) {
    return import.module == "env" && import.name == name;
  });
}

Failed RefuseForeignAbi(const ParsedModule& module) {
  for (const ForeignAbi& foreign : kForeign) {
    const bool imported = std::ranges::find(module.imports, foreign.name, &ParsedImport::name) !=
                          module.imports.end();
    if (!imported && FindExport(module, foreign.name) == nullptr) continue;
    return Error("WRONG_ABI",
                 fmt::format("the module {} \"{}\": it is made for {}, not for WATM v1",
                             imported ? "imports" : "exports", foreign.name, foreign.abi));
  }
  return std::nullopt;
}

Failed CheckImports(const ParsedModule& module, std::span<const HostSignature> host) {
  for (const ParsedImport& import : module.imports) {
    const auto offered = std::ranges::find_if(host, [&](const HostSignature& candidate) {
      return candidate.module == import.module && candidate.name == import.name;
    });
    if (offered == host.end()) {
      return Error("UNKNOWN_IMPORT",
                   fmt::format("the module imports \"{}.{}\", which does not exist; there are the "
                               "functions of wasi_snapshot_preview1 and env.water_*",
                               import.module, import.name));
    }
    const FunctionType& found = module.types[import.type_index];
    const std::string results = offered->result == '\0' ? "" : std::string(1, offered->result);
    if (found.params == offered->params && found.results == results) continue;
    return Error(
        "WRONG_SIGNATURE",
        fmt::format("import \"{}.{}\" is declared as {}, expected {}", import.module, import.name,
                    Render(found.params, found.results), Render(offered->params, results)));
  }
  return std::nullopt;
}

Failed CheckMemory(const ParsedModule& module) {
  const ParsedExport* const memory = FindExport(module, "memory");
  if (memory == nullptr || module.memories.empty()) {
    return Error("MISSING_EXPORT", "the module does not export its memory as \"memory\"");
  }
  if (memory->kind == ExternalKind::kMemory) return std::nullopt;
  return Error("WRONG_SIGNATURE",
               fmt::format("export \"memory\" is a {}, expected a memory", KindName(memory->kind)));
}

Failed CheckExport(const ParsedModule& module, const ExportRule& rule) {
  const ParsedExport* const found = FindExport(module, rule.name);
  if (found == nullptr) {
    if (!rule.required) return std::nullopt;
    return Error("MISSING_EXPORT", fmt::format("the module does not export \"{}\" {}", rule.name,
                                               Render(rule.params, rule.results)));
  }
  if (found->kind != ExternalKind::kFunction) {
    return Error("WRONG_SIGNATURE", fmt::format("export \"{}\" is a {}, expected a function",
                                                rule.name, KindName(found->kind)));
  }
  const FunctionType& type = TypeOf(module, found->index);
  if (type.params == rule.params && type.results == rule.results) return std::nullopt;
  return Error("WRONG_SIGNATURE",
               fmt::format("export \"{}\" is {}, expected {}", rule.name,
                           Render(type.params, type.results), Render(rule.params, rule.results)));
}

Failed CheckExports(const ParsedModule& module) {
  if (Failed failed = CheckMemory(module)) return failed;
  for (const ParsedExport& exported : module.exports) {
    if (exported.kind == ExternalKind::kFunction &&
        exported.index < module.imported_function_count) {
      const ParsedImport& import = module.imports[exported.index];
      return Error("REEXPORTED_IMPORT", fmt::format("export \"{}\" is merely the import \"{}.{}\"",
                                                    exported.name, import.module, import.name));
    }
  }
  for (const ExportRule& rule : kExports) {
    if (Failed failed = CheckExport(module, rule)) return failed;
  }
  return std::nullopt;
}

Failed FindRoles(const ParsedModule& module, ModuleInfo& info) {
  const bool any_network = std::ranges::any_of(
      kNetworkImports, [&](std::string_view name) { return ImportsEnv(module, name); });
  if (!any_network) {
    return Error("NO_NETWORK",
                 "the module imports none of env.water_dial, env.water_dial_fixed and "
                 "env.water_accept: it could reach nobody");
  }
  const bool accepts = ImportsEnv(module, "water_accept");
  bool lacks_accept = false;
  for (const RoleRule& rule : kRoles) {
    if (FindExport(module, rule.export_name) == nullptr) continue;
    if (rule.needs_accept && !accepts) {
      lacks_accept = true;
    } else {
      info.roles.push_back(rule.role);
    }
  }
  if (!info.roles.empty()) return std::nullopt;
  return Error("NO_ROLE", lacks_accept
                              ? "listener and relay need the import env.water_accept"
                              : "the module exports none of watm_dial_v1, watm_dial_fixed_v1, "
                                "watm_accept_v1 and watm_associate_v1");
}

}  // namespace

std::optional<InspectError> CheckContract(const ParsedModule& module,
                                          std::span<const HostSignature> host, ModuleInfo& info) {
  if (Failed failed = RefuseForeignAbi(module)) return failed;
  if (Failed failed = CheckImports(module, host)) return failed;
  if (Failed failed = CheckExports(module)) return failed;
  if (Failed failed = FindRoles(module, info)) return failed;

  for (const ParsedImport& import : module.imports) {
    info.imports.push_back({std::string(import.module), std::string(import.name)});
  }
  info.exports_start = FindExport(module, "_start") != nullptr;
  info.exports_initialize = FindExport(module, "_initialize") != nullptr;
  const MemoryLimits& memory = module.memories.front();
  info.memory_minimum_byte_count = memory.page_count_min * kPageByteCount;
  if (memory.page_count_max) {
    info.memory_maximum_byte_count = *memory.page_count_max * kPageByteCount;
  }
  return std::nullopt;
}

}  // namespace penstock::wasm

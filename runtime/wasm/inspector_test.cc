#include "runtime/wasm/inspector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "runtime/wasm/module_builder.h"

namespace penstock::wasm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr HostSignature kHost[] = {
    {"env", "water_dial", "iiii", 'i'},
    {"env", "water_dial_fixed", "", 'i'},
    {"env", "water_accept", "", 'i'},
    {"wasi_snapshot_preview1", "fd_write", "iiii", 'i'},
};

InspectResult InspectBytes(const ModuleBytes& bytes, const InspectorLimits& limits = {}) {
  return Inspect(bytes, kHost, limits);
}

std::string ReasonOf(const InspectResult& result) {
  return result.error ? result.error->reason : "";
}

TEST(Inspector, TellsWhatAModuleIsGoodFor) {
  ModuleBuilder builder;
  builder.exports.push_back(ModuleBuilder::Export("watm_accept_v1", 3));
  builder.exports.push_back(ModuleBuilder::Export("watm_associate_v1", 2));
  builder.exports.push_back(ModuleBuilder::Export("watm_dial_fixed_v1", 3));
  builder.exports.push_back(ModuleBuilder::Export("_start", 4));
  const auto result = InspectBytes(builder.Build());
  ASSERT_TRUE(result.info) << result.error->message;
  EXPECT_THAT(result.info->roles,
              ElementsAre(Role::kDialer, Role::kDialerFixed, Role::kListener, Role::kRelay));
  ASSERT_EQ(result.info->imports.size(), 2u);
  EXPECT_EQ(result.info->imports[1].name, "water_accept");
  EXPECT_TRUE(result.info->exports_start);
  EXPECT_FALSE(result.info->exports_initialize);
  EXPECT_EQ(result.info->memory_minimum_byte_count, 131'072u);
  EXPECT_FALSE(result.info->memory_maximum_byte_count);
}

TEST(Inspector, ListenerNeedsAccept) {
  ModuleBuilder builder;
  builder.imports[1] = ModuleBuilder::Import("env", "water_dial_fixed", 0);
  builder.exports.push_back(ModuleBuilder::Export("watm_accept_v1", 3));
  const auto result = InspectBytes(builder.Build());
  ASSERT_TRUE(result.info) << result.error->message;
  EXPECT_THAT(result.info->roles, ElementsAre(Role::kDialer));
}

struct BendCase {
  const char* name;
  std::function<void(ModuleBuilder&)> bend;
  const char* reason;
  const char* message;  // a part of it
};

const BendCase kBendCases[] = {
    {"UnknownImport", [](auto& b) { b.imports[0] = b.Import("env", "launch", 0); },
     "UNKNOWN_IMPORT", "\"env.launch\""},
    {"UnknownImportModule",
     [](auto& b) { b.imports[0] = b.Import("wasi_unstable", "fd_write", 3); }, "UNKNOWN_IMPORT",
     "wasi_unstable.fd_write"},
    {"ImportSignature", [](auto& b) { b.imports[0] = b.Import("env", "water_dial_fixed", 1); },
     "WRONG_SIGNATURE", "(i32) -> i32, expected () -> i32"},
    {"ImportedMemory",
     [](auto& b) {
       b.imports.push_back(NameBytes("env") + NameBytes("memory") + ModuleBytes{2, 0, 1});
     },
     "UNKNOWN_IMPORT", "memory \"env.memory\""},
    {"NoMemoryExport", [](auto& b) { b.exports.erase(b.exports.begin()); }, "MISSING_EXPORT",
     "memory"},
    {"MemoryExportIsFunction", [](auto& b) { b.exports[0] = b.Export("memory", 2); },
     "WRONG_SIGNATURE", "\"memory\" is a function"},
    {"NoInit", [](auto& b) { b.exports.erase(b.exports.begin() + 1); }, "MISSING_EXPORT",
     "watm_init_v1"},
    {"NoControlPipe", [](auto& b) { b.exports.erase(b.exports.begin() + 2); }, "MISSING_EXPORT",
     "watm_ctrlpipe_v1"},
    {"NoStart", [](auto& b) { b.exports.erase(b.exports.begin() + 3); }, "MISSING_EXPORT",
     "watm_start_v1"},
    {"ExportSignature", [](auto& b) { b.exports[2] = b.Export("watm_ctrlpipe_v1", 2); },
     "WRONG_SIGNATURE", "\"watm_ctrlpipe_v1\" is () -> i32, expected (i32) -> i32"},
    {"ReexportedImport", [](auto& b) { b.exports[3] = b.Export("watm_start_v1", 0); },
     "REEXPORTED_IMPORT", "env.water_dial_fixed"},
    {"NoRole", [](auto& b) { b.exports.pop_back(); }, "NO_ROLE", "watm_dial_v1"},
    {"ListenerWithoutAccept",
     [](auto& b) {
       b.imports[1] = b.Import("env", "water_dial_fixed", 0);
       b.exports.back() = b.Export("watm_accept_v1", 3);
     },
     "NO_ROLE", "water_accept"},
    {"NoNetwork",
     [](auto& b) {
       b.imports = {b.Import("wasi_snapshot_preview1", "fd_write", 3),
                    b.Import("wasi_snapshot_preview1", "fd_write", 3)};
     },
     "NO_NETWORK", "water_dial"},
    {"FinalV1Draft", [](auto& b) { b.exports.push_back(b.Export("watm_userpipe_v1", 3)); },
     "WRONG_ABI", "final v1"},
    {"WaterRs", [](auto& b) { b.imports[0] = b.Import("env", "connect_tcp", 0); }, "WRONG_ABI",
     "water-rs"},
    {"V0", [](auto& b) { b.imports[0] = b.Import("env", "host_dial", 0); }, "WRONG_ABI", "WATM v0"},
    {"SharedMemory",
     [](auto& b) {
       b.memories[0] = {3, 1, 2};
     },
     "SHARED_MEMORY", "threads"},
    {"Memory64",
     [](auto& b) {
       b.memories[0] = {4, 1};
     },
     "UNSUPPORTED_FEATURE", "64-bit"},
    {"TwoMemories",
     [](auto& b) {
       b.memories.push_back({0, 1});
     },
     "UNSUPPORTED_FEATURE", "several memories"},
    {"MemoryTooLarge",
     [](auto& b) {
       b.memories[0] = {0, 0x80, 0x80, 0x02};
     },
     "LIMIT_EXCEEDED", "memory"},
    {"MaximumBelowMinimum",
     [](auto& b) {
       b.memories[0] = {1, 2, 1};
     },
     "MALFORMED", "maximum"},
    {"TableTooLarge",
     [](auto& b) {
       b.tables = {{0x70, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}};
     },
     "LIMIT_EXCEEDED", "table"},
    {"TooManyTables",
     [](auto& b) {
       b.tables.assign(17, {0x70, 0, 1});
     },
     "LIMIT_EXCEEDED", "tables"},
    {"LegacyTry", [](auto& b) { b.bodies[2] = {0, 0x06, 0x40, 0x19, 0x0b, 0x0b}; },
     "UNSUPPORTED_FEATURE", "exception"},
    {"TryTable", [](auto& b) { b.bodies[2] = {0, 0x1f, 0x40, 0, 0x0b, 0x0b}; },
     "UNSUPPORTED_FEATURE", "try_table"},
    {"Atomics",
     [](auto& b) {
       b.bodies[2] = {0, 0xfe, 0x03, 0x00, 0x0b};
     },
     "UNSUPPORTED_FEATURE", "atomic"},
    {"UnknownInstruction",
     [](auto& b) {
       b.bodies[2] = {0, 0x27, 0x0b};
     },
     "UNSUPPORTED_FEATURE", "0x27"},
    {"BodyWithoutEnd",
     [](auto& b) {
       b.bodies[2] = {0, 0x01};
     },
     "MALFORMED", "function body"},
    {"BodyOverrun",
     [](auto& b) {
       b.bodies[2] = {0, 0x41};
     },
     "MALFORMED", "function body"},
    {"MissingBody", [](auto& b) { b.bodies.pop_back(); }, "MALFORMED", "3 functions"},
    {"DuplicateExport", [](auto& b) { b.exports.push_back(b.exports.back()); }, "MALFORMED",
     "exported twice"},
    {"ExportOfNothing", [](auto& b) { b.exports[1] = b.Export("watm_init_v1", 90); }, "MALFORMED",
     "function 90"},
    {"TypeOfNothing", [](auto& b) { b.functions[0] = {90}; }, "MALFORMED", "type 90"},
};

TEST(Inspector, RefusesWhatIsNotAWatm) {
  for (const BendCase& c : kBendCases) {
    ModuleBuilder builder;
    c.bend(builder);
    const auto result = InspectBytes(builder.Build());
    ASSERT_TRUE(result.error) << c.name;
    EXPECT_EQ(result.error->reason, c.reason) << c.name << ": " << result.error->message;
    EXPECT_THAT(result.error->message, HasSubstr(c.message)) << c.name;
  }
}

TEST(Inspector, AcceptsTheInstructionsThatToolchainsEmit) {
  ModuleBuilder builder;
  builder.bodies[2] = {
      1,    2,    0x7f,                                      // two i32 locals
      0x02, 0x40, 0x41, 1,    0x0d, 0,    0x0b,              // block, br_if
      0x41, 0,    0x0e, 2,    0,    0,    0,                 // br_table
      0x42, 0x7f, 0x1a, 0x43, 0,    0,    0,    0,    0x1a,  // i64.const, f32.const, drop
      0x44, 0,    0,    0,    0,    0,    0,    0,    0,     // f64.const
      0x41, 0,    0x28, 2,    0,    0x1a,                    // i32.load
      0xfc, 10,   0,    0,    0xfc, 11,   0,                 // memory.copy, memory.fill
      0xfd, 12,   0,    1,    2,    3,    4,    5,    6,
      7,    8,    9,    10,   11,   12,   13,   14,   15,  // v128.const
      0xfd, 21,   3,    0xc0, 0x3f, 0,    0xd0, 0x70,      // lane, extend8_s, memory.size, ref.null
      0x11, 0,    0,    0x1c, 1,    0x7f, 0x0b};
  EXPECT_EQ(ReasonOf(InspectBytes(builder.Build())), "");
}

TEST(Inspector, NamesTheKindOfNonsense) {
  const ModuleBytes good = ModuleBuilder().Build();
  EXPECT_EQ(ReasonOf(InspectBytes({})), "NOT_WASM");
  EXPECT_EQ(ReasonOf(InspectBytes({'E', 'L', 'F'})), "NOT_WASM");
  EXPECT_EQ(ReasonOf(InspectBytes({0, 'a', 's', 'm', 9, 0, 0, 0})), "NOT_WASM");
  EXPECT_EQ(ReasonOf(InspectBytes({0, 'a', 's', 'm', 13, 0, 1, 0})), "COMPONENT");
  EXPECT_EQ(ReasonOf(InspectBytes(good + ModuleBytes{99, 0})), "MALFORMED");
  EXPECT_EQ(ReasonOf(InspectBytes(good + ModuleBytes{1, 1, 0})), "MALFORMED");
  EXPECT_EQ(ReasonOf(InspectBytes(good + ModuleBytes{13, 0})), "MALFORMED");
  EXPECT_EQ(ReasonOf(InspectBytes(good + ModuleBytes{0, 3, 1, 'x', 7})), "");
  EXPECT_EQ(ReasonOf(InspectBytes(good, {.module_byte_count_max = good.size() - 1})), "TOO_LARGE");
  EXPECT_EQ(ReasonOf(InspectBytes(good, {.function_count_max = 4})), "LIMIT_EXCEEDED");
  EXPECT_EQ(ReasonOf(InspectBytes(good, {.name_byte_count_max = 4})), "LIMIT_EXCEEDED");
}

// No prefix is a module, none crashes, and cutting within a section is told as such.
TEST(Inspector, RefusesEveryPrefix) {
  const ModuleBytes good = ModuleBuilder().Build();
  for (size_t size = 0; size < good.size(); ++size) {
    const auto result = InspectBytes(ModuleBytes(good.begin(), good.begin() + size));
    ASSERT_TRUE(result.error) << size;
  }
  EXPECT_EQ(ReasonOf(InspectBytes(ModuleBytes(good.begin(), good.end() - 1))), "TRUNCATED");
  EXPECT_EQ(ReasonOf(InspectBytes(ModuleBytes(good.begin(), good.begin() + 5))), "TRUNCATED");
}

// Every byte of the module replaced by others: an answer, never a crash.
TEST(Inspector, SurvivesEveryByteFlipped) {
  const ModuleBytes good = ModuleBuilder().Build();
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff, good[at] ^ 0x40}) {
      ModuleBytes bent = good;
      bent[at] = static_cast<uint8_t>(value);
      const auto result = InspectBytes(bent);
      EXPECT_NE(result.info.has_value(), result.error.has_value());
    }
  }
}

TEST(Inspector, BoundsMemoryByRewriting) {
  struct Case {
    ModuleBytes declared;
    uint64_t byte_count_max;
    uint64_t want;
  };
  const Case cases[] = {
      {{0, 2}, 1 << 20, 1 << 20},
      {{0, 2}, 131'072 + 100, 131'072},
      {{1, 2, 4}, 1 << 20, 4 * 65'536},
      {{1, 2, 0x80, 0x80, 0x04}, 256u << 20, 256u << 20},
      {{0, 2}, UINT64_MAX, uint64_t{4} << 30},
  };
  for (const Case& c : cases) {
    ModuleBuilder builder;
    builder.memories = {c.declared};
    const auto result = InspectBytes(WithMemoryMaximum(builder.Build(), c.byte_count_max));
    ASSERT_TRUE(result.info) << result.error->message;
    EXPECT_EQ(result.info->memory_minimum_byte_count, 131'072u);
    EXPECT_EQ(result.info->memory_maximum_byte_count, c.want);
    EXPECT_THAT(result.info->roles, ElementsAre(Role::kDialer));
  }
}

}  // namespace
}  // namespace penstock::wasm

#include "runtime/v8/trap.h"

#include <string_view>
#include <utility>

namespace penstock::engine {
namespace {

struct KnownTrap {
  std::string_view text;  // part of V8's message (messages.h, MessageTemplate::kWasmTrap*)
  TrapCause cause;
};

constexpr KnownTrap kKnownTraps[] = {
    {"unreachable", TrapCause::kUnreachable},
    {"memory access out of bounds", TrapCause::kMemoryOutOfBounds},
    {"Maximum call stack size exceeded", TrapCause::kStackOverflow},
};

std::string TextOf(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  const v8::String::Utf8Value text(isolate, value);
  return *text == nullptr ? std::string() : std::string(*text, static_cast<size_t>(text.length()));
}

}  // namespace

GuestTrap DescribeTrap(v8::Isolate* isolate, v8::Local<v8::Context> context,
                       const v8::TryCatch& caught) {
  // The first line is enough to classify; the rest holds names that the guest chose.
  const std::string title =
      caught.Message().IsEmpty() ? std::string() : TextOf(isolate, caught.Message()->Get());
  GuestTrap trap{.cause = TrapCause::kOther, .message = title};
  for (const KnownTrap& known : kKnownTraps) {
    if (title.find(known.text) != std::string::npos) trap.cause = known.cause;
  }
  v8::Local<v8::Value> stack;
  if (caught.StackTrace(context).ToLocal(&stack) && stack->IsString()) {
    trap.message = TextOf(isolate, stack);
  }
  if (trap.message.size() > kTrapMessageByteCountMax) trap.message.resize(kTrapMessageByteCountMax);
  return trap;
}

}  // namespace penstock::engine

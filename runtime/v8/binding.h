#pragma once

#include "runtime/v8/compat.h"

namespace penstock::engine {

// The callback of every import: `data` is an External of a BoundFunction. Decodes the arguments,
// calls the row on the instance's object, returns its i32. A trap unwinds the guest by an exception
// that nothing in it can catch (the inspector rejects exception opcodes); the instance remembers
// the trap itself.
void CallHostFunction(const v8::FunctionCallbackInfo<v8::Value>& info);

}  // namespace penstock::engine

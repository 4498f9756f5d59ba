#pragma once

#include "runtime/v8/compat.h"

namespace penstock::engine {

// The process's V8 platform. Precondition: InitEngine() succeeded.
v8::Platform& Platform();

// What every isolate allocates array buffers with. Lives for ever.
v8::ArrayBuffer::Allocator& Allocator();

// Runs the tasks that V8 has posted for `isolate`, which must be entered.
void RunPostedTasks(v8::Isolate* isolate);

// Disposes an isolate that is not entered and that nothing else refers to.
void DisposeIsolate(v8::Isolate* isolate);

// A V8 string of `text`, which must be shorter than V8's limit (512 MiB).
v8::Local<v8::String> ToV8(v8::Isolate* isolate, std::string_view text);

}  // namespace penstock::engine

#include "runtime/v8/instance.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <array>
#include <utility>

#include "base/check.h"
#include "base/status.h"
#include "runtime/v8/compat.h"
#include "runtime/v8/counting.h"
#include "runtime/v8/isolate_host.h"
#include "runtime/v8/platform.h"
#include "runtime/v8/trap.h"

namespace penstock::engine {
namespace {

// Stack that V8's runtime and our host functions may use beyond the guest's limit. Sanitized frames
// are several times as big.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kStackMarginByteCount = 256 * 1024;
#else
constexpr size_t kStackMarginByteCount = 96 * 1024;
#endif

// Most parameters of any export of WATM v1.
constexpr size_t kExportParamsMax = 4;

}  // namespace

struct Instance::Handles {
  v8::Global<v8::Object> exports;
  // The memory's bytes. V8 grows memories in place (they lie in a reservation of the largest size),
  // so the store is the same for an instance's life and reports the new length.
  std::shared_ptr<v8::BackingStore> memory;
};

class Instance::Running {
 public:
  explicit Running(Instance& instance)
      : instance_(instance), fiber_(*instance.context_.scheduler.current()) {
    instance_.isolate()->Enter();
    const std::byte* const low = instance_.context_.scheduler.stack_low(fiber_);
    instance_.isolate()->SetStackLimit(reinterpret_cast<uintptr_t>(low + kStackMarginByteCount));
    instance_.context_.scheduler.SetObserver(fiber_, &instance_);
    instance_.OnRunStart();
  }
  ~Running() {
    instance_.OnRunEnd();
    instance_.context_.scheduler.SetObserver(fiber_, nullptr);
    instance_.isolate()->Exit();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Instance& instance_;
  Fiber& fiber_;
};

Instance::Instance(const InstanceContext& context, std::unique_ptr<IsolateHost> host,
                   ReturnHost return_host, InstanceOptions options)
    : context_(context),
      options_(std::move(options)),
      return_host_(std::move(return_host)),
      host_(std::move(host)),
      handles_(std::make_unique<Handles>()) {
  host_->Bind(this);
  Add(context_.counters.instance_count, 1);
}

absl::StatusOr<std::unique_ptr<Instance>> Instance::Create(const InstanceContext& context,
                                                           std::unique_ptr<IsolateHost> host,
                                                           ReturnHost return_host,
                                                           InstanceOptions options) {
  PENSTOCK_CHECK(context.scheduler.current() != nullptr);
  std::unique_ptr<Instance> instance(
      new Instance(context, std::move(host), std::move(return_host), std::move(options)));
  Add(context.counters.instantiate_count, 1);
  RETURN_IF_ERROR(instance->Instantiate());
  return instance;
}

Instance::~Instance() {
  if (handles_->memory != nullptr && handles_->memory->ByteLength() > 0) {
    // Nobody can reach the memory any more, but V8 unmaps it with its next collection only.
    (void)madvise(handles_->memory->Data(), handles_->memory->ByteLength(), MADV_DONTNEED);
  }
  handles_.reset();
  Add(context_.counters.guest_memory_byte_count, -reported_memory_byte_count_);
  Add(context_.counters.instance_count, -1);
  host_->Bind(nullptr);
  return_host_(std::move(host_));
}

absl::Status Instance::Instantiate() {
  const Running running(*this);
  const v8::HandleScope handles(isolate());
  const v8::Local<v8::Context> context = host_->context();
  const v8::Context::Scope context_scope(context);
  v8::TryCatch caught(isolate());
  v8::Local<v8::Object> exports;
  const bool made = host_->Instantiate(caught).ToLocal(&exports);
  if (stop_ != Stop::kNone) return absl::AbortedError(OutcomeOfStop().message);
  if (!made) {
    // Memory that cannot be had is a RangeError; the rest is the guest's start function.
    const std::string message = OutcomeOfTrap(caught).message;
    return message.find("could not allocate memory") != std::string::npos ||
                   message.find("Out of memory") != std::string::npos
               ? absl::ResourceExhaustedError(message)
               : absl::AbortedError(message);
  }
  handles_->exports.Reset(isolate(), exports);
  v8::Local<v8::Value> memory;
  if (exports->Get(context, ToV8(isolate(), "memory")).ToLocal(&memory) &&
      memory->IsWasmMemoryObject()) {
    handles_->memory = memory.As<v8::WasmMemoryObject>()->Buffer()->GetBackingStore();
  }
  ReportMemory();
  return absl::OkStatus();
}

bool Instance::HasExport(std::string_view name) const {
  const v8::Isolate::Scope isolate_scope(isolate());
  const v8::HandleScope handles(isolate());
  const v8::Context::Scope context_scope(host_->context());
  v8::Local<v8::Value> value;
  return handles_->exports.Get(isolate())
             ->Get(host_->context(), ToV8(isolate(), name))
             .ToLocal(&value) &&
         value->IsFunction();
}

watm::CallOutcome Instance::Call(std::string_view name, std::span<const int32_t> args) {
  PENSTOCK_CHECK(args.size() <= kExportParamsMax);
  // A guest that was stopped once stays stopped.
  if (stop_ != Stop::kNone) return OutcomeOfStop();
  const Running running(*this);
  return CallEntered(name, args);
}

watm::CallOutcome Instance::CallEntered(std::string_view name, std::span<const int32_t> args) {
  const v8::HandleScope handles(isolate());
  const v8::Local<v8::Context> context = host_->context();
  const v8::Context::Scope context_scope(context);
  v8::TryCatch caught(isolate());
  v8::Local<v8::Value> function;
  const bool found =
      handles_->exports.Get(isolate())->Get(context, ToV8(isolate(), name)).ToLocal(&function) &&
      function->IsFunction();
  PENSTOCK_CHECK(found);
  std::array<v8::Local<v8::Value>, kExportParamsMax> values;
  for (size_t i = 0; i < args.size(); ++i) values[i] = v8::Int32::New(isolate(), args[i]);
  trap_.reset();
  v8::Local<v8::Value> result;
  const bool returned =
      function.As<v8::Function>()
          ->Call(context, context->Global(), static_cast<int>(args.size()), values.data())
          .ToLocal(&result);
  if (stop_ != Stop::kNone) return OutcomeOfStop();
  if (!returned) return OutcomeOfTrap(caught);
  return {.kind = watm::CallOutcome::Kind::kReturned,
          .value = result->IsInt32() ? result.As<v8::Int32>()->Value() : 0,
          .message = {}};
}

watm::CallOutcome Instance::OutcomeOfTrap(const v8::TryCatch& caught) {
  using Kind = watm::CallOutcome::Kind;
  if (trap_) {
    switch (trap_->kind) {
      case wasi::Trap::Kind::kExit:
        return {
            .kind = Kind::kExited, .value = static_cast<int32_t>(trap_->exit_code), .message = {}};
      case wasi::Trap::Kind::kCancelled:
        return {.kind = Kind::kCancelled, .message = std::move(trap_->message)};
      case wasi::Trap::Kind::kViolation:
        Add(context_.counters.trap_count[static_cast<size_t>(TrapCause::kOther)], 1);
        return {.kind = Kind::kTrapped, .message = std::move(trap_->message)};
    }
  }
  GuestTrap trap = DescribeTrap(isolate(), host_->context(), caught);
  Add(context_.counters.trap_count[static_cast<size_t>(trap.cause)], 1);
  return {.kind = Kind::kTrapped, .message = std::move(trap.message)};
}

watm::CallOutcome Instance::OutcomeOfStop() {
  using Kind = watm::CallOutcome::Kind;
  isolate()->CancelTerminateExecution();
  switch (stop_) {
    case Stop::kCpuLimit:
      return {.kind = Kind::kCpuLimit,
              .message = fmt::format("ran for {} ms of CPU time without waiting for anything",
                                     options_.cpu_burst_max / std::chrono::milliseconds(1))};
    case Stop::kMemoryLimit:
      return {.kind = Kind::kMemoryLimit, .message = "exhausted the engine's heap"};
    case Stop::kNone:
    case Stop::kCancelled:
      break;
  }
  return {.kind = Kind::kCancelled, .message = "cancelled while running"};
}

void Instance::Terminate(Stop reason) {
  if (stop_ == Stop::kNone) stop_ = reason;
  host_->MarkUnusable();
  isolate()->TerminateExecution();
}

std::span<uint8_t> Instance::Bytes() {
  if (handles_->memory == nullptr) return {};
  return {static_cast<uint8_t*>(handles_->memory->Data()), handles_->memory->ByteLength()};
}

wasi::HostResult Instance::CallHost(const wasi::HostFunction& row, size_t table_index,
                                    const uint64_t* args) {
  Add(context_.counters.host_call_count, 1);
  wasi::HostCall call(*this, context_.scheduler);
  return row.call(options_.import_objects[table_index], call, args);
}

void Instance::OnHeapExhausted() { Terminate(Stop::kMemoryLimit); }

void Instance::OnRunStart() {
  burst_ = std::chrono::nanoseconds(0);
  burst_payload_byte_count_ = PayloadByteCount();
  context_.preemptor.Enter(*this);
  context_.preemptor.meter().Start();
}

void Instance::OnRunEnd() {
  ChargeCpu();
  context_.preemptor.Leave();
  ReportMemory();
}

void Instance::OnSuspend() {
  ChargeCpu();
  if (context_.scheduler.parked(*context_.scheduler.current())) burst_ = {};
  context_.preemptor.Leave();
  ReportMemory();
  isolate()->Exit();
}

void Instance::OnResume() {
  isolate()->Enter();
  context_.preemptor.Enter(*this);
  context_.preemptor.meter().Start();
  // Host functions yield for guests that only spin through them, which then never fill a slice.
  if (burst_ > options_.cpu_burst_max && BurstOver()) Terminate(Stop::kCpuLimit);
}

v8::Isolate* Instance::isolate() const { return host_->isolate(); }

void Instance::OnSliceOver() {
  ChargeCpu();
  if (BurstOver()) return Terminate(Stop::kCpuLimit);
  const Fiber& fiber = *context_.scheduler.current();
  if (!context_.scheduler.cancelled(fiber)) {
    Add(context_.counters.preempt_count, 1);
    context_.scheduler.Yield();
  }
  if (context_.scheduler.cancelled(fiber)) Terminate(Stop::kCancelled);
}

bool Instance::BurstOver() {
  if (const uint64_t moved = PayloadByteCount(); moved != burst_payload_byte_count_) {
    burst_payload_byte_count_ = moved;
    burst_ = {};
  }
  return burst_ > options_.cpu_burst_max;
}

void Instance::ChargeCpu() {
  const std::chrono::nanoseconds spent = context_.preemptor.meter().Lap();
  burst_ += spent;
  Add(options_.session->cpu_ns, static_cast<uint64_t>(spent.count()));
  Add(context_.counters.guest_cpu_ns, static_cast<uint64_t>(spent.count()));
}

void Instance::ReportMemory() {
  const uint64_t now = Bytes().size();
  if (now == reported_memory_byte_count_) return;
  Add(context_.counters.guest_memory_byte_count, now - reported_memory_byte_count_);
  reported_memory_byte_count_ = now;
  options_.session->memory_byte_count.store(now, std::memory_order_relaxed);
}

uint64_t Instance::PayloadByteCount() const {
  uint64_t sum = 0;
  for (const SharedCounter& count : options_.session->byte_count) {
    sum += count.load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace penstock::engine

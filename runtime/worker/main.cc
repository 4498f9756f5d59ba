// penstock-worker: carries sessions for penstockd. Started by it only, with its end of the channel
// at descriptor 3 and the shared counters at 4; standard error is its log.
//
//   penstock-worker            serves until it is told to end or the channel closes
//   penstock-worker --inspect  answers one InspectModule (no counters), then ends

#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/shared_counters.h"
#include "base/status.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/v8/engine.h"
#include "runtime/worker/worker.h"

namespace penstock::worker {
namespace {

constexpr int kChannelFd = 3;
constexpr int kCountersFd = 4;

// Whatever else the parent had open is not ours.
void CloseFrom(int first) { (void)syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0); }

absl::Status Inspect() {
  CloseFrom(kChannelFd + 1);
  RETURN_IF_ERROR(engine::InitEngine({}));
  return RunInspector(UniqueFd(kChannelFd));
}

absl::Status Serve() {
  CloseFrom(kCountersFd + 1);
  ASSIGN_OR_RETURN(SharedCounters counters, SharedCounters::Attach(UniqueFd(kCountersFd)));
  RETURN_IF_ERROR(engine::InitEngine({}));
  ASSIGN_OR_RETURN(std::unique_ptr<Worker> worker,
                   Worker::Create(UniqueFd(kChannelFd), std::move(counters)));
  const absl::Status status = worker->Run();
  // Sessions that are left stand on their fibers and cannot be destroyed; the process ends instead.
  (void)worker.release();
  return status;
}

absl::Status Run(bool inspect) {
  RETURN_IF_ERROR(sandbox::Enter());
  return inspect ? Inspect() : Serve();
}

int Main(int argc, char** argv) {
  log::Init(log::Level::kInfo, log::Format::kAuto);
  (void)std::signal(SIGPIPE, SIG_IGN);
  const bool inspect = argc == 2 && std::string_view(argv[1]) == "--inspect";
  if (argc != 1 && !inspect) {
    log::Error("usage: penstock-worker [--inspect]; penstockd starts it");
    return EXIT_FAILURE;
  }
  const absl::Status status = Run(inspect);
  if (status.ok()) return EXIT_SUCCESS;
  log::Error("worker ends", {{"error", MessageOf(status)}});
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace penstock::worker

int main(int argc, char** argv) {
  // V8's threads outlive main(): nothing static may be destroyed under them.
  _exit(penstock::worker::Main(argc, argv));
}

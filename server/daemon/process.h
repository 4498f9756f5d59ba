#pragma once

namespace penstock::daemon {

// What must hold for the whole process before it has threads: no death by SIGPIPE, as many
// descriptors as the hard limit allows, and gRPC's own messages among ours.
void PrepareProcess();

}  // namespace penstock::daemon

#pragma once

#include <asio/io_context.hpp>
#include <memory>

#include "server/net/listener.h"

namespace penstock::net {

// Listeners of real sockets. Borrows `io`, which must outlive the factory and its listeners.
//
// A name listens on every address that it resolves to when it is bound, all with one port; that
// lookup blocks the caller for at most a second.
std::unique_ptr<ListenerFactory> MakeListenerFactory(asio::io_context& io);

}  // namespace penstock::net

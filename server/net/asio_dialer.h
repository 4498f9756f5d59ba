#pragma once

#include <asio/io_context.hpp>
#include <memory>

#include "server/net/dialer.h"
#include "server/net/resolver.h"

namespace penstock::net {

// A dialer of real sockets. Borrows `io` and `resolver`, which must outlive it and its handles.
std::unique_ptr<Dialer> MakeDialer(asio::io_context& io, Resolver& resolver);

}  // namespace penstock::net

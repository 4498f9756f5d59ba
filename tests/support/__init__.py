"""What the tests and scripts/demo share: the daemon as a process, its API, sockets, modules."""

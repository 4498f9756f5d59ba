"""A transport of any module in any role that leads to a given backend."""

# What the Go module's WATMs dial when they choose for themselves.
REAL_FIXED_PORT = 7700

NETWORK_ROLES = ("dialer", "listener", "relay")
ALL_ROLES = ("dialer", "dialer_fixed", "listener", "relay")


def target_fields(role, backend, own_fixed=True):
    """The fields of a Transport that make it lead to `backend`.

    `own_fixed`: whether a module that picks its address is the project's `fixed`, which reads it
    from its configuration, or a real one, which dials localhost:7700.
    """
    if role == "listener":
        return {"upstream": backend.address}
    if role == "dialer_fixed":
        if not own_fixed:
            return {"dial_allow": [f"localhost:{REAL_FIXED_PORT}"]}
        return {"dial_allow": [backend.host_port],
                "configuration": {"watm_cfg": backend.host_port.encode()}}
    return {"remote": backend.address}

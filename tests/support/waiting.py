"""Waiting for a condition, never for a time."""

import time


def eventually(condition, timeout=10.0, what=None, interval=0.02):
    """Calls `condition` until it returns something true, and returns that.

    An AssertionError in it counts as "not yet". Fails after `timeout` seconds, with the last one or
    with `what`, which may be a function.
    """
    deadline = time.monotonic() + timeout
    while True:
        failure = None
        try:
            result = condition()
            if result:
                return result
        except AssertionError as error:
            failure = error
        if time.monotonic() >= deadline:
            if failure is not None:
                raise failure
            text = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {text or condition}")
        time.sleep(interval)

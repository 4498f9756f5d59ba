"""What modules do to bytes, and how to check it."""

import os

_BITS_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_PIECE_MAX = 1 << 20


def random_bytes(size):
    return os.urandom(size)


def bits_reversed(data):
    """What the project's own reverse module makes of `data`."""
    return data.translate(_BITS_REVERSED)


def same(sent, received):
    """Asserts that nothing changed, without printing megabytes."""
    assert len(received) == len(sent), f"{len(received)} bytes of {len(sent)}"
    assert received == sent, f"differs from byte {_first_difference(sent, received)} on"


def pieces_reversed(sent, received):
    """Asserts that `received` is `sent` with the bytes of each piece reversed, whatever the pieces.

    That is what the Go module's reverse.wasm does with what it happens to read at once. The stream
    is followed piece by piece, so every byte is checked; `sent` must be random.
    """
    assert len(received) == len(sent), f"{len(received)} bytes of {len(sent)}"
    at = 0
    while at < len(sent):
        size = _piece_size(sent, received, at)
        assert received[at:at + size] == sent[at:at + size][::-1], f"differs in the piece at {at}"
        at += size


def _piece_size(sent, received, at):
    """Size of the piece that begins at `at`: its last bytes come first in `received`."""
    tail = received[at:at + 8][::-1]
    found = sent.find(tail, at, at + _PIECE_MAX)
    if len(tail) == 8 and found >= 0:
        return found - at + 8
    for size in range(1, 8):
        if received[at:at + size] == sent[at:at + size][::-1]:
            return size
    raise AssertionError(f"no piece of the sent bytes begins at {at}")


def _first_difference(a, b):
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high) // 2
        if a[:middle + 1] == b[:middle + 1]:
            low = middle + 1
        else:
            high = middle
    return low

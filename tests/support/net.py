"""Sockets for tests: clients, and backends that do one thing with each connection."""

import hashlib
import socket
import struct
import threading

TIMEOUT = 30  # seconds that any single call may take; a hang fails, it does not stall the suite
PIECE = 64 * 1024


def connect(address, timeout=TIMEOUT):
    """A connected socket to "tcp://host:port", "host:port" or "unix:///path"."""
    if address.startswith("unix://"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        sock.connect(address.removeprefix("unix://"))
        return sock
    host, port = split(address)
    return socket.create_connection((host, port), timeout)


def split(address):
    """(host, port) of "tcp://host:port" or "host:port", brackets removed."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host.strip("[]"), int(port)


def receive_exactly(sock, size):
    """`size` bytes, or fewer when the stream ends."""
    pieces, missing = [], size
    while missing > 0:
        piece = sock.recv(min(missing, 1 << 20))
        if not piece:
            break
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def receive_all(sock):
    """Everything until the stream ends."""
    return b"".join(iter(lambda: sock.recv(1 << 20), b""))


def ended(sock):
    """Whether the peer ended the connection, by FIN or RST: waits for either."""
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True


def reset(sock):
    """Closes with an RST, as a client that vanishes."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def exchange(address, data):
    """What an echo through `address` makes of `data`, in one piece there and back."""
    with connect(address) as sock:
        sock.sendall(data)
        return receive_exactly(sock, len(data))


def send_in_background(sock, data, then=None):
    """Sends while the caller does something else; calls then(sock) at the end."""
    def run():
        try:
            sock.sendall(data)
            if then is not None:
                then(sock)
        except OSError:
            pass  # the reader's side will say what is missing
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def shut_write(sock):
    sock.shutdown(socket.SHUT_WR)


def unused_port(host="127.0.0.1"):
    """A port at which nothing listens now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]


class Backend:
    """Accepts, and calls handler(sock, backend) on a thread for each connection."""

    def __init__(self, handler, host="127.0.0.1", port=0, path=None):
        if path is not None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen(512)
            self.address, self.port = f"unix://{path}", None
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.create_server((host, port), family=family, backlog=512)
            self.port = self._listener.getsockname()[1]
            shown = f"[{host}]" if ":" in host else host
            self.address = f"tcp://{shown}:{self.port}"
        self._handler = handler
        self._lock = threading.Lock()
        self.accepted = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def host_port(self):
        return self.address.removeprefix("tcp://")

    def _serve(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(TIMEOUT)
            with self._lock:
                self.accepted.append(sock)
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        try:
            self._handler(sock, self)
        except OSError:
            pass  # a peer that went away; tests look at their own end

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self.accepted:
                sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def echo(sock, _):
    """Sends everything back, then the end."""
    while piece := sock.recv(PIECE):
        sock.sendall(piece)
    sock.close()


def hold(_sock, _backend):
    """Keeps the connection open and does nothing."""


class Collector:
    """Handler: keeps everything that one connection sends, and knows when it ended."""

    def __init__(self):
        self.received = bytearray()
        self.done = threading.Event()
        self.clean = None  # whether it ended by FIN

    def __call__(self, sock, _):
        try:
            while piece := sock.recv(1 << 20):
                self.received += piece
            self.clean = True
        except OSError:
            self.clean = False
        finally:
            sock.close()
            self.done.set()

    def wait(self, timeout=TIMEOUT):
        assert self.done.wait(timeout), f"no end after {len(self.received)} bytes"
        return bytes(self.received)


def source(data):
    """Handler: sends `data`, then closes."""
    def run(sock, _):
        sock.sendall(data)
        sock.close()
    return run


def recording_echo(received):
    """Handler: as echo(); appends what it received to the bytearray."""
    def run(sock, _):
        while piece := sock.recv(PIECE):
            received.extend(piece)
            sock.sendall(piece)
        sock.close()
    return run


class Tap(Backend):
    """A proxy that records what passes in both directions."""

    def __init__(self, target, port=0):
        self.target = target
        self.upward, self.downward = bytearray(), bytearray()
        super().__init__(self._relay, port=port)

    def _relay(self, sock, _):
        onward = connect(self.target)
        down = threading.Thread(target=self._copy, args=(onward, sock, self.downward), daemon=True)
        down.start()
        self._copy(sock, onward, self.upward)
        down.join()
        onward.close()
        sock.close()

    @staticmethod
    def _copy(source_, sink, record):
        try:
            while piece := source_.recv(PIECE):
                record.extend(piece)
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def digest(data):
    return hashlib.sha256(data).hexdigest()

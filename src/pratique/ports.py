"""A port of this machine, taken for listening, or refused in the one way in which a busy port is told.

In: an address. Out: a socket that listens. Every server of ours binds here, so that a person reads the same
words whichever of them finds its port taken.
"""

from __future__ import annotations

import errno
import socket

from pratique.errors import UnavailableError

CURE = "stop that program, or choose other ports (`pratique up --port-base`, `pratique serve --listen`)"
BACKLOG = 512


def listen(host: str, port: int, *, cure: str = CURE) -> socket.socket:
    """Return a non-blocking socket that listens on `host` (a name, IPv4 or IPv6); port 0 takes a free one.

    Raises UnavailableError with the port's number; `cure` is its hint when another program has the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise UnavailableError(
                f"port `{port}` on `{host}` is in use by another program", hint=cure
            ) from None
        raise UnavailableError(
            f"cannot listen on port `{port}` of `{host}`: {error.strerror or error}",
            hint="give an address of this machine, and a port from 1024 on unless you are root",
        ) from None
    listening.setblocking(False)
    return listening

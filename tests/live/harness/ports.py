# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ports of the loopback interface that nobody takes before Dovecot does."""

import socket

# Below those that the kernel gives to clients. Each process that starts a
# Dovecot has a block of them to itself, as long as it holds the first one.
_FIRST = 10240
_BLOCK = 128
_BLOCKS = 160

_held = None
_next = 1


def _bound(port, reuse=True):
    """A socket with that port, or None. reuse: also if the last connection
    there has just ended, as Dovecot would."""
    sock = socket.socket()
    if reuse:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        return None
    return sock


def _hold_block():
    global _held
    for number in range(_BLOCKS):
        _held = _bound(_FIRST + number * _BLOCK, reuse=False)
        if _held is not None:
            return
    raise RuntimeError("no ports are left")


def free_ports(count):
    """Returns a list of them; those given longest ago come again last."""
    global _next
    if _held is None:
        _hold_block()
    ports = []
    for _ in range(2 * _BLOCK):
        if len(ports) == count:
            return ports
        port = _held.getsockname()[1] + _next
        _next = _next % (_BLOCK - 1) + 1
        sock = _bound(port)
        if sock is not None:
            sock.close()
            ports.append(port)
    raise RuntimeError("no ports are left in this block")

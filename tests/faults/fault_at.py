# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Dovecot whose pop3 processes fail, or die, at the call that one names."""

import errno
import mmap
import os
import shutil
import struct

from harness import Dovecot

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "fault-at.c")

# As in fault-at.c
COUNT, FAIL, FAIL_ON, KILL, TORN = range(5)
_HEADER = struct.Struct("=8I512s512s")
_SIZE = _HEADER.size + 256 * 1024

# name -> (mode, errno)
FAULTS = {
    "kill": (KILL, 0),
    "torn": (TORN, 0),
    "EIO": (FAIL, errno.EIO),
    "ENOSPC": (FAIL, errno.ENOSPC),
    "EDQUOT": (FAIL, errno.EDQUOT),
    "EROFS": (FAIL, errno.EROFS),
    "EIO from there on": (FAIL_ON, errno.EIO),
    "disk full": (FAIL_ON, errno.ENOSPC),
    "quota full": (FAIL_ON, errno.EDQUOT),
    "read-only": (FAIL_ON, errno.EROFS),
}


def is_deadly(fault):
    return FAULTS[fault][0] in (KILL, TORN)


class Control:
    """The memory that a test shares with the preloaded library."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.truncate(_SIZE)
        os.chmod(path, 0o666)
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _SIZE)

    def arm(self, folder, mode, error, number):
        """From now on calls that change something below folder, a path as
        Dovecot sees it, are counted from 1."""
        _HEADER.pack_into(self._memory, 0, 0, mode, error, number, 0, 0, 0, 0,
                          folder.encode(), b"")
        struct.pack_into("=I", self._memory, 0, 1)

    def watch(self, folder):
        """Files below folder are noted, so that arm() in the middle of a
        session knows them."""
        self.arm(folder, COUNT, 0, 0)

    def disarm(self):
        struct.pack_into("=I", self._memory, 0, 0)

    def _fields(self):
        return _HEADER.unpack_from(self._memory, 0)

    @property
    def count(self):
        return self._fields()[4]

    @property
    def struck(self):
        """The call at which the fault struck, or None."""
        fields = self._fields()
        if fields[5] == 0:
            return None
        return fields[9].split(b"\0", 1)[0].decode(errors="replace")

    def calls(self):
        """[(name, path)] of all calls."""
        size = self._fields()[6]
        text = self._memory[_HEADER.size:_HEADER.size + size].decode()
        return [tuple(line.split(" ", 1)) for line in text.splitlines()]


def start(target, **arguments):
    """Starts a Dovecot; arguments as Dovecot's. Returns it and its Control."""
    dovecot = Dovecot(target, **arguments)
    shutil.copy(SOURCE, dovecot.host_base)
    # In its own root: a library of a newer libc does not load in an older.
    target.run_in_root(
        ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared",
         "-fPIC", "-o", dovecot.base + "/fault-at.so",
         dovecot.base + "/fault-at.c"])
    control = Control(os.path.join(dovecot.host_base, "fault-control"))
    environment = dict(dovecot.environment,
                       FAULT_CONTROL=dovecot.base + "/fault-control")
    environment["LD_PRELOAD"] = "%s/fault-at.so:%s" % (
        dovecot.base, environment["LD_PRELOAD"])
    with open(os.path.join(dovecot.host_base, "dovecot.conf"), "a") as file:
        file.write("service pop3 {\n  executable = /usr/bin/env %s %s/pop3\n"
                   "}\n" % (" ".join("%s=%s" % item
                                     for item in environment.items()),
                            dovecot.libexec))
    dovecot.start()
    return dovecot, control

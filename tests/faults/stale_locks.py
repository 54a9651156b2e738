# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lock files that nobody will remove.

A process that was killed leaves some; one that may not remove files any more
waits for its own. Dovecot takes a lock file away when it has watched it for
two seconds, or for two minutes if no process ID could be written into it.
That is Dovecot's; here, time passes quicker."""

import os
import threading

# seconds
PATIENCE = 3


def _locks(folder):
    """{path: what tells this lock from a later one}"""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            if name.endswith((".lock", ".newlock")):
                lock = os.path.join(path, name)
                try:
                    stat = os.lstat(lock)
                except FileNotFoundError:
                    continue
                found[lock] = (stat.st_ino, stat.st_mtime_ns)
    return found


def _remove(lock):
    try:
        os.unlink(lock)
    except FileNotFoundError:
        pass


def remove_locks(folder):
    """Removes all at once."""
    for lock in _locks(folder):
        _remove(lock)


class StaleLocks:
    """A with block, during which lock files that stay as they are for
    PATIENCE seconds are removed."""

    def __init__(self, folder):
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        seen = {}
        while not self._ended.wait(PATIENCE):
            now = _locks(self._folder)
            for lock in now:
                if seen.get(lock) == now[lock]:
                    _remove(lock)
            seen = now

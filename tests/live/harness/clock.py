# SPDX-License-Identifier: LGPL-2.1-or-later
"""The clock of an instance's pop3, imap, lmtp and doveadm processes.

libfaketime reads the file at every call. Dovecot kills a live process whose
clock jumps back (its own doing), so move it between sessions.
"""

import os
import re
import time

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400,
          "y": 366 * 86400}


def seconds(text):
    """"15d", "1h", "30" (seconds) or a number -> seconds."""
    if isinstance(text, (int, float)):
        return int(text)
    match = re.fullmatch(r"([+-]?\d+)([smhdwy]?)", text)
    if match is None:
        raise ValueError("not a time: %r" % text)
    return int(match.group(1)) * _UNITS[match.group(2) or "s"]


class Clock:
    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.reset()

    def set(self, offset):
        """So far from the real time: "15d", "-1h", 0."""
        self.offset = seconds(offset)
        with open(self.path + ".new", "w") as file:
            file.write("%+d\n" % self.offset)
        os.rename(self.path + ".new", self.path)

    def advance(self, by):
        self.set(self.offset + seconds(by))

    def reset(self):
        self.set(0)

    def now(self):
        """What the instance's processes take for the time."""
        return time.time() + self.offset

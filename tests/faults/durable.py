# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is the copy on the disk before the original's removal is decided?

A crash of the machine can't be staged here. But what Dovecot asks the kernel
for can be seen: the copy's name and text have to be synced before the write
to the INBOX's index behind which there is no way back."""

import os
import re

_COPY = {
    "maildir": r"/\.Archive\.POP3/(cur|new)/",
    "sdbox": r"/Archive/POP3/dbox-Mails/u\.\d+$",
}
_ORIGINAL = {
    "maildir": r"/Maildir/(cur|new)/[^/]*$",
    "sdbox": r"/INBOX/dbox-Mails/u\.\d+$",
}
_INDEX = {
    "maildir": r"/Maildir/dovecot\.index\.log",
    "sdbox": r"/INBOX/dbox-Mails/dovecot\.index\.log",
}


def check_order(story, calls, check):
    if story.effect.action != "archive":
        return
    format_ = story.user.format
    copies = [i for i, (name, path) in enumerate(calls)
              if re.search(_COPY[format_], path) and
              name in ("rename", "link", "write", "pwrite")]
    removals = [i for i, (name, path) in enumerate(calls)
                if name == "unlink" and re.search(_ORIGINAL[format_], path)]
    check(copies and removals, "the trace shows no copy or no removal")
    folder = os.path.dirname(calls[copies[-1]][1])
    synced = [i for i, (name, path) in enumerate(calls)
              if name in ("fsync", "fdatasync") and
              i > copies[-1] and path.startswith(folder)]
    check(synced, "the archive is not synced")
    commits = [i for i, (name, path) in enumerate(calls)
               if name in ("write", "pwrite") and i < removals[0] and
               re.search(_INDEX[format_], path)]
    check(commits and commits[-1] > synced[0],
          "the removal is written to the index before the archive is synced")
    # All writes of the INBOX's index between copy and sync concern marks.
    check(removals[0] > synced[0], "a file goes before the archive is synced")

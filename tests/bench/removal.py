# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is removed: QUIT, archives, IMAP beside us, expiry."""

import glob
import os
import resource
import statistics
import subprocess
import time

from harness.dovecot import MAIL_GID, MAIL_UID
from commands import deles
from instances import Client, ImapClient
from mailboxes import MANY, restore
from policies import (ALLOW, ALLOW_ALL, ARCHIVE, EXPIRY, EXPIRY_FLAGS,
                      HIDE_ALL, HISTORY, HOLD, NO_JOURNAL)


def delete(client, _=None):
    client.answers(deles(MANY))
    client.quit()


def delete_not(client, _=None):
    client.answers(deles(MANY) + [b"RSET"])
    client.quit()


def measure_quit(bench):
    def quit_time(client, _=None):
        client.answers(deles(MANY))
        return client.quit()

    def quit_cpu(client, _=None):
        client.answers(deles(MANY))
        client.cpu_before = client.cpu()
        client.quit()

    # 1.06 for history alone, 1.10 with a journal
    for what, kind, policy, format, target in (
            ("no records", "many", ALLOW_ALL, "maildir", 1.10),
            ("retrieved before", "many-retrieved", ALLOW_ALL, "maildir",
             1.10),
            ("retrieved before, sdbox", "many-retrieved", ALLOW_ALL,
             "sdbox", 1.10),
            ("never fetched, sdbox", "many", ALLOW_ALL, "sdbox", None),
            ("`journal = off`", "many-retrieved", NO_JOURNAL, "maildir",
             1.06),
            ("`deny unretrieved`", "many-retrieved", HISTORY, "maildir",
             1.10),
            ("`allow` rules", "many-retrieved", ALLOW, "maildir",
             1.10)):
        what = "QUIT, %d removed, %s" % (MANY, what)
        bench.instruction_row(what, kind, policy, delete, target,
                             base=delete_not, per=MANY, format=format)
        bench.time_row(what + ", time", "ms", kind, policy, quit_time,
                      target, rounds=5, format=format)
        bench.time_row(what + ", CPU", "ms", kind, policy, quit_cpu,
                      target, rounds=5, format=format)
    for format in ("maildir", "sdbox"):
        bench.time_row("QUIT, %d hidden, not removed, %s, time" %
                      (MANY, format), "ms", "many", HIDE_ALL, quit_time, 0.25,
                      format=format, rounds=5)


def doveadm_instructions(bench, template, format, *args):
    instance = bench.callgrind[0]
    user = instance.user(None, format)
    restore(user, template)
    user.doveadm("mailbox create", "Archive")
    name = "callgrind.doveadm"
    path = os.path.join(instance.results, name)
    # It is written with the user's rights.
    with open(path, "w"):
        os.chown(path, MAIL_UID, MAIL_GID)
    dovecot = instance.dovecot
    result = dovecot.run(
        ["/usr/bin/valgrind", "--quiet", "--vgdb=no", "--tool=callgrind",
         # it executes doveconf, which executes it again
         "--trace-children=yes",
         "--callgrind-out-file=%s/results/%s" % (dovecot.base, name),
         "doveadm", "-c", dovecot.conf] +
        [arg if arg != "USER" else user.name for arg in args])
    if result.returncode != 0:
        raise RuntimeError("doveadm: %r" % result.stderr)
    return instance.result("doveadm")


def move_times(bench, user, template, query):
    """Seconds and CPU time of `doveadm move`."""
    restore(user, template)
    user.doveadm("mailbox create", "Archive")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    dovecot = user.dovecot
    result = dovecot.run(
        # without the clock that can be moved, as the pop3 process is
        ["env", "LD_PRELOAD=", "doveadm", "-c", dovecot.conf, "move", "-u",
         user.name, "Archive", "mailbox", "INBOX", *query])
    seconds = time.monotonic() - started
    if result.returncode != 0:
        raise RuntimeError("doveadm: %r" % result.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (seconds, after.ru_utime + after.ru_stime - before.ru_utime -
            before.ru_stime)


def archive_times(bench, what, kind, format):
    """Interleaved rounds of QUIT, and of doveadm less its start."""
    users = [instance.user(ARCHIVE, format) for instance in bench.cpu[:2]]
    templates = [bench.mailboxes.get(i, kind, ARCHIVE, format) for i in (0, 1)]
    seconds, cpu = ([], []), ([], [])
    for _ in range(5):
        moved, nothing = [move_times(bench, users[0], templates[0], query)
                          for query in (("all",), ("larger", "1G"))]
        restore(users[1], templates[1])
        client = Client(users[1])
        client.answers(deles(MANY))
        before = client.cpu()
        seconds[1].append(client.quit())
        client.end()
        cpu[1].append(bench.cpu[1].result(client.pid) / 1e9 - before)
        seconds[0].append(moved[0] - nothing[0])
        cpu[0].append(moved[1] - nothing[1])
    for unit, values in (("time", seconds), ("CPU", cpu)):
        bench.row("%s, %s" % (what, unit), "ms",
                 statistics.median(values[0]) * 1000,
                 statistics.median(values[1]) * 1000, 1.10,
                 statistics.median(b / a for a, b in zip(*values)))


def measure_archive(bench):
    """A QUIT that archives, and doveadm that moves the same mail."""
    for format, kind, when in (
            ("maildir", "many", ""), ("sdbox", "many", ", never fetched"),
            ("sdbox", "many-retrieved", ", retrieved before")):
        what = "%d archived, beside `doveadm move`, %s%s" % (
            MANY, format, when)
        if not bench.wanted(what):
            continue
        if "times" not in bench.args.skip:
            archive_times(bench, what, kind, format)
        if bench.callgrind is None or "instructions" in bench.args.skip:
            continue
        template = bench.mailboxes.get(0, kind, None, format)
        move, nothing = [doveadm_instructions(bench, 
            template, format, "move", "-u", "USER", "Archive", "mailbox",
            "INBOX", *key) for key in (("all",), ("larger", "1G"))]
        value = bench.instructions(1, kind, ARCHIVE, delete,
                                  delete_not, format)
        bench.row(what, "instructions", (move - nothing) / MANY,
                 value / MANY, 1.10)


def measure_imap(bench):
    """STORE and EXPUNGE of everything, less a session with SELECT."""
    def look(client, _=None):
        client.ok(client.imap.select("INBOX"))

    def remove(client, _=None):
        look(client)
        client.ok(client.imap.store("1:*", "+FLAGS.SILENT", r"\Deleted"))
        gone = client.ok(client.imap.expunge())
        if len(gone) != MANY:
            raise RuntimeError("%d messages expunged" % len(gone))

    look.client = remove.client = ImapClient
    for what, policy, target in (
            ("no policy", None, 1.03), ("no hold", ALLOW_ALL, 1.03),
            ("hold that matches nothing", HOLD, None)):
        for format in ("maildir", "sdbox"):
            bench.instruction_row(
                "IMAP STORE and EXPUNGE, %d removed, %s, %s" % (
                    MANY, what, format), "many", policy, remove, target,
                base=look, per=MANY, format=format)


def measure_expiry(bench):
    what = "expiry, nothing due among %d" % MANY
    if bench.callgrind is None or not bench.wanted(what) or \
            "instructions" in bench.args.skip:
        return

    def look(client, _=None):
        client.pop3.stat()
        client.quit()

    for name, policy in (("time only", EXPIRY),
                         ("flags too", EXPIRY_FLAGS)):
        # Retrieved, a run that notes its time, one that finds nothing due
        # and when that will change; all before now.
        user = bench.clocked.user(policy)
        clock = bench.clocked.dovecot.clock
        restore(user, bench.mailboxes.get(1, "many-retrieved", policy))
        subprocess.run(["rm", "-rf"] + glob.glob(
            user.host_home + "/Maildir/dovecot.index*"), check=True)
        clock.set("-4d")
        client = Client(user)
        count = client.pop3.stat()[0]
        client.quit()
        client.end()
        for day in ("-3d", "-2d"):
            clock.set(day)
            client = Client(user)
            for first in range(1, count + 1, 500):
                client.pop3.pipeline(["RETR %d" % number
                                      for number in range(
                                          first, first + 500)]
                                     if day == "-3d" else ["NOOP"])
            client.quit()
            client.end()
        clock.reset()
        template = bench.mailboxes.keep_once(user)
        base = bench.instructions(1, None, ALLOW_ALL, look,
                                 template=template)
        value = bench.instructions(1, None, policy, look,
                                  template=template)
        bench.row("%s, %s" % (what, name), "instructions", base, value,
                 1.01 if policy == EXPIRY else None)

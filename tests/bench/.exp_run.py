#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the plugin costs, beside plain Dovecot in the same run.

Prints a table; README.md says what is measured and how to read it.
"""

import argparse
import collections
import glob
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "live"))

from harness.dovecot import MAIL_GID, MAIL_UID, Dovecot, Target  # noqa: E402
from harness.runner import TARGETS_FILE, read_targets  # noqa: E402
from harness.users import User  # noqa: E402

MANY = 10000
NOOPS = 20000
FEW = 30
SESSIONS = 10
RETR_SIZE = 47 * 1024

# The example policy with expiry, retention and, for DELE, each kind of answer.
_COMMON = """\
expire = expunge retrievedbefore 14d unflagged
         expunge hiddenbefore 30d unflagged
min_retention = 1s
"""
HIDE = "[default]\ndelete = hide all\n" + _COMMON
DENY = """\
[default]
delete = deny:"fetch this message first" unretrieved
         allow larger 20M
         hide all
""" + _COMMON
ALLOW = """\
[default]
delete = deny:"fetch this message first" unretrieved
         hide larger 20M
         allow unflagged
         hide all
""" + _COMMON
ALLOW_ALL = "[default]\ndelete = allow all\n"
HISTORY = """\
[default]
delete = deny:"fetch this message first" unretrieved
         allow all
"""
HIDE_ALL = "[default]\ndelete = hide all\n"
# Every tenth message is larger than that.
DENY_TENTH = """\
[default]
delete = deny:"too large to go" larger 2k
         allow all
"""
EXPIRY = ALLOW_ALL + "expire = expunge retrievedbefore 14d\n"
EXPIRY_FLAGS = ALLOW_ALL + "expire = expunge retrievedbefore 14d unflagged\n"


def maildir_message(number, size):
    """One message with LF line ends."""
    text = ("From: Sender <sender@example.org>\n"
            "To: Recipient <recipient@example.org>\n"
            "Subject: message %d\n"
            "Date: Mon, 02 Jun 2025 10:00:00 +0200\n"
            "Message-ID: <%d@bench.example.org>\n\n" % (number, number))
    body = ("%070d\n" % number) * ((size - len(text)) // 71)
    return (text + body).encode()


def make_maildir(path, sizes):
    """A Maildir as deliveries would have filled it a month ago."""
    then = int(time.time()) - 30 * 86400
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, name), 0o700)
    for number, size in enumerate(sizes, 1):
        data = maildir_message(number, size)
        name = os.path.join(path, "cur", "%d.M%06dP1.bench,S=%d,W=%d:2," % (
            then + number // 100, number, len(data),
            len(data) + data.count(b"\n")))
        with open(name, "wb") as file:
            file.write(data)
        os.utime(name, (then, then))
    os.utime(os.path.join(path, "cur"), (then, then))
    os.utime(os.path.join(path, "new"), (then, then))
    subprocess.run(["chown", "-R", "%d:%d" % (MAIL_UID, MAIL_GID), path],
                   check=True)


class Instance:
    """A Dovecot whose pop3 processes are measured.

    measure: "cpu", "callgrind" or None, which keeps the clock that can be
    moved."""

    def __init__(self, target, plugin, measure, cpu_library):
        self.with_plugin = plugin == "pop3_policy"
        self.measure = measure
        self.dovecot = Dovecot(target, plugins=(plugin,) if plugin else ())
        self.results = os.path.join(self.dovecot.host_base, "results")
        os.mkdir(self.results)
        os.chmod(self.results, 0o777)
        results = self.dovecot.base + "/results"
        pop3 = self.dovecot.libexec + "/pop3"
        if measure == "cpu":
            shutil.copy(cpu_library, self.results)
            command = "/usr/bin/env LD_PRELOAD=%s/%s BENCH_DIR=%s %s" % (
                results, os.path.basename(cpu_library), results, pop3)
        elif measure == "callgrind":
            command = ("/usr/bin/valgrind --quiet --vgdb=no "
                       "--tool=callgrind "
                       "--callgrind-out-file=%s/callgrind.%%p %s" %
                       (results, pop3))
        if measure is not None:
            with open(os.path.join(self.dovecot.host_base, "dovecot.conf"),
                      "a") as file:
                file.write("service pop3 {\n  executable = %s\n"
                           "  vsz_limit = %s\n}\n" % (
                               command, "unlimited" if self.dovecot.is_24
                               else "0"))
        self.dovecot.start()
        self._users = 0

    def user(self, policy=None, format="maildir"):
        self._users += 1
        return User(self.dovecot, "u%03d" % self._users, format=format,
                    policy=policy if self.with_plugin else None)

    def prepare(self, pid):
        """The process has logged somebody in. Callgrind has made its file as
        root, and writes it with the user's rights."""
        if self.measure == "callgrind":
            os.chown(os.path.join(self.results, "callgrind.%d" % pid),
                     MAIL_UID, MAIL_GID)

    def result(self, pid):
        """What the process measured, which has ended: nanoseconds or
        instructions."""
        name = "cpu.%d" if self.measure == "cpu" else "callgrind.%d"
        path = os.path.join(self.results, name % pid)
        deadline = time.monotonic() + 30
        while True:
            try:
                with open(path) as file:
                    text = file.read()
                if self.measure == "cpu" and text.endswith("\n"):
                    return int(text)
                match = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
                if match is not None:
                    return int(match.group(1))
            except FileNotFoundError:
                pass
            if time.monotonic() > deadline:
                raise RuntimeError("no result of pop3 process %d" % pid)
            time.sleep(0.01)


class Client:
    """A POP3 session that is quicker in reading than a test's, and asserts
    what came."""

    def __init__(self, user):
        self.pop3 = user.pop3(timeout=900)
        self.pid = self.pop3.mail_process(60)

    def answers(self, commands, denied=0):
        """Sends all in one piece. Returns the seconds until the last answer
        has come; denied: so many of them are -ERR."""
        data = b"".join(command + b"\r\n" for command in commands)
        started = time.monotonic()
        self.pop3.sock.sendall(data)
        lines, received = 0, []
        while lines < len(commands):
            data = self.pop3.sock.recv(1 << 20)
            if not data:
                raise RuntimeError("disconnected")
            lines += data.count(b"\n")
            received.append(data)
        seconds = time.monotonic() - started
        count = b"".join(received).count(b"-ERR")
        if count != denied:
            raise RuntimeError("%d commands of %d refused, not %d: %r" % (
                count, len(commands), denied, received[-1][-200:]))
        return seconds

    def cpu(self):
        """Seconds of CPU time that the process has used so far."""
        with open("/proc/%d/schedstat" % self.pid) as file:
            return int(file.read().split()[0]) / 1e9

    def quit(self):
        """Returns the seconds until the answer has come."""
        started = time.monotonic()
        reply = self.pop3.cmd("QUIT")
        seconds = time.monotonic() - started
        if not reply.ok:
            raise RuntimeError(reply.text)
        return seconds

    def end(self):
        self.pop3.sock.close()
        self.pop3.wait_gone(900)


def deles(count):
    return [b"DELE %d" % number for number in range(1, count + 1)]


Row = collections.namedtuple("Row", "what unit plain ours ratio target note")


class Bench:
    def __init__(self, target, args, cpu_library):
        self.target = target
        self.args = args
        self.rows = []
        self.instances = []
        self._cpu_library = cpu_library
        self._templates = {}

    # Instances and mailboxes

    def start(self):
        has_valgrind = os.path.exists(
            self.target.host_path("/usr/bin/valgrind"))
        if not has_valgrind:
            print("no valgrind: instructions are not counted")
        # plain, ours, and a small plugin of Dovecot's own
        plugins = (None, "pop3_policy", "notify")
        self.clocked = self._instance("pop3_policy", None)
        self.cpu = [self._instance(plugin, "cpu") for plugin in plugins]
        self.callgrind = None
        if has_valgrind:
            self.callgrind = [self._instance(plugin, None)
                              for plugin in plugins]
        self.folder = os.path.join(self.clocked.dovecot.host_base, "templates")
        os.mkdir(self.folder)

    def _instance(self, plugin, measure):
        instance = Instance(self.target, plugin, measure,
                            self._cpu_library)
        self.instances.append(instance)
        return instance

    def stop(self):
        for instance in self.instances:
            instance.dovecot.stop()

    def _fill(self, user, sizes):
        """Mail that has just come in."""
        path = os.path.join(self.folder, "maildir")
        shutil.rmtree(path, ignore_errors=True)
        make_maildir(path, sizes)
        if user.format == "maildir":
            os.rename(path, os.path.join(user.host_home, "Maildir"))
            return
        dovecot = self.cpu[0].dovecot
        moved = os.path.join(dovecot.host_base, "mail", "import")
        shutil.rmtree(moved, ignore_errors=True)
        shutil.copytree(path, moved)
        subprocess.run(["chown", "-R", "%d:%d" % (MAIL_UID, MAIL_GID), moved],
                       check=True)
        args = ["import", "-u", user.name, "maildir:%s/mail/import" %
                dovecot.base, "", "mailbox", "INBOX", "all"]
        dovecot.doveadm(*args)

    def mailbox(self, with_plugin, kind, policy=HIDE, format="maildir"):
        """A folder with a user's home, to be copied for each session.

        kind: "few" or "many" messages, "-retrieved" if POP3 fetched them all
        before. They have been seen by a session, and the plugin by its
        first."""
        key = (with_plugin, kind, policy if with_plugin else None, format)
        if key in self._templates:
            return self._templates[key]
        raw_key = ("raw", kind.split("-")[0], format)
        if raw_key not in self._templates:
            user = self.cpu[0].user(format=format)
            if kind.startswith("few"):
                sizes = [(3 + number % 16) * 1024 for number in range(FEW)]
                sizes[0] = RETR_SIZE
            else:
                sizes = [3000 if number % 10 == 0 else 900
                         for number in range(1, MANY + 1)]
            self._fill(user, sizes)
            # What delivery leaves behind: a cache file. Without it
            # min_retention would see when the copy was made, and each
            # session would begin a cache of its own.
            user.doveadm("fetch", "date.saved", "mailbox", "INBOX", "all")
            client = Client(user)
            client.pop3.list()
            client.pop3.uidl()
            client.quit()
            client.end()
            self._templates[raw_key] = self._keep(user)
        instance = self.cpu[1 if with_plugin else 0]
        user = instance.user(policy, format)
        self.restore(user, self._templates[raw_key])
        client = Client(user)
        if kind.endswith("-retrieved"):
            count = client.pop3.stat()[0]
            for first in range(1, count + 1, 500):
                client.pop3.pipeline(["RETR %d" % number for number in range(
                    first, min(first + 500, count + 1))])
        client.pop3.uidl()
        client.quit()
        client.end()
        self._templates[key] = self._keep(user)
        return self._templates[key]

    def _keep(self, user):
        path = os.path.join(self.folder, "%d" % len(self._templates))
        os.rename(user.host_home, path)
        return path

    @staticmethod
    def restore(user, template):
        subprocess.run(["rm", "-rf", user.host_home], check=True)
        subprocess.run(["cp", "-a", template, user.host_home], check=True)

    # Measuring

    def wanted(self, *names):
        return not self.args.only or any(
            text in name for text in self.args.only for name in names)

    def row(self, what, unit, plain, ours, target=None, ratio=None,
            difference=False, note=""):
        if ratio is None:
            ratio = ours - plain if difference else ours / plain
        row = Row(what, unit, plain, ours, ratio, target, note)
        self.rows.append(row)
        print("  " + " | ".join(cells(row)), flush=True)

    def session_result(self, user, template, session):
        """CPU time or instructions of the pop3 process of one session."""
        instance = next(i for i in self.instances
                        if i.dovecot is user.dovecot)
        self.restore(user, template)
        client = Client(user)
        instance.prepare(client.pid)
        session(client)
        client.end()
        return instance.result(client.pid)

    def instructions(self, which, kind, policy, session, base=None,
                     format="maildir", times=1, template=None):
        """Median instructions of the process of a session, less those of the
        session base. which: 0 plain, 1 ours, 2 Dovecot's plugin."""
        instance = self.callgrind[which]
        if template is None:
            template = self.mailbox(which == 1, kind, policy, format)
        user = instance.user(policy, format)
        values = []
        for _ in range(times):
            value = self.session_result(user, template, session)
            if base is not None:
                value -= self.session_result(user, template, base)
            values.append(value)
        return statistics.median(values)

    def instruction_row(self, what, kind, policy, session, target, base=None,
                        plain_session=None, format="maildir", times=1, per=1,
                        ours=1):
        if self.callgrind is None or not self.wanted(what):
            return
        if "instructions" in self.args.skip:
            return
        values = [self.instructions(
            which, kind, policy,
            plain_session if plain_session is not None and which == 0
            else session, base, format, times) for which in (0, ours)]
        self.row(what, "instructions", values[0] / per, values[1] / per,
                 target)

    def rounds(self, kind, policy, measure, format="maildir", rounds=None,
               sessions=1, ours=1):
        """Interleaved rounds. measure(user, client) -> seconds. Returns
        medians of plain, ours and of the ratio of each round."""
        instances = (self.cpu[0], self.cpu[ours])
        users = [instance.user(policy, format) for instance in instances]
        templates = [self.mailbox(instance.with_plugin, kind, policy, format)
                     for instance in instances]
        values = ([], [])
        for number in range(rounds or self.args.rounds):
            totals = [0, 0]
            for _ in range(sessions):
                for i in ((0, 1), (1, 0))[number % 2]:
                    self.restore(users[i], templates[i])
                    client = Client(users[i])
                    seconds = measure(client, bool(i))
                    client.end()
                    if seconds is None:
                        seconds = instances[i].result(client.pid) / 1e9
                    totals[i] += seconds
            for i in (0, 1):
                values[i].append(totals[i] / sessions)
        ratios = [second / first for first, second in zip(*values)]
        return (statistics.median(values[0]), statistics.median(values[1]),
                statistics.median(ratios))

    def time_row(self, what, unit, kind, policy, measure, target=None,
                 **kwargs):
        if not self.wanted(what) or "times" in self.args.skip:
            return
        plain, ours, ratio = self.rounds(kind, policy, measure, **kwargs)
        self.row(what, unit, plain * 1000, ours * 1000, target, ratio)

    # What is measured

    @staticmethod
    def typical(client, _=None):
        pop3 = client.pop3
        pop3.stat()
        pop3.list()
        pop3.uidl()
        for number in range(1, 6):
            pop3.retr(number)
        for number in range(1, 4):
            pop3.ok("DELE %d" % number)
        client.quit()

    def measure_session(self):
        variants = (
            ("any plugin loaded (Dovecot's notify)", None, 2, None, None),
            ("`hide` rules", HIDE, 1, 1.15, 1.05),
            ("`deny` rules", DENY, 1, 1.15, 1.05),
            ("`allow` rules", ALLOW, 1, 1.15, 1.05))
        for name, policy, ours, target, _ in variants:
            self.instruction_row("typical session, " + name, "few", policy,
                                 self.typical, target, times=3, ours=ours)
        for name, policy, ours, _, target in variants:
            self.time_row("typical session, %s, CPU" % name, "ms", "few",
                          policy, self.typical, target, sessions=20,
                          ours=ours)

    def measure_process(self):
        """Libraries and memory of sessions that are open side by side."""
        if not self.wanted("libraries", "PSS"):
            return
        libraries, memory, private = [], [], []
        clients = ([], [])
        for i in (0, 1):
            for _ in range(SESSIONS):
                user = self.cpu[i].user(ALLOW)
                self.restore(user, self.mailbox(i, "few", ALLOW))
                client = Client(user)
                client.pop3.list()
                client.pop3.uidl()
                client.pop3.retr(2)
                client.pop3.ok("DELE 2")
                clients[i].append(client)
        for i in (0, 1):
            sizes = collections.Counter()
            for client in clients[i]:
                with open("/proc/%d/smaps_rollup" % client.pid) as file:
                    for name, kb in re.findall(r"^(\w+):\s+(\d+) kB",
                                               file.read(), re.M):
                        sizes[name] += int(kb) / 1024 / SESSIONS
            memory.append(sizes["Pss"])
            private.append(sizes["Private_Dirty"])
            with open("/proc/%d/maps" % clients[i][0].pid) as file:
                libraries.append({
                    os.path.basename(line.split(None, 5)[5].strip())
                    for line in file if ".so" in line})
        for client in clients[0] + clients[1]:
            client.quit()
            client.end()
        more = sorted(libraries[1] - libraries[0])
        self.row("libraries of the process", "", len(libraries[0]),
                 len(libraries[1]), 1, difference=True,
                 note="more: " + ", ".join(more))
        self.row("PSS of a process, %d messages, %d sessions" % (
            FEW, SESSIONS), "MB", memory[0], memory[1], 0.05, difference=True)
        self.row("written memory of a process", "MB", private[0], private[1],
                 difference=True)

    @staticmethod
    def commands(commands, denied=0, end=(b"RSET",), measure_cpu=True):
        """A session that runs commands, is not measured before and after
        them, and removes nothing."""
        def session(client, with_plugin=True):
            before = client.cpu()
            seconds = client.answers(commands, denied if with_plugin else 0)
            cpu = client.cpu() - before
            if end:
                client.answers(list(end))
            client.quit()
            return cpu if measure_cpu else seconds
        return session

    def measure_commands(self):
        nothing = self.commands([b"NOOP"])
        noops = [b"NOOP"] * NOOPS
        tenth = MANY // 10
        for what, kind, policy, commands, denied, target in (
                ("NOOP, pipelined", "few", ALLOW, noops, 0, 1.05),
                ("DELE, `allow all`", "many", ALLOW_ALL,
                 deles(MANY), 0, 1.05),
                ("DELE, allowed after `deny unretrieved`", "many-retrieved",
                 HISTORY, deles(MANY), 0, 1.05),
                ("DELE, allowed by `allow` rules", "many-retrieved", ALLOW,
                 deles(MANY), 0, 1.05),
                ("DELE, every tenth denied", "many", DENY_TENTH,
                 deles(MANY), tenth, 1.5)):
            self.instruction_row(
                "%d x %s" % (len(commands), what), kind, policy,
                self.commands(commands, denied), target, base=nothing,
                plain_session=self.commands(commands), per=len(commands))
            for cpu in (True, False):
                self.time_row("%d x %s, %s" % (
                    len(commands), what, "CPU" if cpu else "time"), "ms",
                    kind, policy, self.commands(commands, denied,
                                                measure_cpu=cpu), target)

    def measure_retr(self):
        def retrs(numbers):
            def session(client, _=None):
                for number in numbers:
                    client.pop3.retr(number)
                client.pop3.ok("NOOP")
                client.quit()
            return session

        self.instruction_row("RETR of 47 kB", "few", ALLOW, retrs([1] * 60),
                             1.01, base=retrs([1] * 30), times=3, per=30)
        self.instruction_row("RETR of 11 kB on average, record included",
                             "few", ALLOW, retrs(range(1, FEW + 1)), None,
                             base=retrs([]), times=3, per=FEW)

    def measure_quit(self):
        def delete(client, _=None):
            client.answers(deles(MANY))
            client.quit()

        def delete_not(client, _=None):
            client.answers(deles(MANY) + [b"RSET"])
            client.quit()

        def quit_time(client, _=None):
            client.answers(deles(MANY))
            return client.quit()

        for what, kind, policy in (
                ("no records", "many", ALLOW_ALL),
                ("retrieved before", "many-retrieved", ALLOW_ALL),
                ("`deny unretrieved`", "many-retrieved", HISTORY),
                ("`allow` rules", "many-retrieved", ALLOW)):
            what = "QUIT, %d removed, %s" % (MANY, what)
            self.instruction_row(what, kind, policy, delete, 1.06,
                                 base=delete_not, per=MANY)
            self.time_row(what + ", time", "ms", kind, policy, quit_time,
                          rounds=5)
        for format in ("maildir", "sdbox"):
            self.time_row("QUIT, %d hidden, not removed, %s, time" %
                          (MANY, format), "ms", "many", HIDE_ALL, quit_time, 0.25,
                          format=format, rounds=5)

    def measure_expiry(self):
        what = "expiry, nothing due among %d" % MANY
        if self.callgrind is None or not self.wanted(what) or \
                "instructions" in self.args.skip:
            return

        def look(client, _=None):
            client.pop3.stat()
            client.quit()

        for name, policy in (("time only", EXPIRY),
                             ("flags too", EXPIRY_FLAGS)):
            # Retrieved, a run that notes its time, one that finds nothing due
            # and when that will change; all before now.
            user = self.clocked.user(policy)
            clock = self.clocked.dovecot.clock
            self.restore(user, self.mailbox(1, "many-retrieved", policy))
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
            template = self._keep_once(user)
            base = self.instructions(1, None, ALLOW_ALL, look,
                                     template=template)
            value = self.instructions(1, None, policy, look,
                                      template=template)
            self.row("%s, %s" % (what, name), "instructions", base, value,
                     1.01 if policy == EXPIRY else None)

    def _keep_once(self, user):
        path = self._keep(user)
        self._templates[path] = path
        return path

    def run(self):
        self.measure_process()
        self.measure_session()
        self.measure_commands()
        self.measure_retr()
        self.measure_quit()
        self.measure_expiry()


def number(value):
    if value >= 1e6:
        return "%.2fM" % (value / 1e6)
    if value >= 1e4:
        return "%.1fk" % (value / 1e3)
    return "%.2f" % value if value < 100 else "%.0f" % value


def cells(row):
    is_difference = row.unit in ("", "MB")
    ratio = ("%+.2f" if is_difference else "%.3f") % row.ratio
    target = "" if row.target is None else (
        "%s%.2f" % ("+" if is_difference else "", row.target))
    met = "" if row.target is None else (
        "yes" if row.ratio <= row.target else "NO")
    return (row.what + (" (%s)" % row.note if row.note else ""), row.unit,
            number(row.plain), number(row.ours), ratio, target, met)


def print_table(version, rows):
    table = [("Dovecot " + version, "unit", "plain", "with policy", "ratio",
              "target", "met")]
    table += [cells(row) for row in rows]
    widths = [max(len(row[i]) for row in table) for i in range(7)]
    print()
    for position, row in enumerate(table):
        print("| " + " | ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))) + " |")
        if position == 0:
            print("|" + "|".join(
                "-" * (width + 2) if i < 2 else "-" * (width + 1) + ":"
                for i, width in enumerate(widths)) + "|")


def main():
    parser = argparse.ArgumentParser(
        prog="run", description="Measures the plugin beside plain Dovecot. "
        "Needs root, gcc, and valgrind to count instructions.")
    parser.add_argument("-k", action="append", dest="only", metavar="TEXT",
                        help="only rows with TEXT in their name")
    parser.add_argument("--versions", help="e.g. 2.3,2.4; default: all")
    parser.add_argument("--rounds", type=int, default=10,
                        help="rounds of time measurements (default: 10)")
    parser.add_argument("--skip", action="append", default=[],
                        choices=("times", "instructions"))
    parser.add_argument("--target", action="append", nargs=2,
                        metavar=("ROOT", "MODULES"),
                        help="as for tests/live/run")
    parser.add_argument("--keep", metavar="DIR",
                        help="copy callgrind's profiles there")
    args = parser.parse_args()

    if os.geteuid() != 0:
        parser.error("needs root")
    pairs = args.target
    if pairs is None:
        if not os.path.exists(TARGETS_FILE):
            parser.error("no build/targets: run ./quickstart build first, or "
                         "give --target")
        pairs = read_targets(TARGETS_FILE)
    targets = [Target(root, modules) for root, modules in pairs]
    if args.versions is not None:
        targets = [target for target in targets
                   if target.version in args.versions.split(",")]
    roots = [target.root for target in targets if not os.path.exists(
        target.host_path("/proc/self/maps"))]
    if roots and "BENCH_MOUNTED" not in os.environ:
        # valgrind reads /proc; a mount that ends with this process.
        script = "".join("mount -t proc proc '%s/proc'\n" % root
                         for root in roots) + 'exec "$@"\n'
        os.execvpe("unshare", ["unshare", "-m", "sh", "-ec", script, "sh",
                               sys.executable] + sys.argv,
                   dict(os.environ, BENCH_MOUNTED="1"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))

    met = True
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, "cpu-at-exit.so")
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library,
                        os.path.join(HERE, "cpu-at-exit.c")], check=True)
        for target in targets:
            bench = Bench(target, args, library)
            try:
                bench.start()
                bench.run()
            finally:
                if args.keep is not None:
                    for instance in bench.instances:
                        if instance.measure == "callgrind":
                            shutil.copytree(instance.results, os.path.join(
                                args.keep, "%s-%s" % (
                                    target.version, "policy" if
                                    instance.with_plugin else "plain")),
                                dirs_exist_ok=True)
                bench.stop()
            print_table(target.full_version, bench.rows)
            met = met and all(row.target is None or row.ratio <= row.target
                              for row in bench.rows)
    return 0 if met else 1




# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dovecots that are measured, and what talks to them."""

import glob
import os
import re
import shutil
import struct
import subprocess
import time

from harness.dovecot import MAIL_GID, MAIL_UID, Dovecot
from harness.uidls import KEY
from harness.users import User

HERE = os.path.dirname(os.path.abspath(__file__))


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

    measure: "cpu", "memory", "callgrind", "reused" (one process serves all
    sessions) or None, which keeps the clock that can be moved. libraries: what
    is preloaded for which measure."""

    def __init__(self, target, plugin, measure, libraries):
        self.with_plugin = plugin == "pop3_policy"
        self.measure = measure
        self.dovecot = Dovecot(target, plugins=(plugin,) if plugin else ())
        self.results = os.path.join(self.dovecot.host_base, "results")
        os.mkdir(self.results)
        os.chmod(self.results, 0o777)
        results = self.dovecot.base + "/results"
        if measure in libraries:
            shutil.copy(libraries[measure], self.results)
            self._measure_service(
                "pop3", "/usr/bin/env LD_PRELOAD=%s/%s BENCH_DIR=%s" % (
                    results, os.path.basename(libraries[measure]), results))
        elif measure == "callgrind":
            for service in ("pop3", "imap"):
                self._measure_service(
                    service, "/usr/bin/valgrind --quiet --vgdb=no "
                    "--tool=callgrind "
                    "--callgrind-out-file=%s/callgrind.%%p" % results)
        elif measure == "reused":
            # one process for all sessions
            self._service("pop3", "process_limit = 1\n  client_limit = 1\n"
                          "  %s = 100000\n" % (
                              "restart_request_count" if self.dovecot.is_24
                              else "service_count"))
            # without the clock that can be moved: each look at it is a file
            self._measure_service("pop3", "/usr/bin/env LD_PRELOAD=")
        folder = os.path.join(self.dovecot.host_base, "policy")
        for script in glob.glob(os.path.join(HERE, "*.lua")):
            shutil.copy(script, folder)
        self.dovecot.start()
        self._users = 0

    def _measure_service(self, service, command):
        self._service(service, "executable = %s %s/%s\n  vsz_limit = %s\n" % (
            command, self.dovecot.libexec, service,
            "unlimited" if self.dovecot.is_24 else "0"))

    def _service(self, service, text):
        with open(os.path.join(self.dovecot.host_base, "dovecot.conf"),
                  "a") as file:
            file.write("service %s {\n  %s}\n" % (service, text))

    def user(self, policy=None, format="maildir"):
        self._users += 1
        return User(self.dovecot, "u%03d" % self._users, format=format,
                    policy=policy if self.with_plugin else None,
                    fields={"pop3_policy_uidl_key": KEY}
                    if self.with_plugin else {})

    def prepare(self, pid):
        """The process has logged somebody in. Callgrind has made its file as
        root, and writes it with the user's rights."""
        if self.measure == "callgrind":
            os.chown(os.path.join(self.results, "callgrind.%d" % pid),
                     MAIL_UID, MAIL_GID)

    def memory(self, pid):
        """Of a process that waits: bytes from malloc() that are in use, and
        the most that were since this was asked before."""
        path = os.path.join(self.results, "memory.%d" % pid)
        with open(path, "r+b", buffering=0) as file:
            in_use, most = struct.unpack("=qq", file.read(16))
            file.seek(8)
            file.write(struct.pack("=q", in_use))
        return in_use, most

    def result(self, pid):
        """What the process measured, which has ended: nanoseconds or
        instructions."""
        name = "cpu.%s" if self.measure == "cpu" else "callgrind.%s"
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
                raise RuntimeError("no result of process %s" % pid)
            time.sleep(0.01)


class Client:
    """A POP3 session that is quicker in reading than a test's, and asserts
    what came."""

    def __init__(self, user):
        self.pop3 = user.pop3(timeout=900)
        self.pid = self.pop3.mail_process(60)
        # CPU time before that which is measured
        self.cpu_before = 0

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

    def uidl(self, count):
        """Returns the seconds until all of so many have come."""
        started = time.monotonic()
        self.pop3.sock.sendall(b"UIDL\r\n")
        data = bytearray()
        while not data.endswith(b"\r\n.\r\n"):
            received = self.pop3.sock.recv(1 << 20)
            if not received:
                raise RuntimeError("disconnected")
            data += received
        seconds = time.monotonic() - started
        if data.count(b"\n") != count + 2:
            raise RuntimeError("%r" % data[:200])
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

    def end_reused(self):
        """The session is over, its process is not."""
        self.pop3.sock.close()
        used = -1
        while used != self.cpu():
            used = self.cpu()
            time.sleep(0.01)
        return used


class ImapClient:
    """An IMAP session that asserts what came."""

    def __init__(self, user):
        self.imap = user.imap()
        self.imap.sock.settimeout(900)
        match = user.dovecot.wait_log(r"rport=%d,? mpid=(\d+)" %
                                      self.imap.sock.getsockname()[1])
        self.pid = int(match.group(1))

    def ok(self, answer):
        if answer[0] != "OK":
            raise RuntimeError("%r" % (answer,))
        return answer[1]

    def end(self):
        self.imap.logout()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A private Dovecot: own folders, loopback ports, a clock that can be moved.

Dovecot runs in a mount namespace of its own, in which the folders that it has
compiled in (doveadm/, settings/) show our modules as well; where the version
under test lives in a chroot, in that. Nothing on the host changes, and the
kernel takes Dovecot down with the process that started it.
"""

import array
import fcntl
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import time

from .clock import Clock
from .config import write_config
from .ports import free_ports
from .users import User
from .workers import die_with_parent

# Debian's user "mail". Any that is neither root nor Dovecot's own would do.
MAIL_UID = 8
MAIL_GID = 8

LUA_MODULES = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                           "..", "..", "..", "lua", "pop3_policy")


def _with_environment(environment):
    return "/usr/bin/env " + " ".join(
        "%s=%s" % item for item in environment.items())


def _unread(path):
    """The number of bytes in the pipe that nobody has read so far."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        count = array.array("i", [0])
        fcntl.ioctl(fd, termios.FIONREAD, count)
        return count[0]
    finally:
        os.close(fd)


def _checker():
    """POP3_POLICY_CHECKER: valgrind, asan or None."""
    return os.environ.get("POP3_POLICY_CHECKER") or None


class Target:
    """A Dovecot to test: the folder that it sees as / and our modules for it.

    modules: a copy of Dovecot's module folder with ours added, as
    `quickstart build` makes it; a path on the host."""

    def __init__(self, root, modules):
        self.root = os.path.abspath(root)
        self.modules = os.path.abspath(modules)
        self.full_version = self.run_in_root(
            ["dovecot", "--version"]).stdout.decode().split()[0]
        numbers = re.match(r"\d+\.\d+(\.\d+)*", self.full_version).group(0)
        self.numbers = numbers
        self.version = ".".join(numbers.split(".")[:2])

    @property
    def is_24(self):
        return self.version != "2.3"

    def run_in_root(self, command):
        if self.root != "/":
            command = ["chroot", self.root] + command
        return subprocess.run(command, check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def host_path(self, path):
        return path if self.root == "/" else self.root + path

    def faketime_library(self):
        found = glob.glob(self.host_path("/usr/lib/*/faketime/libfaketime.so.1"))
        if not found:
            raise RuntimeError("libfaketime is not installed in " + self.root)
        return found[0] if self.root == "/" else found[0][len(self.root):]

    def asan_library(self):
        return self.run_in_root(
            ["gcc", "-print-file-name=libasan.so"]).stdout.decode().strip()

    def dovecot_dir(self):
        for path in ("/usr/lib/dovecot", "/usr/lib64/dovecot",
                     "/usr/local/lib/dovecot"):
            if os.path.exists(self.host_path(path + "/dovecot-config")):
                return path
        raise RuntimeError("no dovecot-config below " + self.root)


class DoveadmFailed(Exception):
    """doveadm's exit status was not 0."""


class Dovecot:
    """One running instance.

    plugins: mail_plugins of all protocols. settings, pop3_settings: name ->
    value, global and of protocol pop3 (pop3_policy* goes where the version
    wants it). extra: text for the end of dovecot.conf. ports: those of POP3,
    IMAP and LMTP; default: any that are free. passdbs: see write_config(). tls:
    with STLS, and POP3 over TLS on pop3s_port. auth_clock: the auth process has
    the clock that tests move, too. files: path below the folder of the instance
    -> text, for everybody to read."""

    def __init__(self, target, plugins=("pop3_policy",), settings=None,
                 pop3_settings=None, extra="", ports=None, passdbs=(),
                 tls=False, auth_clock=False, files=None):
        self.target = target
        self.version = target.version
        self.is_24 = target.is_24
        self.process = None
        self._users = {}

        # The mail user has to read configuration, modules and policies.
        os.umask(0o022)
        parent = target.host_path("/var/tmp")
        self.host_base = tempfile.mkdtemp(prefix="pop3-policy.", dir=parent)
        os.chmod(self.host_base, 0o755)
        self.base = (self.host_base if target.root == "/"
                     else self.host_base[len(target.root):])
        for name in ("run", "mail", "policy", "users"):
            os.mkdir(os.path.join(self.host_base, name))
        os.chown(os.path.join(self.host_base, "mail"), MAIL_UID, MAIL_GID)
        shutil.copytree(target.modules, os.path.join(self.host_base, "modules"))
        shutil.copytree(LUA_MODULES, os.path.join(
            self.host_base, "share/dovecot-pop3-policy/lua/pop3_policy"))
        shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                 "valgrind.supp"), self.host_base)

        self.log_path = os.path.join(self.host_base, "dovecot.log")
        open(self.log_path, "w").close()
        # A passwd-file for each user, because auth looks for changes of one
        # that it has open only once a second.
        self.users_dir = os.path.join(self.host_base, "users")
        self.clock = Clock(os.path.join(self.host_base, "clock"))

        self.pop3_port, self.imap_port, self.lmtp_port = \
            ports or free_ports(3)
        self.pop3s_port = free_ports(1)[0] if tls else 0
        if tls:
            self._make_certificate()
        self.environment = {
            "LD_PRELOAD": target.faketime_library(),
            "FAKETIME_TIMESTAMP_FILE": self.base + "/clock",
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
            "NO_FAKE_STAT": "1",
        }
        if _checker() == "asan":
            # For modules that were built with -fsanitize=address,undefined.
            # Before libfaketime it would wait for itself for ever.
            self.environment["LD_PRELOAD"] += ":" + target.asan_library()
            self.environment["ASAN_OPTIONS"] = \
                "detect_leaks=0:verify_asan_link_order=0"
        self.libexec = target.dovecot_dir()
        self.conf = self.base + "/dovecot.conf"
        text = write_config(self.is_24, {
            "base": self.base,
            "run": self.base + "/run",
            "modules": self.base + "/modules",
            "uid": MAIL_UID,
            "gid": MAIL_GID,
            "version": target.numbers,
            "libexec": self.libexec,
            "faked": _with_environment(self.environment),
            "pop3": self._checked_command("pop3"),
            "imap": self._checked_command("imap"),
            "auth": "service auth {\n  executable = %s\n}\n" % (
                self._checked_command("auth", None if auth_clock else
                                      self._auth_environment()))
            if _checker() or auth_clock else "",
            "limits": "default_vsz_limit = %s\n" % (
                "unlimited" if self.is_24 else "0") if _checker() else "",
            "pop3_port": self.pop3_port,
            "imap_port": self.imap_port,
            "lmtp_port": self.lmtp_port,
            "pop3s_port": self.pop3s_port,
        }, plugins, settings or {}, pop3_settings or {}, extra, passdbs, tls)
        for name, content in dict(files or {}, **{
                "dovecot.conf": text}).items():
            path = os.path.join(self.host_base, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(content.replace("@BASE@", self.base))

    def _make_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec",
             "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", "/CN=127.0.0.1", "-days", "30",
             "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", self.host_base + "/tls.key",
             "-out", self.host_base + "/tls.crt"],
            check=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _auth_environment(self):
        """With the real clock."""
        if _checker() != "asan":
            return ""
        return _with_environment({
            "LD_PRELOAD": self.target.asan_library(),
            "ASAN_OPTIONS": self.environment["ASAN_OPTIONS"]})

    def _checked_command(self, program, environment=None):
        """What starts a process of this program. A checker writes to standard
        error, which is Dovecot's log. environment: instead of that with the
        clock."""
        command = [self.libexec + "/" + program]
        if _checker() == "valgrind":
            # Blocks that are still reachable are Dovecot's own.
            command = ["/usr/bin/valgrind", "-q", "--vgdb=no",
                       "--error-exitcode=99", "--leak-check=full",
                       "--show-leak-kinds=definite",
                       "--errors-for-leak-kinds=definite",
                       "--suppressions=%s/valgrind.supp" % self.base
                       ] + command
        if environment is None:
            environment = _with_environment(self.environment)
        return " ".join([environment] + command).strip()

    # Starting and stopping

    def _namespace_command(self, command):
        script = "set -e\nmount --bind %s %s\nmount --bind %s %s\n" % (
            os.path.join(self.host_base, "modules"),
            self.target.host_path(os.path.join(self.libexec, "modules")),
            # what require() finds, where it would be installed
            os.path.join(self.host_base, "share"),
            self.target.host_path("/usr/local/share"))
        proc = self.target.host_path("/proc")
        if _checker() and not os.path.exists(proc + "/self/maps"):
            # where they read their own environment
            script += "mount -t proc proc %s\n" % proc
        if self.target.root != "/":
            script += 'exec chroot %s "$@"\n' % self.target.root
        else:
            script += 'exec "$@"\n'
        return ["unshare", "-m", "sh", "-c", script, "sh"] + command

    def start(self):
        """Returns when logins are possible."""
        start_log = os.path.join(self.host_base, "start.log")
        with open(start_log, "wb") as output:
            self.process = subprocess.Popen(
                self._namespace_command(["dovecot", "-F", "-c", self.conf]),
                stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=die_with_parent)
        deadline = time.monotonic() + 20
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(start_log, errors="replace") as file:
                    text = file.read()
                text += self.log_text()
                self.stop()
                raise RuntimeError("Dovecot %s did not start:\n%s" %
                                   (self.target.full_version, text))
            try:
                sock = socket.create_connection(
                    ("127.0.0.1", self.pop3_port), timeout=5)
                if sock.recv(100).startswith(b"+OK"):
                    sock.close()
                    return self
                sock.close()
            except OSError:
                pass
            time.sleep(0.02)

    def auth_process(self):
        """The process id of auth, which outlives all tests; None: not
        started."""
        for pid in self._children():
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as file:
                    words = file.read().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # "dovecot/auth", or an argument of a checker; workers have "-w"
            if b"-w" not in words and any(
                    word.split(b" ")[0].endswith(b"/auth") for word in words):
                return pid
        return None

    def _end_auth(self):
        """Ends auth and returns what a checker says about it, to fail for."""
        pid = self.auth_process()
        if pid is None:
            return ""
        mark = self.log_mark()
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 120
        while os.path.exists("/proc/%d" % pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        return "".join(line + "\n" for line in
                       self.log_text(mark).splitlines() if "Error: ==" in line)

    def _end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                # Its own session: this is Dovecot and its children only.
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process = None

    def restart(self):
        """All processes are new; folder, ports and log stay."""
        self._end()
        self.start()

    def stop(self):
        """Stops the instance, if it runs, and removes its folder. Raises
        RuntimeError where a checker has found leaks of the auth process."""
        found = ""
        if _checker() == "valgrind" and self.process is not None and \
           self.process.poll() is None:
            found = self._end_auth()
        self._end()
        if os.environ.get("POP3_POLICY_KEEP") is None:
            shutil.rmtree(self.host_base, ignore_errors=True)
        if found:
            raise RuntimeError("auth, when it ended:\n" + found)

    # Commands

    def run(self, command, input=None):
        """Runs a command where Dovecot runs, under its clock. Returns the
        subprocess.CompletedProcess, output as bytes."""
        # What starts from a command line is executed anew by doveconf, which
        # empties the environment but for these.
        env = ["env", "--chdir=/",
               "DOVECOT_PRESERVE_ENVS=" + " ".join(self.environment)] + ["%s=%s" % item for item in self.environment.items()]
        return subprocess.run(
            ["nsenter", "-t", str(self.process.pid), "-m", "-r", "--"] +
            env + list(command), input=input, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **({"stdin": subprocess.DEVNULL} if input is None else {}))

    def doveadm(self, *args, input=None, check=True, formatter=None):
        """Runs doveadm as root. Returns standard output as bytes; raises
        DoveadmFailed where it fails. check=False: returns the
        subprocess.CompletedProcess instead. formatter: table, flow, json,
        tab, ..."""
        options = ["-f", formatter] if formatter is not None else []
        result = self.run(
            ["doveadm", "-c", self.conf] + options + list(args), input)
        if not check:
            return result
        if result.returncode != 0:
            raise DoveadmFailed("doveadm %s: exit status %d\n%s%s" % (
                " ".join(args), result.returncode,
                result.stdout.decode(errors="replace"),
                result.stderr.decode(errors="replace")))
        return result.stdout

    def internal_user(self):
        """(uid, gid) that the auth process runs as."""
        return tuple(int(self.target.run_in_root(
            ["id", option, "dovecot"]).stdout) for option in ("-u", "-g"))

    # Users

    def user(self, name, **kwargs):
        """A new user; see User."""
        if name in self._users:
            raise ValueError("there is a user %s already" % name)
        self._users[name] = User(self, name, **kwargs)
        return self._users[name]

    # Log

    def log_mark(self):
        """A place in the log for log_text()."""
        return os.path.getsize(self.log_path)

    def log_text(self, mark=0):
        """What has been logged after mark: all of it, also what a process
        handed to Dovecot's log process just before it ended."""
        deadline = time.monotonic() + 10
        while not self._log_is_written() and time.monotonic() < deadline:
            time.sleep(0.002)
        return self._written_log(mark)

    def _written_log(self, mark):
        with open(self.log_path, "rb") as file:
            file.seek(mark)
            return file.read().decode(errors="replace")

    def _log_is_written(self):
        """Does the log process wait for something to be read?"""
        pid = self._log_process()
        if pid is None:
            return True
        try:
            for fd in os.listdir("/proc/%d/fd" % pid):
                path = "/proc/%d/fd/%s" % (pid, fd)
                if os.readlink(path).startswith("pipe:") and _unread(path):
                    return False
            with open("/proc/%d/stat" % pid) as file:
                return file.read().rpartition(")")[2].split()[0] == "S"
        except FileNotFoundError:
            # It closed a pipe, or is gone.
            return False

    def _log_process(self):
        if self.process is None or self.process.poll() is not None:
            return None
        for child in self._children():
            try:
                with open("/proc/%d/comm" % child) as file:
                    if file.read() == "log\n":
                        return child
            except FileNotFoundError:
                continue
        return None

    def _children(self):
        """Process ids of Dovecot's services."""
        pid = self.process.pid
        try:
            with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
                return [int(child) for child in file.read().split()]
        except FileNotFoundError:
            return []

    def wait_log(self, pattern, mark=0, timeout=30):
        """Waits until the log has the pattern (a regular expression) after
        mark. Returns the match, or None."""
        deadline = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self._written_log(mark), re.M)
            if match is not None or time.monotonic() > deadline:
                return match
            time.sleep(0.005)

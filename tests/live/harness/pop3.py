# SPDX-License-Identifier: LGPL-2.1-or-later
"""A POP3 client that keeps no secrets: every byte is in its transcript.

It sends what it is told, when it is told, so that a test decides what is
pipelined. Pop3 objects come from User.pop3().
"""

import hashlib
import re
import socket
import ssl
import time


class Reply:
    """The answer to one command.

    line: first line without CRLF. ok: begins with "+OK". data: what follows
    it where it has several lines, byte-stuffing undone, the final "." left
    out; else None. raw: all of it as it came."""

    def __init__(self, line, data, raw):
        self.line = line
        self.ok = line.startswith(b"+OK")
        self.data = data
        self.raw = raw

    @property
    def text(self):
        return self.line.decode(errors="replace")

    @property
    def lines(self):
        return self.data.decode(errors="replace").splitlines()

    def __repr__(self):
        return "<Reply %r%s>" % (
            self.text, "" if self.data is None else
            " and %d bytes" % len(self.data))


def is_multiline(command):
    words = command.upper().split()
    if not words:
        return False
    return (words[0] in ("RETR", "TOP", "CAPA") or
            words[0] in ("LIST", "UIDL") and len(words) == 1)


def _is_running(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Pop3:
    """source: the client's address; 127.0.0.1 counts as secured, others of
    the loopback interface do not. tls: over TLS from the start."""

    def __init__(self, dovecot, name, password, transcripts=None, rcvbuf=None,
                 timeout=30, source=None, tls=False):
        self._dovecot = dovecot
        self.name = name
        self.password = password
        self._buffer = bytearray()
        self._log = []
        if transcripts is not None:
            transcripts.append(self)
        self._log_mark = dovecot.log_mark()
        self.sock = socket.socket()
        if rcvbuf is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            self.sock.bind((source, 0))
        self.sock.connect(("127.0.0.1", dovecot.pop3s_port if tls
                           else dovecot.pop3_port))
        self._port = self.sock.getsockname()[1]
        if tls:
            self._begin_tls()
        self.may_be_logged_in = self.is_logged_in = False
        self.greeting = self.read_reply()

    def _begin_tls(self):
        # without the host's certificates, which take longer to read than all
        # else of a login
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)

    def stls(self):
        self.ok("STLS")
        self._begin_tls()

    # Bytes

    def send(self, data):
        """Sends bytes or str exactly as they are."""
        if isinstance(data, str):
            data = data.encode()
        self._log.append((b"C", bytes(data)))
        self.sock.sendall(data)

    def _fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError("the server closed the connection")
        self._buffer += data

    def read_line(self):
        """One line with its CRLF. Raises EOFError, or TimeoutError."""
        while True:
            end = self._buffer.find(b"\n")
            if end >= 0:
                line = bytes(self._buffer[:end + 1])
                del self._buffer[:end + 1]
                self._log.append((b"S", line))
                return line
            self._fill()

    def read_eof(self):
        """Everything up to the end of the connection, as bytes."""
        try:
            while True:
                self._fill()
        except (EOFError, ConnectionResetError):
            pass
        data = bytes(self._buffer)
        self._buffer.clear()
        if data:
            self._log.append((b"S", data))
        return data

    # Replies

    def read_reply(self, multiline=False):
        line = self.read_line()
        if not (multiline and line.startswith(b"+OK")):
            return Reply(line.rstrip(b"\r\n"), None, line)
        position = 0
        while True:
            if self._buffer.startswith(b".\r\n"):
                end = 0
                break
            end = self._buffer.find(b"\r\n.\r\n", max(0, position - 4))
            if end >= 0:
                end += 2
                break
            position = len(self._buffer)
            self._fill()
        raw = bytes(self._buffer[:end])
        del self._buffer[:end + 3]
        self._log.append((b"S", raw + b".\r\n"))
        data = re.sub(rb"(?m)^\.", b"", raw)
        return Reply(line.rstrip(b"\r\n"), data, line + raw + b".\r\n")

    def cmd(self, command):
        """Sends one command, returns its Reply."""
        self.send(command + "\r\n")
        return self.read_reply(is_multiline(command))

    def ok(self, command):
        """cmd() that must be answered by +OK."""
        reply = self.cmd(command)
        if not reply.ok:
            raise AssertionError("%s: %s" % (command, reply.text))
        return reply

    def err(self, command, pattern=""):
        """cmd() that must be answered by -ERR and match the regular
        expression."""
        reply = self.cmd(command)
        if reply.ok or not re.search(pattern, reply.text):
            raise AssertionError("%s: expected -ERR %s, got %s" %
                                 (command, pattern, reply.text))
        return reply

    def pipeline(self, commands):
        """Sends all commands in one piece, returns their Replies."""
        self.send("".join(command + "\r\n" for command in commands))
        return [self.read_reply(is_multiline(command)) for command in commands]

    # Sessions

    def login(self):
        self.ok("USER " + self.name)
        self.may_be_logged_in = True
        reply = self.ok("PASS " + self.password)
        self.is_logged_in = True
        return reply

    def apop(self, secret):
        """Sends APOP; returns its Reply."""
        message_id = re.search(r"<[^>]*>", self.greeting.text).group(0)
        digest = hashlib.md5((message_id + secret).encode()).hexdigest()
        self.may_be_logged_in = True
        return self.cmd("APOP %s %s" % (self.name, digest))

    def stat(self):
        """(number of messages, their size)"""
        words = self.ok("STAT").text.split()
        return int(words[1]), int(words[2])

    def list(self):
        """{message number: size}"""
        return {int(line.split()[0]): int(line.split()[1])
                for line in self.ok("LIST").lines}

    def uidl(self):
        """{message number: UIDL}"""
        return {int(line.split(" ", 1)[0]): line.split(" ", 1)[1]
                for line in self.ok("UIDL").lines}

    def retr(self, number):
        """The message as bytes."""
        return self.ok("RETR %d" % number).data

    def download(self, numbers=None):
        """RETR of these messages (default: all), then a NOOP that was not
        sent before their end, which confirms the last. Returns the messages."""
        if numbers is None:
            numbers = sorted(self.list())
        messages = [self.retr(number) for number in numbers]
        self.ok("NOOP")
        return messages

    def quit(self, wait=True):
        """QUIT; returns its Reply. wait: until the pop3 process is gone, so
        that what it does after the client has left is done."""
        reply = self.cmd("QUIT")
        self.close(wait)
        return reply

    def close(self, wait=True):
        """Closes the connection as it is."""
        self.sock.close()
        if wait:
            self.wait_gone()

    def mail_process(self, timeout=None):
        """Process id of the pop3 process, or None before login. The login
        process may log that later than the client hears of it."""
        if timeout is None:
            timeout = 60 if self.is_logged_in else \
                5 if self.may_be_logged_in else 0.1
        match = self._dovecot.wait_log(
            r", rport=%d\b,?(?: mpid=(\d+))?" % self._port, self._log_mark,
            timeout)
        # Who was not let in has a line without a process.
        return None if match is None or match.group(1) is None else \
            int(match.group(1))

    def wait_gone(self, timeout=60):
        """Waits until this session's pop3 process has ended."""
        pid = self.mail_process()
        if pid is None:
            return
        deadline = time.monotonic() + timeout
        while _is_running(pid):
            if time.monotonic() > deadline:
                raise AssertionError("pop3 process %d is still there" % pid)
            time.sleep(0.002)

    # What was said

    def received(self):
        """All bytes from the server so far that were read as replies."""
        return b"".join(data for who, data in self._log if who == b"S")

    def transcript(self, width=100, most_lines=200, answer_lines=12):
        """Readable; long answers are cut."""
        out = []
        for who, data in self._log:
            lines = data.split(b"\n")
            if lines[-1] == b"":
                lines.pop()
            if len(lines) > answer_lines:
                lines = (lines[:answer_lines - 4] +
                         [b"... (%d bytes)" % len(data)] + lines[-3:])
            for line in lines:
                text = line.rstrip(b"\r").decode(errors="backslashreplace")
                if len(text) > width:
                    text = text[:width] + "..."
                out.append("%s: %s" % (who.decode(), text))
        if len(out) > most_lines:
            half = most_lines // 2
            out = out[:half] + ["..."] + out[-half:]
        return "\n".join(out)

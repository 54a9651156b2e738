# SPDX-License-Identifier: LGPL-2.1-or-later
"""Another POP3 server, Courier's, that a mailbox moves away from.

quickstart unpacks Courier into build/old-server. It is not installed: its
packages want a mail system of their own. Its server is started when a user is
logged in, and the login is here. After the cut-over the same address leads to
Dovecot, as it does where the name of the server stays."""

import os
import shutil
import socket
import subprocess
import threading

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "..", "..", "..", "build", "old-server")
_SERVER = os.path.join(_FOLDER, "usr/lib/courier/courier/courierpop3d")


def is_there():
    return os.path.exists(_SERVER)


def _libraries():
    folders = {folder for folder, _, names in os.walk(_FOLDER + "/usr/lib")
               if any(".so." in name for name in names)}
    return ":".join(sorted(os.path.abspath(folder) for folder in folders))


def begin_session(sock, user, maildir):
    """Starts Courier's server for a user who is logged in. Returns the
    subprocess.Popen."""
    return subprocess.Popen(
        [_SERVER, maildir], stdin=sock, stdout=sock,
        stderr=subprocess.DEVNULL,
        env={"AUTHENTICATED": user, "LD_LIBRARY_PATH": _libraries(),
             "PATH": os.environ["PATH"]})


class Courier:
    """maildir: of the one user there is; anybody with the password is him."""

    def __init__(self, maildir, password):
        self.maildir = maildir
        self.password = password
        for name in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(maildir, name), exist_ok=True)
        self._delivered = 0
        # port of Dovecot after the cut-over
        self.moved_to = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self):
        # wakes up accept()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def deliver(self, text):
        """As a local delivery agent does it: LF, into new/."""
        self._delivered += 1
        name = "%d.M%dP%d.old" % (1700000000 + self._delivered,
                                  self._delivered, os.getpid())
        path = os.path.join(self.maildir, "tmp", name)
        with open(path, "wb") as file:
            file.write(text.replace(b"\r\n", b"\n"))
        os.rename(path, os.path.join(self.maildir, "new", name))

    def copy_to(self, maildir):
        """The messages' files, and nothing else of Courier's."""
        for name in ("cur", "new", "tmp"):
            shutil.copytree(os.path.join(self.maildir, name),
                            os.path.join(maildir, name))

    # Sessions

    def _accept(self):
        while True:
            try:
                sock = self._listener.accept()[0]
            except OSError:
                return
            # one at a time, as it is with a maildrop
            with sock:
                sock.settimeout(60)
                try:
                    if self.moved_to is None:
                        self._serve(sock)
                    else:
                        self._pass_on(sock)
                except OSError:
                    pass

    def _serve(self, sock):
        user = self._login(sock)
        if user is None:
            return
        sock.settimeout(None)
        begin_session(sock, user, self.maildir).wait()

    def _login(self, sock):
        """Returns the user's name, or None. Reads nothing behind PASS."""
        user = None
        sock.sendall(b"+OK old server\r\n")
        while True:
            line = b""
            while not line.endswith(b"\n"):
                byte = sock.recv(1)
                if not byte:
                    return None
                line += byte
            words = line.decode().split()
            command = words[0].upper() if words else ""
            if command == "CAPA":
                sock.sendall(b"+OK\r\nUSER\r\nUIDL\r\nTOP\r\n.\r\n")
            elif command == "USER" and len(words) == 2:
                user = words[1]
                sock.sendall(b"+OK\r\n")
            elif command == "PASS" and words[1:] == [self.password]:
                return user
            elif command == "QUIT":
                sock.sendall(b"+OK\r\n")
                return None
            else:
                sock.sendall(b"-ERR [AUTH] no\r\n")

    def _pass_on(self, sock):
        def pump(source, target):
            try:
                while True:
                    data = source.recv(65536)
                    if not data:
                        break
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        with socket.create_connection(("127.0.0.1", self.moved_to),
                                      timeout=60) as new:
            thread = threading.Thread(target=pump, args=(sock, new),
                                      daemon=True)
            thread.start()
            pump(new, sock)
            thread.join()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Redis of the tests' own, on the loopback interface."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from .ports import free_ports
from .workers import die_with_parent


class Redis:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="pop3-policy-redis.")
        self.port = free_ports(1)[0]
        self.process = None
        self.start()

    def start(self):
        """Returns when it answers; there is nothing in it."""
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port),
             "--save", "", "--dir", self.folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    raise RuntimeError("redis-server did not start")
                time.sleep(0.02)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)

    def pause(self):
        """It answers nobody any more."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def command(self, *words):
        """The answer's text, without quotes; "" for nil."""
        result = subprocess.run(
            ["redis-cli", "-p", str(self.port)] + [str(word) for word in words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
        return result.stdout.decode().rstrip("\n")

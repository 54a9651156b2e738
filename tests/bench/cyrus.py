# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cyrus' POP3 server, from packages that were unpacked, not installed."""

import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time

from harness.dovecot import MAIL_GID, MAIL_UID, die_with_parent
from harness.ports import free_ports
from harness.pop3 import Pop3
from instances import Client, maildir_message

# The user "mail" stands for the user "cyrus", which its package would make.
IMAPD_CONF = """\
configdirectory: {base}/conf
defaultpartition: default
partition-default: {base}/spool
cyrus_user: mail
cyrus_group: mail
allowplaintext: yes
autocreate_quota: 0
autocreate_post: yes
unixhierarchysep: yes
popminpoll: 0
servername: localhost
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_mech_list: PLAIN
sasl_sasldb_path: {base}/sasldb2
"""

# -U 1: a process for each session
CYRUS_CONF = """\
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {base}/imapd.conf -r"
}}
SERVICES {{
  pop3 cmd="{bin}/pop3d -U 1 -C {base}/imapd.conf" listen="127.0.0.1:{port}" prefork=0
}}
EVENTS {{
}}
"""


def _as_mail():
    die_with_parent()
    os.setgroups([])
    os.setgid(MAIL_GID)
    os.setuid(MAIL_UID)


class CyrusServer:
    """folder: where the packages were unpacked, for everybody to read."""

    name = "Cyrus"

    def __init__(self, folder):
        self._bin = os.path.abspath(folder) + "/usr/lib/cyrus/bin"
        self._environment = dict(os.environ, LD_LIBRARY_PATH=glob.glob(
            os.path.abspath(folder) + "/usr/lib/*-linux-gnu")[0])
        self._base = tempfile.mkdtemp(prefix="pop3-policy-cyrus.",
                                      dir="/var/tmp")
        for name in "conf/socket", "conf/proc", "conf/db", "spool":
            os.makedirs(os.path.join(self._base, name))
        self.pop3_port = free_ports(1)[0]
        for name, text in (("imapd.conf", IMAPD_CONF),
                           ("cyrus.conf", CYRUS_CONF)):
            with open(os.path.join(self._base, name), "w") as file:
                file.write(text.format(base=self._base, bin=self._bin,
                                       port=self.pop3_port))
        subprocess.run(
            [os.path.abspath(folder) + "/usr/sbin/saslpasswd2", "-p", "-c",
             "-f", self._base + "/sasldb2", "-u", "localhost", "user"],
            input=b"secret\n", env=self._environment, check=True)
        subprocess.run(["chown", "-R", "%d:%d" % (MAIL_UID, MAIL_GID),
                        self._base], check=True)
        self._master = subprocess.Popen(
            [self._bin + "/master", "-D", "-C", self._base + "/imapd.conf",
             "-M", self._base + "/cyrus.conf", "-p", self._base + "/pid"],
            env=self._environment, start_new_session=True,
            stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
        self._wait_for_login()

    def _wait_for_login(self):
        """The first one makes the mailbox."""
        while True:
            if self._master.poll() is not None:
                raise RuntimeError("Cyrus did not start")
            try:
                client = self.session()
            except OSError:
                time.sleep(0.1)
                continue
            client.quit()
            client.end()
            return

    def _run(self, program, *args):
        return subprocess.run(
            [os.path.join(self._bin, program), "-C",
             self._base + "/imapd.conf"] + list(args), check=True,
            env=self._environment, preexec_fn=_as_mail,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout.decode()

    def fill(self, sizes):
        folder = self._run("mbpath", "user/user").split()[-1]
        for number, size in enumerate(sizes, 1):
            path = os.path.join(folder, "%d." % number)
            with open(path, "wb") as file:
                file.write(maildir_message(number, size).replace(
                    b"\n", b"\r\n"))
                os.fchown(file.fileno(), MAIL_UID, MAIL_GID)
        self._run("reconstruct", "user/user")

    def session(self):
        return CyrusClient(self)

    # What Pop3 asks of a Dovecot

    def log_mark(self):
        return 0

    def session_process(self):
        """The process id of the one session that there is."""
        pid = self._master.pid
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            for child in file.read().split():
                with open("/proc/%s/comm" % child) as comm:
                    if comm.read() == "pop3d\n":
                        return int(child)
        raise RuntimeError("there is no pop3d")

    def stop(self):
        # Its own session: this is Cyrus and its children only.
        os.killpg(self._master.pid, signal.SIGTERM)
        self._master.wait()
        shutil.rmtree(self._base)


class CyrusClient(Client):
    def __init__(self, server):
        self.pop3 = Pop3(server, "user", "secret", timeout=900)
        self.pop3.ok("USER user")
        self.pop3.ok("PASS secret")
        self.pid = server.session_process()

    def end(self):
        self.pop3.sock.close()
        while os.path.exists("/proc/%d" % self.pid):
            time.sleep(0.01)

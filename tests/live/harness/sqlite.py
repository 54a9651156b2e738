# SPDX-License-Identifier: LGPL-2.1-or-later
"""A database of the tests' own, for Dovecot's dict process."""

import contextlib
import os
import shutil
import sqlite3
import tempfile


class Sqlite:
    """schema: statements that make it. Dovecots of the same target share it.

    path: as Dovecot sees it. A schema is not to be changed later: Dovecot's
    driver would fail once for each process that knows the old one."""

    def __init__(self, target, schema):
        self._folder = tempfile.mkdtemp(prefix="pop3-policy-sqlite.",
                                        dir=target.host_path("/var/tmp"))
        self._file = self._folder + "/database"
        self.path = (self._file if target.root == "/" else
                     self._file[len(target.root):])
        with contextlib.closing(sqlite3.connect(self._file)) as database:
            database.executescript(schema)
        uid, gid = (int(target.run_in_root(["id", option, "dovecot"]).stdout)
                    for option in ("-u", "-g"))
        for path in self._folder, self._file:
            os.chown(path, uid, gid)

    def close(self):
        shutil.rmtree(self._folder)

    def execute(self, statement, *values):
        """Commits; returns all rows."""
        with contextlib.closing(sqlite3.connect(self._file)) as database:
            with database:
                return database.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def locked(self):
        """Nobody else can read or write meanwhile."""
        with contextlib.closing(sqlite3.connect(
                self._file, isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            yield
            database.execute("ROLLBACK")

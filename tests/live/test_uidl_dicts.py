# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kept UIDLs that several servers share: in Redis, and in SQL."""

import os

from harness import message
from harness.kept import KeptTest, listing
from harness.redis import Redis
from harness.sqlite import Sqlite
from harness.uidls import TEMP, policy

# As the guide has it, and a way to make a transaction fail in its middle.
SCHEMA = """
CREATE TABLE pop3_uidls (
  username VARCHAR(255) NOT NULL,
  part VARCHAR(16) NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (username, part)
);
CREATE TABLE refused (part VARCHAR(16));
CREATE TRIGGER refuse BEFORE INSERT ON pop3_uidls
WHEN NEW.part IN (SELECT part FROM refused)
BEGIN
  SELECT RAISE(ABORT, 'no room');
END;
"""

# sessions are no user of Dovecot's group
SERVICE = "service dict {\n  unix_listener dict {\n    mode = 0666\n  }\n}\n"
PROXY = {
    "2.3": "plugin {\n  pop3_policy_uidl_dict = proxy::uidls\n}\n",
    "2.4": "pop3_policy_uidl_dict {\n  dict proxy {\n    name = uidls\n"
           "  }\n}\n",
}
MAP = {
    "2.3": """\
connect = %s
map {
  pattern = priv/pop3-policy/uidls/$part
  table = pop3_uidls
  username_field = username
  value_field = value
  fields {
    part = $part
  }
}
""",
    "2.4": """\
    sql_driver = sqlite
    sqlite_path = %s
    dict_map priv/pop3-policy/uidls/$part {
      sql_table = pop3_uidls
      username_field = username
      key_field part {
        value = $part
      }
      value_field value {
      }
    }
""",
}


class Shared:
    """What any store does. Subclasses have has_store(user): is there anything
    of this user in it?"""

    # To a dict mdbox's GUIDs are like sdbox's.

    def test_two_servers(self):
        user, uidls = self.pinned_in_parts()
        self.change_policy(user)
        self.assertEqual(self.uidls(user), uidls)
        self.assertIsNone(self.store(user))
        # its configuration differs, so that it is another instance
        other = self.user(policy("keyed:content"), name=user.name,
                          dovecot=self.instance(extra=self.extra_config +
                                                "# the other one\n"))
        other.copy_mail_from(user)
        self.assertEqual(self.uidls(other), uidls)
        # what is removed on both sides is forgotten
        for each in user, other:
            client = each.pop3()
            client.pipeline(["DELE %d" % number for number in range(1, 101)])
            client.quit()
            for _ in range(2):
                self.assertEqual(self.uidls(each), uidls[100:])

    def test_fewer_and_none(self):
        user, uidls = self.pinned_in_parts()
        self.change_policy(user)
        self.assertEqual(self.uidls(user), uidls)
        # one part is left
        client = user.pop3()
        client.pipeline(["DELE %d" % number
                         for number in range(1, len(uidls) - 29)])
        client.quit()
        for _ in range(2):
            self.assertEqual(self.uidls(user), uidls[-30:])
        self.assertTrue(self.has_store(user))
        user.doveadm("pop3 uidl unpin")
        self.assertFalse(self.has_store(user))
        self.expect_errors("UIDL refused: 30 of 30 messages ")
        client = user.pop3()
        client.err("UIDL", TEMP)
        client.quit()


def make_redis(_target):
    return Redis()


def make_database(target):
    return Sqlite(target, SCHEMA)


class RedisTest(KeptTest):
    def setUp(self):
        self.redis = self.instances.server(self.version, make_redis)
        self.extra_config = self.redis_settings(self.redis.port)
        super().setUp()

    def has_store(self, user):
        return any(self.redis.command(
            "exists", user.name + "/pop3-policy/uidls/" + part) != "0"
            for part in ("head", "0", "1"))


class Direct(Shared, RedisTest):
    """Sessions ask Redis themselves."""

    def redis_settings(self, port):
        return {
            "2.3": "plugin {\n  pop3_policy_uidl_dict = "
                   "redis:host=127.0.0.1:port=%d\n}\n",
            "2.4": "pop3_policy_uidl_dict {\n  dict redis {\n"
                   "    redis_port = %d\n  }\n}\n",
        }[self.version] % port

    def test_down(self):
        user, uidls = self.pinned()
        self.change_policy(user)
        self.assertEqual(self.uidls(user), uidls)
        self.redis.stop()
        self.addCleanup(self.redis.start)
        self.expect_errors("redis", "Can't list UIDLs")
        client = user.pop3()
        client.err("UIDL", TEMP)
        client.quit()

    def test_it_has_forgotten_all(self):
        user, _ = self.pinned(30)
        self.change_policy(user)
        self.redis.command("flushall")
        self.expect_errors("UIDL refused: 30 of 30 messages ")
        client = user.pop3()
        client.err("UIDL", TEMP)
        client.quit()


class Process(Shared, RedisTest):
    """Dovecot's dict process asks it. Its lines are limited."""

    def redis_settings(self, port):
        return SERVICE + PROXY[self.version] + {
            "2.3": "dict {\n  uidls = redis:host=127.0.0.1:port=%d\n}\n",
            "2.4": "dict_server {\n  dict uidls {\n    driver = redis\n"
                   "    redis_port = %d\n  }\n}\n",
        }[self.version] % port


class Sql(Shared, KeptTest):
    """Dovecot's dict process asks SQLite."""

    def setUp(self):
        self.database = self.instances.server(self.version, make_database)
        map_ = MAP[self.version] % self.database.path
        self.extra_config = SERVICE + PROXY[self.version]
        if self.version == "2.3":
            self.files = {"uidls-sql.conf": map_}
            self.extra_config += \
                "dict {\n  uidls = sqlite:@BASE@/uidls-sql.conf\n}\n"
        else:
            self.extra_config += ("dict_server {\n  dict uidls {\n    driver "
                                  "= sql\n" + map_ + "  }\n}\n")
        super().setUp()

    def rows(self, user):
        """{part: value}"""
        return dict(self.database.execute(
            "SELECT part, value FROM pop3_uidls WHERE username = ?",
            user.name))

    def has_store(self, user):
        return bool(self.rows(user))

    def test_restart(self):
        user, uidls = self.pinned_in_parts()
        other, others = self.pinned(3)
        self.assertEqual(sorted(self.rows(user)), ["0", "1", "head"])
        exported = user.doveadm("pop3 uidl export")
        self.assertEqual([uidl for uidl, _ in listing(exported)], uidls)
        self.dovecot.restart()
        for each in user, other:
            self.change_policy(each)
        self.assertEqual(self.uidls(user), uidls)
        self.assertEqual(self.uidls(other), others)
        self.assertEqual(user.doveadm("pop3 uidl export"), exported)

    def test_strange_characters(self):
        """They may be any that a UIDL has, and more in a Maildir's GUID."""
        printable = "".join(chr(byte) for byte in range(0x21, 0x7f))
        uidls = ["%" * 70, "?" * 70, "'" * 70, "';--", "$1$part", "\\'\\",
                 printable[:47], printable[47:]]
        user = self.user(policy("keyed", "uidl_storm = allow"))
        user.append([message("m%d" % n) for n in range(len(uidls))])
        if self.format == "maildir":
            folder = user.host_home + "/Maildir/"
            stat = os.stat(folder + "new")
            name = "1700000000.%s.\t\x7f\xe4.host" % printable.translate(
                {ord(c): None for c in "/:,."})
            with open(folder + "new/" + name, "wb") as file:
                file.write(message("strange"))
                os.fchown(file.fileno(), stat.st_uid, stat.st_gid)
            uidls.append("strange")
        user.set_script("local uidls = {%s}\n"
                        "function pop3_policy_uidl(session, message)\n"
                        "  return uidls[message.uid]\nend\n" % ", ".join(
                            '"%s"' % "".join("\\%03d" % ord(c) for c in uidl)
                            for uidl in uidls))
        user.set_policy(policy("keyed", "script = %s.lua" % user.name,
                               "uidl_storm = allow"))
        self.assertEqual(self.uidls(user), uidls)
        user.doveadm("pop3 uidl pin")
        self.change_policy(user, "dovecot")
        self.assertEqual(self.uidls(user), uidls)

    def test_half_a_transaction(self):
        user, uidls = self.pinned_in_parts()
        before = self.rows(user)
        user.append(message("new"))
        self.database.execute("INSERT INTO refused VALUES ('1')")
        self.addCleanup(self.database.execute, "DELETE FROM refused")
        self.expect_errors("no room")
        result = user.doveadm("pop3 uidl pin", check=False)
        self.assertEqual(result.returncode, 75)
        self.assertRegex(result.stderr, b"Pinning UIDLs failed: .*no room")
        self.assertEqual(self.rows(user), before)
        self.change_policy(user)
        self.assertEqual(self.uidls(user)[:-1], uidls)
        self.database.execute("DELETE FROM refused")
        user.doveadm("pop3 uidl pin")
        self.assertNotEqual(self.rows(user), before)
        self.change_policy(user, "dovecot")
        self.assertEqual(self.uidls(user)[:-1], uidls)

    def test_locked(self):
        user, uidls = self.pinned()
        with self.database.locked():
            self.expect_errors("locked")
            self.refused(user, "locked")
        self.assertEqual(self.uidls(user), uidls[:-1])

    def test_damaged(self):
        for statement, error in (
                ("UPDATE pop3_uidls SET value = substr(value, 1, 100) WHERE "
                 "username = ? AND part = '0'", "is damaged"),
                ("DELETE FROM pop3_uidls WHERE username = ? AND part = '0'",
                 "Parts are missing")):
            user, uidls = self.pinned()
            rows = self.rows(user)
            self.database.execute(statement, user.name)
            self.refused(user, error)
            self.database.execute("REPLACE INTO pop3_uidls VALUES (?, '0', ?)",
                                  user.name, rows["0"])
            self.assertEqual(self.uidls(user), uidls[:-1])

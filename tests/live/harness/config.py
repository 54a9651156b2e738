# SPDX-License-Identifier: LGPL-2.1-or-later
"""dovecot.conf of a private instance, in the languages of 2.3 and of 2.4."""

import re

_COMMON = """\
base_dir = {run}
state_dir = {run}
log_path = {base}/dovecot.log
listen = 127.0.0.1
{ssl}mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
auth_failure_delay = 0
{limits}

namespace inbox {{
  inbox = yes
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = {pop3s_port}
    ssl = yes
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3 {{
  executable = {pop3}
}}
service imap {{
  executable = {imap}
}}
{auth}service lmtp {{
  executable = {faked} {libexec}/lmtp
  {service_count} = 1
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
"""

_23 = """\
protocols = pop3 imap lmtp
disable_plaintext_auth = no
login_log_format_elements = user=<%u> method=%m rport=%b mpid=%e session=<%{{session}}>
userdb {{
  driver = passwd-file
  args = {base}/users/%u
}}
"""

_24 = """\
dovecot_config_version = {version}
dovecot_storage_version = {version}
protocols {{
  pop3 = yes
  imap = yes
  lmtp = yes
}}
auth_allow_cleartext = yes
auth_internal_failure_delay = 0
login_log_format_elements = user=<%{{user}}> method=%{{mechanism}} rport=%{{remote_port}} mpid=%{{mail_pid}} session=<%{{session}}>
mail_driver = maildir
mail_path = ~/Maildir
userdb passwd-file {{
  passwd_file_path = {base}/users/%{{user}}
}}
"""


def quoted(value):
    """A value in double quotes, as both versions read it."""
    return '"' + re.sub(r'(["\\])', r"\\\1", str(value)) + '"'


def _plugins(is_24, plugins):
    if not plugins:
        return ""
    if is_24:
        return "mail_plugins {\n%s}\n" % "".join(
            "  %s = yes\n" % name for name in plugins)
    return "mail_plugins = %s\n" % " ".join(plugins)


def _settings(is_24, settings):
    """Settings of the plugin go into plugin { } on 2.3, all else is global."""
    lines, plugin = [], []
    for name, value in settings.items():
        line = "%s = %s\n" % (name, quoted(value))
        if name.startswith("pop3_policy") and not is_24:
            plugin.append("  " + line)
        else:
            lines.append(line)
    if plugin:
        lines += ["plugin {\n"] + plugin + ["}\n"]
    return "".join(lines)


def _ssl(is_24, tls):
    if not tls:
        return "ssl = no\n"
    if is_24:
        return ("ssl = yes\nssl_server_cert_file = @BASE@/tls.crt\n"
                "ssl_server_key_file = @BASE@/tls.key\n")
    return "ssl = yes\nssl_cert = <@BASE@/tls.crt\nssl_key = <@BASE@/tls.key\n"


# The users of the instance, who have the same password.
USERS = ("passwd-file", {"args": "@BASE@/users/%u"})


def _passdb(is_24, number, driver, settings):
    """settings: as 2.3 calls them; dict: of login delays, its name."""
    settings = dict(settings)
    dict_name = settings.pop("dict", None)
    if not is_24:
        if dict_name is not None:
            settings["args"] += " dict=" + dict_name
        return "passdb {\n  driver = %s\n%s}\n" % (driver, "".join(
            "  %s = %s\n" % item for item in settings.items()))
    names = {
        "args": {"lua": "lua_file",
                 "passwd-file": "passwd_file_path",
                 "pop3_policy": "pop3_policy_file",
                 "static": "passdb_static_password"}[driver],
        "mechanisms": "mechanisms_filter",
    }
    text = "".join("  %s = %s\n" % (names.get(name, name),
                                    value.replace("%u", "%{user}"))
                   for name, value in settings.items())
    if dict_name is not None:
        text += ("  pop3_policy_login_delay {\n    dict proxy {\n"
                 "      name = %s\n    }\n  }\n" % dict_name)
    return "passdb p%d {\n  driver = %s\n%s}\n" % (number, driver, text)


def write_config(is_24, values, plugins, settings, pop3_settings, extra,
                 passdbs=(), tls=False):
    """The whole text. settings and pop3_settings: name -> value; extra: text
    as it stands; passdbs: (driver, {setting: value}), settings as 2.3 calls
    them. @BASE@ is the folder of the instance."""
    values = dict(values, ssl=_ssl(is_24, tls),
                  service_count="restart_request_count" if is_24
                  else "service_count")
    text = (_24 if is_24 else _23).format(**values)
    for number, (driver, passdb) in enumerate(passdbs or (USERS,)):
        text += _passdb(is_24, number, driver, passdb)
    text += _COMMON.format(**values)
    if values["modules"]:
        text += "mail_plugin_dir = %s\n" % values["modules"]
    text += _plugins(is_24, plugins)
    text += _settings(is_24, settings)
    if pop3_settings:
        text += "protocol pop3 {\n%s}\n" % _settings(is_24, pop3_settings)
    return (text + extra).replace("@BASE@", values["base"])

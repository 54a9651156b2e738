# SPDX-License-Identifier: LGPL-2.1-or-later
"""The policies that are measured."""

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
NO_JOURNAL = "[default]\ndelete = allow all\njournal = off\n"
ALLOW_ALL = "[default]\ndelete = allow all\n"
ARCHIVE = "[default]\ndelete = archive:Archive all\n"
HISTORY = """\
[default]
delete = deny:"fetch this message first" unretrieved
         allow all
"""
HOLD = "[default]\nhold = keyword Hold\n"
HIDE_ALL = "[default]\ndelete = hide all\n"
# Every tenth message is larger than that.
DENY_TENTH = """\
[default]
delete = deny:"too large to go" larger 2k
         allow all
"""
# 200 lines with four hooks; three fields of each message at login, and when it
# is deleted; no hook. Callgrind takes fifty times as long.
_SCRIPT = "[default]\nscript = %s.lua\nscript_time = 30s\n"
SCRIPT = _SCRIPT % "session"
SHOW = _SCRIPT % "show"
FEW_FIELDS = _SCRIPT % "few"
NO_HOOK = _SCRIPT % "none"
UIDL = "[default]\nuidl = %s\n"
EXPIRY = ALLOW_ALL + "expire = expunge retrievedbefore 14d\n"
EXPIRY_FLAGS = ALLOW_ALL + "expire = expunge retrievedbefore 14d unflagged\n"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What live tests are written with; README.md beside it shows how."""

from .case import LiveTest
from .dovecot import Dovecot
from .mails import data_messages, message
from .pop3 import Pop3, Reply

__all__ = ["Dovecot", "LiveTest", "Pop3", "Reply", "data_messages", "message"]

-- SPDX-License-Identifier: LGPL-2.1-or-later
-- No hook at all. For tests/bench/run.

local unused = 1

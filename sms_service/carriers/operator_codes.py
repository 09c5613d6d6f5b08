"""The operators' own codes (Stat of a CMPP receipt), which Tencent hands on as they are."""

from __future__ import annotations

DELIVERED = "DELIVRD"
PENDING = frozenset({"ACCEPTD", "ENROUTE", "UNKNOWN"})
"""Receipts that tell nothing final."""
NUMBER_DEAD = frozenset({"MK:0001"})
"""The home register does not know the number. UNDELIV, MK:0000, MK:0012 and the like are not here: they also stand for
a handset that is off, or a message that was filtered."""

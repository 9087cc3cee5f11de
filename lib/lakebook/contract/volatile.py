"""Functions of SQL that give other values at another time; no rule and no step may hang on one."""

from __future__ import annotations

CLOCK = {
    "now", "today", "get_current_timestamp", "get_current_time", "transaction_timestamp",
    "current_date", "current_time", "current_timestamp", "current_localtimestamp",
    "current_localtime", "localtime", "localtimestamp",
}  # fmt: skip
DICE = {"random", "rand", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"}

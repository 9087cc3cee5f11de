"""The changes of a zone's clocks, found by looking every six hours, are all that its file lists."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import resources
from zoneinfo._zoneinfo import ZoneInfo as Listed  # type: ignore[import-not-found]

import pytest
import sampling

from lakebook.zones import names, pieces, zone_named

FIRST, LAST = datetime(1900, 1, 1), datetime(2037, 1, 1)


def listed_changes(name: str) -> list[datetime]:
    """The moments at which the offset changes, as the database has them."""
    path = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with path.open("rb") as file:
        zone = Listed.from_file(file)
    moments = [datetime(1970, 1, 1) + timedelta(seconds=at) for at in zone._trans_utc]
    infos = [zone._tti_before, *zone._ttinfos]
    pairs = zip(moments, infos, infos[1:], strict=False)
    return [at for at, old, new in pairs if old.utcoff != new.utcoff and FIRST <= at < LAST]


@pytest.mark.soak
def test_no_change_of_clocks_is_missed() -> None:
    drawn = ["America/St_Johns", "Africa/El_Aaiun", *sampling.chosen(sorted(names()), 3, "clocks")]
    for name in drawn:
        changes = listed_changes(name)
        found = [piece.start for piece in pieces(name, FIRST, LAST)][1:]
        last = max(changes, default=FIRST)  # what follows is a rule, not a list
        assert [at for at in found if at <= last] == [at for at in changes if at > FIRST], name


def test_a_zone_is_of_the_pinned_database() -> None:
    assert str(zone_named("Europe/Berlin")) == "Europe/Berlin"
    for name in ("Berlin", "../zones", ""):
        with pytest.raises(KeyError):
            zone_named(name)

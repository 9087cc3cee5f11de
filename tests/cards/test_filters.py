"""Templates of cards and pages use only filters that there are."""

from __future__ import annotations

import pytest
from jinja2.nodes import Filter

from lakebook.site.render import templates


@pytest.mark.parametrize("name", sorted(templates().list_templates()))
def test_a_template_knows_its_filters(name: str) -> None:
    made = templates()
    assert made.loader is not None
    source, _, _ = made.loader.get_source(made, name)
    used = {node.name for node in made.parse(source).find_all(Filter)}
    assert used <= made.filters.keys()

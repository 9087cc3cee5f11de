"""Which datasets a job looks at: all that a contract promises, or those that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..contract.lookup import find_table, readable_tables
from ..contract.model import TableContract
from ..errors import UserError
from ..names import LAYERS, Dataset
from ..settings import Settings


def chosen_tables(
    settings: Settings, datasets: str | Iterable[str], problem: Callable[[UserError], None]
) -> list[TableContract]:
    """Contracts by layer and name. `datasets`: names, or one text with commas between; none: all.

    Raises UserError for a name that no contract promises, ContractError for a broken contract that
    is named; among all of them, `problem` is told of each that is broken.
    """
    if names := _names(datasets):
        return [find_table(settings, Dataset.parse(name)) for name in names]
    order = {layer: at for at, layer in enumerate(LAYERS)}
    found = readable_tables(settings)
    for one in found.problems:
        problem(one)
    return sorted(found.tables, key=lambda t: (order[t.dataset.layer], t.dataset.name))


def chosen_table(settings: Settings, dataset: str, example: str) -> TableContract:
    """The contract of the one dataset that a job needs. Raises UserError, with an example."""
    if not dataset:
        raise UserError("no dataset is named", fix=f"set it: {example}")
    return find_table(settings, Dataset.parse(dataset))


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    texts = given.split(",") if isinstance(given, str) else list(given)
    if not all(isinstance(text, str) for text in texts):
        raise UserError(
            f"datasets={given!r} are no names",
            fix='write such as "silver.flights,gold.fct_flights"',
        )
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))

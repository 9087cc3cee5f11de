"""What people see of tiers: plans, what became of them, what each tier holds, bars meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ..cards.words import money, plural, size_text
from ..tiers.actions import Group, TierPlan, grouped, spans
from ..tiers.planfile import action_to_json, plan_to_json
from .shared import console, error_console

if TYPE_CHECKING:
    from ..settings import Prices
    from ..tiers.applied import Applied, Left
    from ..tiers.status import DatasetStatus

_WIDE = 130  # columns that the table of a plan needs
_VERBS = {"move": "moved", "archive": "archived", "fall_back": "fell back", "delete": "deleted"}


def plan_to_print(plan: TierPlan) -> dict[str, Any]:
    """A plan for machines: what its file holds, with each action's reason and cost in words."""
    actions = [action_to_json(action, plan.prices) for action in plan.actions]
    return {**plan_to_json(plan), "actions": actions}


def print_plan(plan: TierPlan) -> None:
    out = console()
    if plan.actions:
        if out.width >= _WIDE:
            out.print(_plan_table(plan))
        else:
            for line in _plan_lines(plan):
                out.print(line, soft_wrap=True)
        out.print(_plan_sum(plan), markup=False, soft_wrap=True)
    else:
        looked = plural(len(plan.datasets), "dataset")
        out.print(f"nothing to move as of {plan.as_of}; {looked} looked at")
    for note in plan.notes:
        text = f"note {note.dataset} {spans(note.partitions)}: {note.text}"
        out.print(text, markup=False, soft_wrap=True)


def _plan_table(plan: TierPlan) -> Table:
    table = _table(("dataset", "partitions", "from", "to", "why"), ("files", "size", "a month"))
    for group in grouped(plan.actions):
        size = size_text(group.size_bytes)
        table.add_row(
            *(group.first.dataset, group.name, group.first.source, _target(group)),
            *(escape(group.reason), f"{group.files:,}", size, _cost(plan, group)),
        )
    return table


def _plan_lines(plan: TierPlan) -> Iterator[str]:
    """The same where a table would be too narrow to read: what, and below it why."""
    for group in grouped(plan.actions):
        size = size_text(group.size_bytes)
        yield (
            f"{group.first.dataset} {group.name}: {group.first.source} → {_target(group)}, "
            f"{plural(group.files, 'file')}, {size}, {_cost(plan, group)} a month"
        )
        yield f"    [dim]{escape(group.reason)}[/]"


def _target(group: Group) -> str:
    first = group.first
    return f"[red]{first.target}[/]" if first.kind == "delete" else first.target


def _cost(plan: TierPlan, group: Group) -> str:
    before, after = group.cost_before(plan.prices), group.cost_after(plan.prices)
    return f"{money(before)} → {'~' if group.first.estimated else ''}{money(after)}"


def _plan_sum(plan: TierPlan) -> str:
    files, size = plural(plan.files, "file"), size_text(plan.size_bytes)
    cost = f"{money(plan.cost_before)} → {money(plan.cost_after)} {plan.prices.currency} a month"
    text = f"{plural(len(plan.actions), 'partition')}, {files}, {size} as of {plan.as_of}: {cost}"
    unsure = [action for action in plan.actions if action.estimated]
    return f"{text} (~ estimated: sizes in cold are known once archived)" if unsure else text


def print_applied(done: Applied) -> None:
    out = console()
    for operation in done.operations:
        verb = _VERBS[operation.kind]
        way = (
            "" if operation.kind == "delete" else f" from {operation.source} to {operation.target}"
        )
        files, size = plural(operation.files or 0, "file"), size_text(operation.size_bytes or 0)
        text = f"{operation.dataset} {spans(operation.partitions)} {verb}{way}: {files}, {size}"
        out.print(text, markup=False, soft_wrap=True)
    _print_left(done.skipped, "note", "left as it is: ")
    for left in done.failed:
        text = f"[bold red]failed[/] {escape(f'{left.kind} {left.sentence}')}"
        error_console().print(text, soft_wrap=True)
    tidied = done.tidied
    if tidied.deleted:
        freed = f"{plural(tidied.deleted, 'file')}, {size_text(tidied.freed_bytes)}"
        out.print(f"swept and deleted: {freed}")
    counts = [f"{plural(done.partitions, 'partition')} ({size_text(done.size_bytes)}) done"]
    for what, some in (("skipped", done.skipped), ("failed", done.failed)):
        if number := sum(len(left.partitions) or 1 for left in some):
            counts.append(f"{number:,} {what}")
    out.print(f"plan {done.plan.id}: {', '.join(counts)}")


def _print_left(some: Sequence[Left], word: str, why: str) -> None:
    for left in some:
        text = f"{word} {left.dataset} {spans(left.partitions)} {why}{left.why}"
        console().print(text, markup=False, soft_wrap=True)


def left_words(skipped: Mapping[str, str]) -> list[str]:
    """Why partitions were left where they are, a line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for partition, why in skipped.items():
        by_reason.setdefault(why, []).append(partition)
    return [f"note {spans(names)}: {why}" for why, names in by_reason.items()]


def print_status(found: Sequence[DatasetStatus], prices: Prices) -> None:
    from ..tiers.status import totals

    out = console()
    if not found:
        out.print("no dataset has a table yet")
        return
    names = ("parts", "rows", "size", "a month", "waits")  # 80 columns in all
    table = _table(("dataset", "tier"), names, ("moves next",))
    for one in found:
        uses = [use for use in one.tiers if use.partitions or use.files or use.waiting_files]
        for use in uses or one.tiers[:1]:
            is_first = use is (uses or one.tiers)[0]
            table.add_row(
                one.dataset if is_first else "",
                use.tier,
                *(f"{number:,}" for number in (use.partitions, use.rows)),
                size_text(use.size_bytes),
                _short(use.monthly_cost),
                size_text(use.waiting_bytes) if use.waiting_files else "",
                one.moves_next if is_first else "",
            )
    table.add_section()
    for use in totals(found):
        table.add_row(
            "all" if use.tier == "hot" else "",
            use.tier,
            f"{use.partitions:,}",
            f"{use.rows:,}",
            size_text(use.size_bytes),
            _short(use.monthly_cost),
            size_text(use.waiting_bytes),
            "",
        )
    out.print(table)
    total = money(sum(one.monthly_cost for one in found))
    out.print(f"{total} {prices.currency} a month; `waits`: no longer needed, still on the disk")
    for one in found:
        if one.restored:
            until = max(moment for _, moment in one.restored)
            text = f"note {one.dataset} {spans([p for p, _ in one.restored])}: a copy for a time, "
            out.print(f"{text}until {until:%Y-%m-%d %H:%M} UTC", markup=False, soft_wrap=True)
        for problem in one.problems:
            text = f"[bold red]damaged[/] {escape(f'{one.dataset}: {problem}')}"
            error_console().print(text, soft_wrap=True)


def _short(amount: float) -> str:
    return money(amount) if amount == 0 or amount >= 0.0001 else "<0.0001"


@contextmanager
def moving(total_bytes: int, what: str) -> Iterator[Callable[[int], None]]:
    """A bar over bytes; gives the function that moves it on."""
    with _progress() as progress:
        task = progress.add_task(what, total=max(total_bytes, 1))
        yield lambda size: progress.advance(task, size)


@contextmanager
def following() -> Iterator[Callable[[str, int, int], None]]:
    """A bar that is told where it is: what is at hand, bytes done, bytes in all."""
    with _progress() as progress:
        task = progress.add_task("", total=None)
        yield lambda what, done, total: progress.update(
            task, description=what, completed=done, total=total
        )


def _progress() -> Progress:
    out = error_console()
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=out,
        transient=True,
        disable=not out.is_terminal,
    )


def _table(left: Sequence[str], right: Sequence[str], last: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in left:
        table.add_column(name, overflow="fold", no_wrap=name != "dataset")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    for name in last:
        table.add_column(name, no_wrap=True)
    return table

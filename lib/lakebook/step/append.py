"""Writing by append: rows of a log are added once, and how far it was read moves with them.

One commit adds the files, sets offsets, fences and `data/`; there is no `fp/`, since nothing is
ever made again. A batch is named by its offsets; its quarantine stands under that name and counts
once the batch is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..contract.model import TableContract
from ..delta import Stage, commit_append, ensure_table
from ..delta import inspect as inspect_files
from ..errors import ConflictError, UserError
from ..intervals import WHOLE
from ..names import table_path, tier_tables
from .card import Card, card_of
from .gate import audit_rows, hold, profile_rows, referenced_keys, split_rows, stage_rows
from .outcome import Output
from .timing import commit_metadata, timed
from .view import open_view

if TYPE_CHECKING:
    from .lake import LakeContext


def append(context: LakeContext, frame: Any, contract: TableContract) -> Card:
    """Audit a batch and add it; return its card. Raises ConflictError if others have added it."""
    table = table_path(context.settings.lake, contract.dataset, env=context.settings.env)
    ensure_table(table, contract)
    offsets = context.offsets
    if not offsets.ends:
        raise UserError(
            f"{contract.dataset} is written by append, and no log was ingested",
            fix='write what step.ingest("scheme://…") gives: its offsets are committed with it',
        )
    stages: list[Stage] = []
    try:
        with timed(context, "stage"):
            stage = stage_rows(context, frame, contract, stages, interval=None)
        with timed(context, "inspect"):
            found = inspect_files(stage, contract)
        with timed(context, "audit"):
            references = referenced_keys(context, contract)
            audit = audit_rows(context, contract, stage, found, references, covered=())
        hold(context, contract, audit)
        published, inspection, aside = stage, found, 0
        broken = audit.broken() if audit else {}
        if broken:
            fps = dict.fromkeys(found.partitions, offsets.batch)
            with timed(context, "quarantine"):
                published, inspection, aside = split_rows(
                    *(context, contract, stage, found, broken, references, fps, stages),
                    interval=None,
                )
        profiled = profile_rows(context, contract, published, inspection)
        with timed(context, "commit"):
            _bring_to_hot(context, contract, inspection.partitions)
            done = commit_append(
                table,
                stage=published,
                inspection=inspection,
                offsets=offsets.ends,
                expected_offsets=offsets.begins,
                set_aside={offsets.batch: aside} if aside else {},
                metadata=commit_metadata(context),
            )
    except ConflictError:
        context.outcome.conflicts.append(WHOLE)  # what is new is read again, from where it is now
        context.outcome.save()
        raise
    finally:
        for one in stages:
            one.discard()
    output = Output(
        dataset=str(contract.dataset),
        version=done.version,
        committed=done.committed,
        unchanged=(),
        rows_audited=found.rows,
        rows_published=found.rows - aside,
        rows_quarantined=aside,
        profile=profiled,
    )
    context.outcome.add_output(output)
    context.outcome.save()
    return card_of(context, contract, output, audit)


def _bring_to_hot(context: LakeContext, contract: TableContract, partitions: Sequence[str]) -> None:
    """Rows are added in hot: what lies in warm is promoted. Raises ColdError for what is in cold.

    Whoever moves a partition away again before the commit makes it a conflict.
    """
    view = open_view(context.settings, contract)
    view.check_readable(partitions)
    if warm := [p for p in partitions if view.tier(p) == "warm"]:
        from ..tiers.promote import promote

        tables = tier_tables(context.settings.roots, contract.dataset)
        promote(tables, warm, run=context.run.run_id, contract=contract)

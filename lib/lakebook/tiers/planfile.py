"""A plan as JSON, so that exactly what was reviewed is applied; changed by hand, it is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

from ..delta.place import TIERS
from ..errors import UserError, storage_errors
from ..files import put_file
from ..settings import Prices, Settings
from .actions import KINDS, Action, Note, TierPlan

FORMAT = "lakebook tier plan 2"

_ANEW = "make it anew: lakebook tier plan --out FILE"


def with_id(plan: TierPlan) -> TierPlan:
    """Give a plan the id that its content makes."""
    return replace(plan, id=_id_of(_content(plan)))


def plan_to_json(plan: TierPlan) -> dict[str, Any]:
    """What a plan file holds: the plan and, for people, its sums."""
    sums = {
        "actions": len(plan.actions),
        "files": plan.files,
        "rows": plan.rows,
        "size_bytes": plan.size_bytes,
        "monthly_cost_before": round(plan.cost_before, 6),
        "monthly_cost_after": round(plan.cost_after, 6),
        "currency": plan.prices.currency,
    }
    return {"format": FORMAT, "id": plan.id, **_content(plan), "sums": sums}


def write_plan(plan: TierPlan, path: Path) -> None:
    """Write a plan file, whole or not at all."""
    with storage_errors("writing the plan", path):
        put_file(path, json.dumps(plan_to_json(plan), indent=1) + "\n")


def read_plan(settings: Settings, path: Path) -> TierPlan:
    """Read a plan file. Raises UserError if it is damaged, or was made for another lake."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("no such plan file", where=str(path), fix=_ANEW) from None
    except (OSError, ValueError) as broken:
        why = str(broken).splitlines()[0]
        raise UserError(
            f"the plan file cannot be read: {why}", where=str(path), fix=_ANEW
        ) from None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise UserError("this is no plan of tiers", where=str(path), fix=_ANEW)
    try:
        plan = _plan(raw)
    except (KeyError, TypeError, ValueError) as broken:
        raise UserError(
            f"the plan file is damaged ({type(broken).__name__}: {broken})",
            where=str(path),
            fix=_ANEW,
        ) from None
    if plan.id != _id_of(_content(plan)):
        raise UserError(
            f"the plan {plan.id} was changed after it was made", where=str(path), fix=_ANEW
        )
    if plan.lake != str(settings.lake):
        raise UserError(
            f"the plan was made for the lake {plan.lake}, and this is {settings.lake}",
            where=str(path),
            fix="name the lake with --lake, or make a plan for this one",
        )
    return plan


def action_to_json(action: Action, prices: Prices) -> dict[str, Any]:
    """An action for machines, with its reason in words and its cost."""
    return {
        **_action_content(action),
        "reason": action.reason,
        "monthly_cost_before": action.cost_before(prices),
        "monthly_cost_after": action.cost_after(prices),
    }


def _content(plan: TierPlan) -> dict[str, Any]:
    return {
        "lake": plan.lake,
        "as_of": plan.as_of.isoformat(),
        "made": plan.made,
        "prices": asdict(plan.prices),
        "datasets": list(plan.datasets),
        "actions": [_action_content(action) for action in plan.actions],
        "notes": [
            {"dataset": n.dataset, "partitions": list(n.partitions), "text": n.text}
            for n in plan.notes
        ],
    }


def _action_content(action: Action) -> dict[str, Any]:
    return {**vars(action), "ended": action.ended.isoformat() if action.ended else None}


def _id_of(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _plan(raw: Mapping[str, Any]) -> TierPlan:
    return TierPlan(
        id=str(raw["id"]),
        lake=str(raw["lake"]),
        as_of=date.fromisoformat(raw["as_of"]),
        made=str(raw["made"]),
        prices=Prices(**raw["prices"]),
        datasets=tuple(map(str, raw["datasets"])),
        actions=tuple(map(_action, raw["actions"])),
        notes=tuple(Note(n["dataset"], tuple(n["partitions"]), n["text"]) for n in raw["notes"]),
    )


def _action(raw: Mapping[str, Any]) -> Action:
    ended = date.fromisoformat(raw["ended"]) if raw["ended"] else None
    action = Action(**{**raw, "ended": ended})
    if action.kind not in KINDS or {action.source, action.target} - set(TIERS):
        raise ValueError(f"{action.kind} from {action.source} to {action.target}")
    return action

"""The catalog: what emission costs a run, how fast the outbox is filled, and how fast delivered.

Runs are synthetic, of this checkout's steps: a profile of every column, a result of every rule.
`python benchmarks/catalog.py --runs 1000` prints JSON. Delivery is to a server in another process
on the loopback that takes everything, so it shows the cost of our side.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

from lakebook.archive.record import RunRecord, write_record
from lakebook.catalog.emit import emit_in, emit_runs
from lakebook.catalog.outbox import list_files, outbox_folder
from lakebook.catalog.push import push
from lakebook.contract.model import Contract, TableContract
from lakebook.graph import load_graph
from lakebook.run.emission import begin_emission
from lakebook.runtime.warm import WarmUnavailable, call
from lakebook.settings import Settings, load_settings
from lakebook.site.build import build_site

ROOT = Path(__file__).resolve().parents[1]
EMIT = "catalog:measured"  # this file, as the child of the warm parent sees it
_NUMBERS = count(1)


def archive(settings: Settings, contracts: list[Contract], runs: int) -> None:
    """Archive this many runs, of the steps in turn, as of today."""
    began = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with tempfile.TemporaryDirectory() as empty:
        for contract, number in islice(zip(cycle(contracts), _NUMBERS, strict=False), runs):
            record = synthetic(contract, number, began + timedelta(seconds=number))
            write_record(settings.runs, record, Path(empty))


def synthetic(contract: Contract, number: int, began: datetime) -> RunRecord:
    timed = any(table.time for table in contract.tables)
    return RunRecord(
        run_id=f"{began:%Y%m%dT%H%M%S}-{contract.step}-{number:06x}",
        step=str(contract.step),
        env="prod",
        status="ok",
        began=began.isoformat(timespec="milliseconds"),
        elapsed_s=1.5,
        start="2013-01-01" if timed else None,
        end="2013-02-01" if timed else None,
        partitions=("2013-01",) if timed else ("*",),
        outputs=tuple(output(table) for table in contract.tables),
        checks=tuple(one for table in contract.tables for one in checks(table)),
    )


def output(table: TableContract) -> dict[str, Any]:
    column = {"nulls": 12, "distinct": 3456, "min": "2013-01-01", "max": "2013-01-31"}
    return {
        "dataset": str(table.dataset),
        "version": 7,
        "committed": ["2013-01"],
        "unchanged": [],
        "rows_audited": 27_004,
        "rows_published": 27_004,
        "rows_quarantined": 0,
        "profile": {"rows": 27_004, "columns": dict.fromkeys(table.names, column)},
    }


def checks(table: TableContract) -> Iterator[dict[str, Any]]:
    for rule in table.rules:
        yield {
            "dataset": str(table.dataset),
            "name": rule.name,
            "expectation": rule.expectation,
            "column": rule.column,
            "action": rule.action,
            "scope": rule.scope,
            "success": True,
            "unexpected": 0,
            "evaluated": 27_004,
            "sample": [],
            "reason": rule.reason,
        }


def measured(*where: str) -> dict[str, Any]:
    """In the forked child: emit, and say what the child has used since its fork."""
    done = emit_in(*where)
    return {**done, "cpu_ms": time.process_time() * 1000}


def emission(settings: Settings, contracts: list[Contract], steps: int, turns: int) -> dict:
    """What the end of a run of so many steps pays, as a run pays it: by the warm parent.

    `cpu_ms` is that of child and parent (the fork); the wall depends on who else is there. A run
    emits beside the building of the site: `added_ms` is what its end then takes more.
    """
    where = (str(settings.root), str(settings.lake), settings.env)
    emit = functools.partial(call, settings, EMIT, *where, cwd=Path(__file__).parent)
    parent = call(settings, "os:getppid")
    emit()  # what comes first describes the datasets as well
    found: dict[str, list[float]] = {"wall_ms": [], "cpu_ms": [], "added_ms": []}
    for _ in range(turns):
        archive(settings, contracts, steps)
        before, began = used_ms(parent), time.perf_counter()
        done = emit()
        found["wall_ms"].append((time.perf_counter() - began) * 1000)
        found["cpu_ms"].append(done["cpu_ms"] + used_ms(parent) - before)
        if done["runs"] != steps or done["troubles"]:
            raise SystemExit(f"{done} of {steps} runs")
        build_site(settings)
        archive(settings, contracts, steps)
        alone = ended_in_ms(settings, begin=lambda: str)
        archive(settings, contracts, steps)
        beside = ended_in_ms(settings, begin=lambda: begin_emission(settings))
        found["added_ms"].append(beside - alone)
    medians = {name: statistics.median(values) for name, values in found.items()}
    each = {f"{name}_a_step": value / steps for name, value in medians.items()}
    return {"steps": steps, **{name: round(value, 1) for name, value in (medians | each).items()}}


def ended_in_ms(settings: Settings, begin: Callable[[], Callable[[], str]]) -> float:
    """The end of a run: the site is built, and what was begun before is waited for."""
    began = time.perf_counter()
    finish = begin()
    build_site(settings)
    if note := finish():
        raise SystemExit(note)
    return (time.perf_counter() - began) * 1000


def used_ms(pid: int) -> float:
    """What a process has used so far, by the scheduler's own count."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - wall, time.process_time() - cpu


@contextmanager
def taker() -> Iterator[str]:
    """The address of a server that takes everything, in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def serve(pipe: Any) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, *args: Any) -> None:
            """Be quiet."""

        def do_GET(self) -> None:
            self.say(b'{"noCode": "true"}')

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.say(b'{"value": "ok"}')

        def say(self, text: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_address[1])
    server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    found: dict[str, Any] = {"runs": args.runs}
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(ROOT, lake=folder)
        graph = load_graph(settings)
        contracts = [node.contract for node in graph.order() if node.contract]
        archive(settings, contracts, len(contracts))
        try:
            found["after_a_run"] = [
                emission(settings, contracts, steps, args.repeat) for steps in (1, len(contracts))
            ]
        except WarmUnavailable as why:
            found["after_a_run"] = str(why)
        emit_runs(settings)  # imports, in this process
        archive(settings, contracts, args.runs)
        before = sum(len(file.read()) for file in list_files(outbox_folder(settings)))
        _, wall_s, cpu_s = timed(lambda: emit_runs(settings))
        total = sum(len(file.read()) for file in list_files(outbox_folder(settings)))
        found["outbox"] = rate(total - before, wall_s, cpu_s)
        with taker() as address:
            done, wall_s, cpu_s = timed(lambda: push(settings, address))
        found["push"] = rate(done.proposals, wall_s, cpu_s)
    print(json.dumps(found, indent=2))


def rate(proposals: int, wall_s: float, cpu_s: float) -> dict[str, Any]:
    return {
        "proposals": proposals,
        "wall_s": round(wall_s, 2),
        "cpu_s": round(cpu_s, 2),
        "proposals_per_s": round(proposals / wall_s),
    }


if __name__ == "__main__":
    main()

"""What cells show, on its way from the kernel into the notebook and the journal.

The part of the notebook client that hears: streams are joined and floods cut as they come
(`outputs.py`), and what may be kept of them goes to the journal line by line.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from nbclient.client import timestamp
from nbclient.util import ensure_async
from nbformat.v4 import new_output, output_from_msg
from papermill.clientwrap import PapermillNotebookClient

from ..archive import withheld
from ..archive.masking import MaskedStream, masker
from .monitor import Monitor
from .outputs import Kept, in_order

JOURNAL_MAX = 50_000_000
"""Characters of a cell's streams that are on the disk while it runs."""
SILENCE_S = 10.0
"""After a cell's reply, without a message and without the one that says that it is idle."""
_NOT_NOTED = "\n[what the cell printed after this was not kept, as the job was killed]\n"
_LOST = "[the kernel's last messages did not arrive: outputs of this cell may be missing]\n"


class OutputClient(PapermillNotebookClient):  # type: ignore[misc]
    """Papermill's client, as far as it hears what a cell shows."""

    def __init__(self, nb_man: Any, monitor: Monitor, **kwargs: Any) -> None:
        super().__init__(nb_man, **kwargs)
        self.monitor = monitor
        self.mask = masker(os.environ)
        self._heard = 0.0
        self.begin_outputs()

    def begin_outputs(self) -> None:
        """A cell begins."""
        self._shown = Kept()
        self._masked: dict[str, MaskedStream] = {}
        self._noted = 0

    def end_outputs(self, cell: Any) -> None:
        """A cell has ended: its outputs are what may be kept of them."""
        if more := self._shown.settle():
            cell.outputs.append(new_output("stream", name="stderr", text=f"{more}\n"))
        cell.outputs = self._kept(in_order(cell.get("outputs", [])))

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self._heard = time.monotonic()
        output = super().process_message(msg, cell, cell_index)
        display = (msg["content"].get("transient") or {}).get("display_id")
        if msg["msg_type"] == "update_display_data" and display:
            drawn = self._kept([output_from_msg({**msg, "msg_type": "display_data"})])[0]
            self._note({"cell": cell_index, "update": display, "with": drawn})
        elif output and output["output_type"] == "stream":
            self._note_piece(output, cell_index)
        elif output:
            named = {"display": display} if display else {}
            self._note({"cell": cell_index, "output": self._kept([output])[0], **named})
        return output

    def output(self, outs: list[Any], msg: Any, display_id: str | None, cell_index: int) -> Any:
        """As nbclient's, but that streams are joined and floods are cut as they come."""
        if self.clear_before_next_output:
            self._clear(cell_index)
        content, kind = msg["content"], msg["msg_type"]
        if not self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            if kind == "stream" and self._shown.joins(content):
                return output_from_msg(msg)
            if kind != "error" and not self._shown.has_room(content.get("data", {})):
                return None
        made = super().output(outs, msg, display_id, cell_index)
        if made and kind == "stream":
            self._shown.begin(made)
        return made

    def clear_output(self, outs: list[Any], msg: Any, cell_index: int) -> None:
        super().clear_output(outs, msg, cell_index)
        if not self.clear_before_next_output and not outs:
            self._clear(cell_index)

    def _clear(self, cell_index: int) -> None:
        self._shown.clear()
        self._note({"cell": cell_index, "outputs": []})

    def _note_piece(self, piece: Any, cell_index: int) -> None:
        """A piece of a stream, without the beginning of a secret that the next one goes on with."""
        name, hidden = piece["name"], withheld.of_run(os.environ)
        stream = self._masked.setdefault(name, MaskedStream(os.environ))
        text = stream.add(piece["text"])
        if self._noted > JOURNAL_MAX:
            return
        self._noted += len(text)
        if self._noted > JOURNAL_MAX:
            text += _NOT_NOTED
        if text:
            kept = withheld.kept_output(type(piece)({**piece, "text": text}), hidden)
            self._note({"cell": cell_index, "output": kept})

    async def _async_poll_for_reply(
        self, msg_id: str, cell: Any, timeout: Any, task_poll_output_msg: Any, alive: Any
    ) -> Any:
        """As nbclient's, which gives up four seconds after the reply, however much still comes."""
        while True:
            reply = await ensure_async(self.kc.shell_channel.get_msg(timeout=None))
            if reply["parent_header"].get("msg_id") == msg_id:
                break
        cell["metadata"]["execution"]["shell.execute_reply"] = timestamp(reply)
        self._heard = time.monotonic()
        while not task_poll_output_msg.done():
            if time.monotonic() - self._heard > SILENCE_S:
                task_poll_output_msg.cancel()
                cell.outputs.append(new_output("stream", name="stderr", text=_LOST))
                break
            await asyncio.wait([task_poll_output_msg], timeout=1)
        else:
            task_poll_output_msg.result()
        alive.cancel()
        return reply

    def _kept(self, outputs: list[Any]) -> list[Any]:
        """Outputs as they may be kept: the kernel has said before what has to stay hidden."""
        hidden = withheld.of_run(os.environ)
        return [self.mask(withheld.kept_output(output, hidden)) for output in outputs]

    def _note(self, record: dict[str, Any]) -> None:
        if self.monitor.journal is not None:
            self.monitor.journal.add(record)

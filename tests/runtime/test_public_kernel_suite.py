"""Jupyter's own suite for kernels, run against a warm one as for any other."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import jupyter_kernel_test
import pytest

from lakebook.runtime.kernelspec import install

from .conftest import IMPORTS, checkout, processes_of, wait_until


class TestWarmKernel(jupyter_kernel_test.KernelTests):
    kernel_name = "lakebook"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples = (
        {"text": "zi", "matches": {"zip"}},
        {"text": "imp", "matches": {"import"}},
    )
    complete_code_samples = ("1", "print('hello, world')", "def f(x):\n  return x*2\n\n\n")
    incomplete_code_samples = ("print('''hello", "def f(x):\n  x*2")
    invalid_code_samples = ("import = 7q",)
    code_page_something = "zip?"
    code_generate_error = "raise"
    code_execute_result = tuple({"code": "1+2+3", "result": "6"} for _ in range(3))
    code_display_data = (
        {"code": "from IPython.display import HTML, display; display(HTML('<b>x</b>'))",
         "mime": "text/html"},
    )  # fmt: skip
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "search")  # of "range", python3 fails too
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"

    patch: Any
    root: Path

    @classmethod
    def setUpClass(cls) -> None:
        install()
        cls.patch = pytest.MonkeyPatch()
        cls.root = checkout(Path(tempfile.mkdtemp(prefix="lakebook-suite-")))
        cls.patch.setenv("LAKEBOOK_WARM_IMPORTS", IMPORTS)
        cls.patch.delitem(sys.modules, "nbclient", raising=False)  # a person's session
        cls.patch.setenv("IPYTHONDIR", str(cls.root / "ipython"))  # a history of its own
        cls.patch.setenv("LAKEBOOK_ROOT", str(cls.root))
        super().setUpClass()
        assert cls.km.provisioner.why_plain == ""

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        cls.patch.undo()
        for pid in processes_of(cls.root):
            os.kill(pid, signal.SIGTERM)
        assert wait_until(lambda: not processes_of(cls.root))

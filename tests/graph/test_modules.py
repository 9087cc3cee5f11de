"""A step stands on the team's modules that it imports, and on those behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakebook.graph.modules import module_files

FILES = {
    "geo/__init__.py": "",
    "geo/airports.py": "from . import base\nimport narwhals\nfrom .deep.x import y\n",
    "geo/base.py": "import json\nimport lakebook\n",
    "geo/other.py": "",
    "geo/deep/__init__.py": "",
    "geo/deep/x.py": "from .. import later\ny = 1\n",
    "geo/later.py": "",
    "clocks.py": "def f():\n    import geo.airports\n    from units import mile\n",
    "units.py": "mile = 1\n",
    "broken.py": "x = = 1",
    "lakebook/step.py": "",
}


@pytest.fixture
def lib(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def names(lib: Path, *imports: str) -> list[str]:
    return [file.relative_to(lib).as_posix() for file in module_files([lib], imports)]


def test_a_module_brings_its_packages_and_what_it_imports(lib: Path) -> None:
    assert names(lib, "geo.airports", "geo.airports.code") == [
        "geo/__init__.py",
        "geo/airports.py",
        "geo/base.py",
        "geo/deep/__init__.py",
        "geo/deep/x.py",
        "geo/later.py",
    ]


def test_an_import_in_a_function_counts_and_a_circle_ends(lib: Path) -> None:
    assert {"clocks.py", "units.py", "geo/airports.py"} <= set(names(lib, "clocks"))


def test_other_packages_and_lakebook_itself_are_left_out(lib: Path) -> None:
    assert names(lib, "json", "narwhals", "lakebook.step") == []


def test_a_module_that_is_imported_by_a_written_name_counts(lib: Path) -> None:
    (lib / "dynamic.py").write_text(
        "import importlib\nimportlib.import_module('clocks')\nreal = __import__('geo.airports')\n"
    )
    assert {"clocks.py", "geo/airports.py"} <= set(names(lib, "dynamic"))


def test_a_module_that_does_not_parse_counts_by_itself(lib: Path) -> None:
    assert names(lib, "broken") == ["broken.py"]


def test_a_folder_without_an_init_is_a_package_as_python_has_it(lib: Path) -> None:
    for name, text in {
        "shop/rates.py": "from . import taxes\nfrom .far.x import y\n",
        "shop/taxes.py": "",
        "shop/far/x.py": "y = 1\n",
        "shop/other.py": "",
    }.items():
        (lib / name).parent.mkdir(parents=True, exist_ok=True)
        (lib / name).write_text(text, encoding="utf-8")
    assert names(lib, "shop.rates.code") == ["shop/far/x.py", "shop/rates.py", "shop/taxes.py"]
    assert module_files([lib], ["shop.rates"], bare_folders=False) == ()


def test_a_folder_without_an_init_is_of_all_places_and_hides_no_package(lib: Path) -> None:
    beside = lib / "notebooks"
    for name in ("geo/mine.py", "shop/near.py", "../shop/far.py"):
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).write_text("", encoding="utf-8")
    found = module_files([beside, lib], ["shop.near", "shop.far", "geo.other", "geo.mine"])
    assert set(found) == {
        *(lib / "geo" / name for name in ("__init__.py", "other.py")),
        beside / "shop/near.py",
        lib / "shop/far.py",
    }

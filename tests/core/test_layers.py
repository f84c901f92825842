"""The architecture, enforced: who may import whom, and what the first screen may not wait for."""

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import ui
from core.paths import ROOT

# Inside core arrows point down: a package imports its own level or a lower one.
LEVELS = [
    {"collector", "errors", "paths", "spelling"},
    {"data"},
    {"tasks"},
    {"constrain"},
    {"models"},
    {"generate"},
    {"evaluate"},
    {"distill"},
    {"runs"},
    {"export"},
]
PAGES = {path.stem for path in (ROOT / "pages").glob("*.py")}
HEAVY = {"torch", "transformers", "peft", "outlines"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def level(package: str) -> int:
    return next(i for i, names in enumerate(LEVELS) if package in names)


@pytest.mark.parametrize("path", sources("core"), ids=lambda p: str(p.relative_to(ROOT)))
def test_core_points_down_and_knows_no_screen(path):
    names = imports(path)
    assert not [n for n in names if n.split(".")[0] in ("streamlit", "ui", "pages")]
    package = path.relative_to(ROOT / "core").parts[0].removesuffix(".py")
    if package in ("__init__", "__main__"):
        return
    used = {n.split(".")[1] for n in names if n.startswith("core.")}
    assert not [other for other in used if level(other) > level(package)]


@pytest.mark.parametrize("path", [*sources("ui", "pages"), ROOT / "app.py"], ids=lambda p: str(p.relative_to(ROOT)))
def test_the_interface_names_no_heavy_library(path):
    assert not {n.split(".")[0] for n in imports(path)} & HEAVY


@pytest.mark.parametrize("path", sources("ui"), ids=lambda p: str(p.relative_to(ROOT)))
def test_parts_of_a_page_are_known_to_that_page_alone(path):
    """What several pages use stands beside their folders."""
    used = {n.split(".")[1] for n in imports(path) if n.startswith("ui.")}
    assert used & PAGES <= {path.parent.name}


def test_importing_the_interface_loads_no_heavy_library():
    modules = [module.name for module in pkgutil.walk_packages(ui.__path__, "ui.")]
    code = f"import sys, {', '.join(modules)}; print([m for m in {sorted(HEAVY)!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_constraints_of_any_schema_load_no_task():
    modules = ", ".join(f"core.constrain.{name}" for name in ("schema", "template", "tokens", "engines.choice"))
    code = f"import sys, {modules}; print([m for m in sys.modules if m.startswith(('core.tasks', 'core.data'))])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_app_is_short():
    assert len((ROOT / "app.py").read_text().splitlines()) <= 15

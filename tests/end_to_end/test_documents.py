"""The commands and Python blocks of README, tutorials and how-tos run as written, in order, in an empty folder.

```bash blocks are run; a ```text block right after one is what they print on standard output (`...` stands for anything).
```python blocks of a page run in one process. ```console, ```sh and ```toml blocks are for reading: they need make, the
extra `train`, or a file that the reader has.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("tutorials/*.md")), *sorted((ROOT / "docs").glob("how-to/*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = ("bash", "text", "python")


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of the blocks that matter, in order."""
    return [(language, text) for language, text in BLOCK.findall(page.read_text()) if language in RUN]


def with_work(page: Path) -> bool:
    return any(language in ("bash", "python") and "my_package" not in text for language, text in blocks(page))


@pytest.mark.parametrize("page", [page for page in PAGES if with_work(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page: Path, tmp_path: Path) -> None:
    program = Path(sys.executable).parent
    env = os.environ | {"PATH": f"{program}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    if page.name == "README.md":  # its Python reads what `make demo` made
        run("condyle simulate lumbar demo/cohort", tmp_path, env)
    said = ""
    told: list[str] = []
    for language, text in blocks(page):
        if language == "bash":
            said = run(text, tmp_path, env)
        elif language == "text":
            assert fnmatchcase(said.strip(), re.sub(r"\[", "[[]", text.strip()).replace("...", "*")), (
                f"{page.name} shows other output:\n{said}"
            )
        elif "my_package" not in text:
            told.append(text)
    if told:
        (tmp_path / "page.py").write_text("\n".join(told))
        run(f"{sys.executable} page.py", tmp_path, env)


def run(commands: str, folder: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout

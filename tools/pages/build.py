"""`make docs`: the site of docs/ in build/docs/site, with the API, live explorers and all of it as
Markdown; then what is wrong with it."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from induction_explorer import InductionExplorer, load_demo
from sphinx.cmd.build import main as sphinx

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCE, SITE = (ROOT / "build" / "docs" / name for name in ("source", "site"))
sys.path.insert(0, str(HERE.parent))

from pages import api, formulas  # noqa: E402 - beside this file
from pages.amended import amended  # noqa: E402
from pages.faults import faults  # noqa: E402

_LINK = re.compile(r"^- \[([^\]]+)\]\(([\w-]+)\.md\): (.*)$", re.MULTILINE)


def main() -> int:
    formulas.write()
    for folder in (SOURCE, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    _lay_source()
    if code := sphinx(["-q", "-W", "--keep-going", "-d", str(SOURCE.parent / "doctrees"),
                       str(SOURCE), str(SITE)]):  # fmt: skip
        return code
    for page in SITE.glob("*.html"):
        page.write_text(amended(page.read_text("utf-8")), "utf-8")
    _lay_markdown()
    found = faults(SITE)
    print(*found, sep="\n", end="\n" if found else "")
    pages = len(list(SITE.glob("*.html")))
    print(f"{SITE / 'index.html'}: {pages} pages, {len(found)} faults")
    return 1 if found else 0


def _lay_source() -> None:
    shutil.copytree(ROOT / "docs", SOURCE)
    (SOURCE / "_static").mkdir()
    shutil.copy(HERE / "site.css", SOURCE / "_static")
    shutil.copy(HERE / "conf.py", SOURCE)
    (SOURCE / "api.md").write_text(api.page(), "utf-8")
    index = SOURCE / "index.md"
    text = index.read_text("utf-8")
    text += "- [API](api.md): every public name, with shapes, units and errors.\n"
    index.write_text(text + _contents(text), "utf-8")
    explorers = SOURCE.parent / "explorers"
    _lay_explorers(explorers)
    shutil.copytree(explorers, SOURCE / "_extra" / "explorers")


def _contents(index: str) -> str:
    """The table of contents, for the side of every page: what the index links to, in its order."""
    parts = re.split(r"^## (.*)$", index, flags=re.MULTILINE)[1:]
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n"
        + "".join(f"{name}\n" for _, name, _ in _LINK.findall(text))
        + "```\n"
        for caption, text in zip(parts[::2], parts[1::2], strict=True)
    )


def _lay_explorers(folder: Path) -> None:
    """Live ones, each in one file; made anew where a file of either package is younger."""
    made = folder / "two-layers.html"
    packages = [*(ROOT / "python").rglob("*.*"), *(ROOT / "widget").rglob("*.*")]
    newest = max(path.stat().st_mtime for path in packages if "__pycache__" not in path.parts)
    if not made.is_file() or made.stat().st_mtime < newest:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _make_explorers(folder)


def _make_explorers(folder: Path) -> None:
    """Of the bundled series."""
    prompt = "If the character token is set, the letter is not used. The character"
    two = load_demo("attn-only-2l")
    shown = {
        "one-and-two-layers.html": InductionExplorer(
            [load_demo("attn-only-1l"), two], series=1, heads=[[0, 4], [1, 6]], prompt=prompt
        ),
        "two-layers.html": InductionExplorer(two, prompt=prompt, heads=[[0, 4], [1, 6]]),
    }
    for name, explorer in shown.items():
        explorer.to_html(folder / name, max_size="3 MB", seconds=300)
        explorer.close()


def _lay_markdown() -> None:
    """Beside each page its Markdown, and an index of them for who reads by machine."""
    for page in SOURCE.glob("*.md"):
        shutil.copy(page, SITE)
    (SITE / "index.md").write_text((ROOT / "docs" / "index.md").read_text("utf-8"), "utf-8")
    (SITE / "llms.txt").write_text("".join(_for_machines()), "utf-8")


def _for_machines() -> Iterator[str]:
    index = (SOURCE / "index.md").read_text("utf-8")
    yield "# Induction Explorer\n\n> A notebook widget and Python kernels that show how induction "
    yield "heads form: every attention head at every checkpoint of training.\n\n## Docs\n\n"
    for title, name, said in _LINK.findall(index):
        yield f"- [{title}]({name}.md): {said}\n"


if __name__ == "__main__":
    raise SystemExit(main())

"""What `make docs` makes of docs/, and what it finds wrong with a site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import api, formulas
from pages.amended import amended
from pages.faults import faults


def site(folder: Path, body: str, **others: str) -> Path:
    (folder / "index.html").write_text(f"<html><body id='top'>{body}</body></html>")
    for name, text in others.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://cdn.example.org/x.js"></script>',
        '<script src="//cdn.example.org/x.js"></script>',
        '<link rel="stylesheet" href="http://fonts.example.org/x.css">',
        '<link rel="preload" href="https://fonts.example.org/x.woff2">',
        '<img src="https://example.org/badge.svg">',
        '<iframe src="https://example.org/"></iframe>',
        "<style>@import '//example.org/x.css';</style>",
        '<p style="background: url(https://example.org/x.png)"></p>',
    ],
)
def test_what_would_be_fetched_from_elsewhere_is_a_fault(tmp_path, body) -> None:
    (found,) = faults(site(tmp_path, body))
    assert found.startswith("index.html fetches ")


def test_so_are_fonts_of_a_style_sheet(tmp_path) -> None:
    sheet = "@font-face { src: url('https://fonts.example.org/x.woff2') }"
    assert faults(site(tmp_path, "", x_css=sheet)) == [
        "x.css fetches https://fonts.example.org/x.woff2."
    ]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("gone.html", "which is not there"),
        ("other.html#gone", "which has no such heading"),
        ("#gone", "which has no such heading"),
        ("http://example.org/", "which is no https address"),
        ("https://example", "which is no https address"),
        ("https://example.org/a b", "which has a space"),
    ],
)
def test_links_that_lead_nowhere(tmp_path, address, why) -> None:
    folder = site(tmp_path, f'<a href="{address}">x</a>', other_html="<p id='here'></p>")
    assert faults(folder) == [f"index.html links to {address}, {why}."]


def test_a_sound_site_has_none(tmp_path) -> None:
    body = (
        '<a href="other.html#here">a</a><a href="#top">b</a><a href="https://example.org/">c</a>'
        '<iframe src="other.html?embed"></iframe><img src="data:image/png;base64,AAAA">'
        '<link rel="canonical" href="https://example.org/">'
    )
    assert faults(site(tmp_path, body, other_html="<p id='here'></p>")) == []


def test_a_page_says_what_its_parts_are() -> None:
    page = (
        '<aside class="sidebar-drawer"><p class="caption" role="heading">Tasks</p></aside>'
        '<table><tr><th class="head"><p>what</p></th><th class="head"><p></p></th></tr></table>'
        '<aside class="toc-drawer"></aside>'
    )
    assert amended(page) == (
        '<aside class="sidebar-drawer" aria-label="Pages">'
        '<p class="caption" role="heading" aria-level="2">Tasks</p></aside>'
        '<table><tr><th class="head"><p>what</p></th><td></td></tr></table>'
        '<aside class="toc-drawer" aria-label="On this page"></aside>'
    )


def test_the_index_leads_to_every_page() -> None:
    docs = formulas.PAGE.parent
    named = set(
        re.findall(
            r"^- \[[^\]]+\]\(([\w-]+\.md)\): ", (docs / "index.md").read_text(), re.MULTILINE
        )
    )
    assert named == {page.name for page in docs.glob("*.md")} - {"index.md"}


def test_the_formulas_are_those_of_the_package() -> None:
    """`make docs` writes the page anew."""
    assert formulas.PAGE.read_text(encoding="utf-8") == formulas.page()


def test_every_public_name_says_what_it_is() -> None:
    page = api.page()
    for names in api.public().values():
        assert len(names) >= 4
        assert all(f"### `{name}`" in page for name, _ in names)
    assert "-> Float[Tensor, 'head query key']" in page
    assert "- `SelectionError`: " in page


def test_a_name_without_a_docstring_is_refused() -> None:
    with pytest.raises(ValueError, match="is public and has no docstring"):
        api.documented(lambda: None)


def test_signatures_are_python() -> None:
    for names in api.public().values():
        for name, one in names:
            if not (isinstance(one, type) and issubclass(one, Exception)):
                written = re.sub(r"^\w+", f"def {name}", api.signature(name, one), count=1)
                compile(f"{written}: ...", name, "exec", flags=0x1000000, dont_inherit=True)


def test_sections_of_docstrings_become_lists() -> None:
    said = "What it is.\n\nArgs:\n    one: the first,\n        and more.\n\nRaises:\n    E: why."
    assert api.as_markdown(said) == (
        "What it is.\n\n**Args**\n\n- `one`: the first,\n  and more.\n\n**Raises**\n\n- `E`: why."
    )

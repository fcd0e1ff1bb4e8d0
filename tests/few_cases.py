"""`pytest --cases N`: of a test with more cases than N, so many, from the whole of their range.

`make check` looks at a claim on a few of its models, shapes and faults; `make test` on all.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections import defaultdict
from random import Random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=_at_least_two, help=__doc__.partition("\n")[0])


# Last: of the cases that other options leave.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    at_most = config.getoption("--cases")
    if at_most is None:
        return
    kept = spread(items, at_most)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def spread(items: list[pytest.Item], at_most: int) -> set[pytest.Item]:
    """Of the items of each test the first, the last, and of those between what is evenly spaced."""
    kept: set[pytest.Item] = set()
    for each in _by_test(items).values():
        count = min(len(each), at_most)
        kept |= {each[i * (len(each) - 1) // max(count - 1, 1)] for i in range(count)}
    return kept


def drawn(items: list[pytest.Item], at_most: int) -> set[pytest.Item]:
    """Of the items of each test so many, always the same, drawn by its name: tests that have the
    same cases, as most have the same models, leave none of them out between them."""
    kept: set[pytest.Item] = set()
    for name, each in _by_test(items).items():
        kept.update(Random(name).sample(each, min(len(each), at_most)))
    return kept


def _by_test(items: list[pytest.Item]) -> dict[str, list[pytest.Item]]:
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    return cases


def _at_least_two(given: str) -> int:
    if not given.isdigit() or int(given) < 2:
        raise ArgumentTypeError(f"{given} is no whole number from 2 on")
    return int(given)

"""What `--cases` leaves of tests with many cases."""

from __future__ import annotations

import pytest
from few_cases import spread


class Case:
    def __init__(self, nodeid: str) -> None:
        self.nodeid = nodeid


def left(cases: int, at_most: int) -> list[int]:
    items = [Case(f"test_x.py::test_y[{i}]") for i in range(cases)]
    kept = spread(items, at_most)
    return [i for i, item in enumerate(items) if item in kept]


@pytest.mark.parametrize(
    ("cases", "at_most", "expected"),
    [
        (9, 3, [0, 4, 8]),
        (2, 3, [0, 1]),
        (3, 3, [0, 1, 2]),
        (4, 3, [0, 1, 3]),
        (100, 2, [0, 99]),
    ],
)
def test_the_first_the_last_and_those_between(cases, at_most, expected) -> None:
    assert left(cases, at_most) == expected


def test_a_test_without_cases_stays() -> None:
    items = [Case("a.py::test_y"), Case("b.py::test_y")]
    assert spread(items, 2) == set(items)


def test_the_cases_of_each_test_are_counted_alone() -> None:
    items = [Case(f"{name}[{i}]") for name in ("a.py::t", "b.py::t") for i in range(2)]
    assert spread(items, 2) == set(items)

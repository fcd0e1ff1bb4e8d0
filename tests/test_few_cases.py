"""What `--cases` leaves of tests with many cases, and which of them run with shapes enforced."""

from __future__ import annotations

import pytest
from few_cases import drawn, spread


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


@pytest.mark.parametrize("cases", [1, 2, 3, 4, 18, 100])
def test_as_many_as_asked_for_are_drawn(cases) -> None:
    items = [Case(f"test_x.py::test_y[{i}]") for i in range(cases)]
    kept = drawn(items, 3)
    assert len(kept) == min(cases, 3)
    assert kept == drawn(items, 3)


def test_many_tests_of_the_same_cases_leave_none_out() -> None:
    items = [Case(f"test_x.py::test_{name}[{i}]") for name in range(40) for i in range(20)]
    kept = drawn(items, 3)
    assert len(kept) == 40 * 3
    assert {item.nodeid.partition("[")[2] for item in kept} == {f"{i}]" for i in range(20)}

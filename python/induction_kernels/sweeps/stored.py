"""A sweep on disk, to be read: a Zarr group, which xarray opens too.

One chunk holds one variable at one checkpoint, with a checksum. It is written whole or not at all;
that it is there and sound is what says that it was computed. So no writer leaves half of a number,
two writers do not disturb each other, and no clock is asked. Rows are in the order in which
checkpoints came to be swept; the list of them is an attribute, replaced in one piece.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.checkpoints.coordinates import along_training
from induction_kernels.errors import StoreError
from induction_kernels.heads.page import Head, HeadPage
from induction_kernels.sweeps import chunks
from induction_kernels.sweeps.access import folder_of, get_all, options_of, reading, together
from induction_kernels.sweeps.own import CHANGED, as_attrs
from induction_kernels.sweeps.own import FAULTS as OWN_FAULTS
from induction_kernels.sweeps.pages import COUNT, TOKEN, SweptPage
from induction_kernels.sweeps.pages import PARTS as OF_A_PAGE
from induction_kernels.sweeps.prompts import VOCABULARY, ReadPrompt, SweptPrompt

if TYPE_CHECKING:
    import xarray
    import zarr

#: Of the layout; another one cannot be read.
FORMAT = 1
#: The attribute that holds it, and the lists of checkpoints and variables.
LIST = "induction_sweep"
#: The attribute that tells xarray which variables are coordinates, as the CF conventions have it.
COORDINATES = "coordinates"
#: The array of what weights were read at each row: `checkpoints/fingerprints.py`.
FINGERPRINT = "fingerprint"
#: The group with one for each checkpoint that could not be read, by its row.
FAULTS = "faults"
#: The attribute with what was found of checkpoints that may not be what their names say.
FINDINGS = "findings"


class Stored:
    """What is at a place as of the last `refresh`; maybe nothing yet.

    Args:
        place: a folder, or what zarr takes besides: "s3://bucket/x.zarr".

    Raises:
        StoreError: zarr is not installed, something else is there, or it cannot be read.
    """

    _mode: Literal["r", "r+"] = "r"

    def __init__(self, place: str | Path) -> None:
        try:
            import zarr  # noqa: F401 - said before anything is computed
        except ImportError as error:
            raise StoreError(
                "A sweep is kept by zarr, which is not installed.",
                "pip install 'induction-explorer[sweep]'",
            ) from error
        self.place = str(place)
        self._root: zarr.Group | None = None
        self._arrays: dict[str, Any] = {}
        #: In the order of their rows.
        self.checkpoints: list[Checkpoint] = []
        #: Of the variables, in the order in which they came.
        self.names: list[str] = []
        #: Of the coordinates, but for those along training.
        self.coords: list[str] = []
        self._token_strings: np.ndarray | None = None
        #: The tokens that pages of heads were read on, and how often each is there.
        self._corpus: tuple[np.ndarray, np.ndarray] | None = None
        self._rows: dict[str, int] = {}
        self.refresh()

    def refresh(self) -> None:
        """See what others wrote meanwhile.

        Raises:
            StoreError: something else is there, or it cannot be read.
        """
        with reading(self.place):
            self._root = self._open()
            attrs: dict[str, Any] = {} if self._root is None else self._root.attrs.asdict()
            listed = attrs.get(LIST, {})
            self._arrays = {} if self._root is None else self._open_arrays(self._root, listed)
        if self._root is not None and listed.get("format") != FORMAT:
            what = "a store of another version" if listed else "no store of a sweep"
            raise StoreError(f"{self.place} is {what}.", "Give the sweep another place.")
        self.checkpoints = [Checkpoint(**one) for one in listed.get("checkpoints", [])]
        self.names, self.coords = listed.get("variables", []), listed.get("coords", [])
        self._rows = {one.label: row for row, one in enumerate(self.checkpoints)}
        self._token_strings = self._corpus = None

    def _open_arrays(self, root: zarr.Group, listed: dict[str, Any]) -> dict[str, Any]:
        """Those that are listed: of others it may not be all there yet what they are."""
        from zarr import Array
        from zarr.api.asynchronous import open_array

        names = [*listed.get("variables", []), *listed.get("coords", [])]
        if listed.get("checkpoints"):
            names += [FINGERPRINT, *along_training([])]
        path = f"{root.path}/" if root.path else ""
        opened = together(
            open_array(store=root.store, path=f"{path}{name}", mode=self._mode) for name in names
        )
        return {name: Array(one) for name, one in zip(names, opened, strict=True)}

    def _open(self) -> zarr.Group | None:
        import zarr
        from zarr.errors import GroupNotFoundError

        folder = folder_of(self.place)
        if folder is not None and not folder.exists():
            return None
        try:
            return zarr.open_group(self.place, mode=self._mode, **options_of(self.place))
        except (FileNotFoundError, GroupNotFoundError):
            if folder is not None and any(one.suffix != ".partial" for one in folder.iterdir()):
                raise StoreError(
                    f"{self.place} is there and is no store of a sweep.",
                    "Give the sweep another place.",
                ) from None
            return None

    @property
    def exists(self) -> bool:
        return self._root is not None

    @property
    def attrs(self) -> dict[str, Any]:
        """What is said of the whole."""
        attrs: dict[str, Any] = {} if self._root is None else self._root.attrs.asdict()
        return {name: value for name, value in attrs.items() if name not in {LIST, COORDINATES}}

    def state(self) -> Hashable:
        """Differs after anything was written."""
        said = (*self.faults().items(), *self.findings)
        return (tuple(self._rows), tuple(self.names), *self.files(self.names), said)

    def files(self, names: Sequence[str]) -> list[frozenset[str]]:
        """Of each of these variables."""
        return together(_files(self._arrays[name]) for name in names)

    def faults(self) -> dict[str, str]:
        """Why checkpoints could not be read, by their labels."""
        if self._root is None:
            return {}
        with reading(self.place):
            groups: Any = self._root.get(FAULTS)
            found = [] if groups is None else [one.attrs.asdict() for _, one in groups.groups()]
        return {one["checkpoint"]: one["reason"] for one in found}

    def said_of_own(self, name: str) -> dict[str, dict[str, str]]:
        """Of one of the reader's own scores, by the labels of checkpoints: where it has no numbers
        and why ("faults"), and what it changed of the model ("changed")."""
        if name not in self.names:
            return {}
        attrs = self._arrays[name].attrs.asdict()
        return {key: dict(attrs[key]) for key in (OWN_FAULTS, CHANGED) if key in attrs}

    @property
    def findings(self) -> list[tuple[str, Literal["fault", "note"], str]]:
        """Of which checkpoint, by its label; and why."""
        return [(label, status, why) for label, status, why in self.attrs.get(FINDINGS, ())]

    def fingerprints(self) -> dict[str, int]:
        """What weights were read, by the labels of checkpoints; 0 where that is not known."""
        if FINGERPRINT not in self._arrays:
            return {}
        with reading(self.place):
            values = self._values(self._arrays[FINGERPRINT], range(len(self.checkpoints)))
        return {one.label: int(values[row]) for row, one in enumerate(self.checkpoints)}

    def lacks(self, checkpoints: Sequence[Checkpoint], names: Sequence[str]) -> list[list[str]]:
        """Which of these variables are not there, or are damaged, at each of these checkpoints."""
        known = [name for name in names if name in self.names]
        rows = {self._rows[one.label] for one in checkpoints if one.label in self._rows}
        asked = [(name, row) for name in known for row in rows]
        with reading(self.place):
            found = self._rows_of([(self._arrays[name], row) for name, row in asked])
        there = {one for one, values in zip(asked, found, strict=True) if values is not None}
        return [
            [name for name in names if (name, self._rows.get(one.label)) not in there]
            for one in checkpoints
        ]

    @property
    def every_head(self) -> list[Head]:
        """Those that have attention; none of what is not there yet."""
        if not self.checkpoints:
            return []
        layers, heads = (self._arrays[name][:].tolist() for name in ("layer", "head"))
        said = str(self.attrs.get("layers_without_attention", ""))
        without = {int(layer) for layer in said.split(", ") if layer}
        return [(layer, head) for layer in layers if layer not in without for head in heads]

    @property
    def prompts(self) -> list[ReadPrompt]:
        """Of which something is kept, in the order in which they came."""
        attrs = (self._arrays[name].attrs.asdict() for name in self.names)
        return list(dict.fromkeys(ReadPrompt.of(one) for one in attrs if one["kind"] == "prompt"))

    def token_strings(self, ids: Sequence[int]) -> list[str]:
        """Of a store that keeps prompts, or pages of heads."""
        with reading(self.place):
            if self._token_strings is None:
                self._token_strings = self._arrays[VOCABULARY][:]
        return [str(self._token_strings[i]) for i in ids]

    def of_prompt(
        self, prompt: SweptPrompt, parts: Sequence[str], labels: Sequence[str]
    ) -> list[dict[str, np.ndarray] | None]:
        """These parts of what is kept of a prompt at each of these checkpoints; None where it is
        not there (yet)."""
        return self._parts_of(prompt, parts, labels)

    @property
    def pages(self) -> list[SweptPage]:
        """Of which something is kept, in the order in which they came."""
        attrs = (self._arrays[name].attrs.asdict() for name in self.names)
        return list(
            dict.fromkeys(SweptPage(*one["of_head"]) for one in attrs if one["kind"] == "page")
        )

    @property
    def text_of_pages(self) -> str:
        """Where the corpus is from that they were read on, in words; "" without any."""
        first = next(iter(self.pages), None)
        return "" if first is None else self._arrays[first.names[0]].attrs["text"]

    def of_page(self, page: SweptPage, labels: Sequence[str]) -> list[HeadPage | None]:
        """At each of these checkpoints; None where it is not there (yet)."""
        found = self._parts_of(page, [*OF_A_PAGE], labels)
        with reading(self.place):
            if self._corpus is None:
                self._corpus = (self._arrays[TOKEN][:], self._arrays[COUNT][:])
        return [None if parts is None else page.page(parts, *self._corpus) for parts in found]

    def _parts_of(
        self, of: SweptPrompt | SweptPage, parts: Sequence[str], labels: Sequence[str]
    ) -> list[dict[str, np.ndarray] | None]:
        arrays = [self._arrays[of.named(part)] for part in parts]
        with reading(self.place):
            found = self._rows_of([(one, self._rows[at]) for at in labels for one in arrays])
        each = [found[i : i + len(parts)] for i in range(0, len(found), len(parts))]
        return [
            {part: one for part, one in zip(parts, values, strict=True) if one is not None}
            if all(one is not None for one in values)
            else None
            for values in each
        ]

    def dataset(self, among: Iterable[Checkpoint] | None = None) -> xarray.Dataset:
        """Scores and measures, in training order; NaN where nothing is (yet).

        Args:
            among: these checkpoints only, as far as they are there; None for all.
        """
        import xarray

        labels = self._rows.keys() if among is None else {one.label for one in among}
        at = [one for one in self.checkpoints if one.label in labels]
        at.sort(key=lambda one: one.step)
        rows = [self._rows[one.label] for one in at]
        faults = self.faults()
        kinds = {"score", "measure"}
        names = [n for n in self.names if self._arrays[n].attrs["kind"] in kinds]
        dims = {dim for name in names for dim in self._dims(name)}
        with reading(self.place):
            return xarray.Dataset(
                {
                    name: (
                        self._dims(name),
                        self._values(self._arrays[name], rows),
                        self._attrs_of(name, [one.label for one in at]),
                    )
                    for name in names
                },
                coords={"checkpoint": range(len(at)), **along_training(at)}
                | {
                    name: (self._dims(name), self._arrays[name][:])
                    for name in self.coords
                    if dims.issuperset(self._dims(name))
                },
                attrs=self.attrs
                | {
                    "faults": [f"{o.label}: {faults[o.label]}" for o in at if o.label in faults],
                    FINDINGS: [f"{o}: {why}" for o, _, why in self.findings if o in labels],
                },
            )

    def _attrs_of(self, name: str, labels: Sequence[str]) -> dict[str, Any]:
        """What is said of a variable, of these checkpoints."""
        attrs: dict[str, Any] = self._arrays[name].attrs.asdict()
        said = self.said_of_own(name)
        kept = {key: value for key, value in attrs.items() if key not in said}
        return kept | as_attrs(said, labels)

    def _dims(self, name: str) -> tuple[str, ...]:
        dims: tuple[str, ...] = self._arrays[name].metadata.dimension_names
        return dims

    @staticmethod
    def _rows_of(asked: Sequence[tuple[Any, int]]) -> list[np.ndarray | None]:
        """These rows of these arrays; None where one is not there, or damaged."""
        contents = get_all([chunks.place_of(*one) for one in asked])
        return [chunks.decoded(array, one) for (array, _), one in zip(asked, contents, strict=True)]

    def _values(self, array: Any, rows: Sequence[int]) -> np.ndarray:
        """[row, ...]: these rows; NaN, or what else stands for nothing, where there is none."""
        values = np.full((len(rows), *array.shape[1:]), array.fill_value, array.dtype)
        for place, found in enumerate(self._rows_of([(array, row) for row in rows])):
            if found is not None:
                values[place] = found
        return values


async def _files(array: Any) -> frozenset[str]:
    return frozenset([key async for key in array.store.list_dir(array.path)])

"""A sweep on disk, to be continued: makes room for what comes, and refuses what does not fit."""

from __future__ import annotations

import json
from collections.abc import (
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np

from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.checkpoints.coordinates import along_training
from induction_kernels.checkpoints.fingerprints import UNKNOWN
from induction_kernels.errors import StoreError
from induction_kernels.sweeps import chunks
from induction_kernels.sweeps.access import (
    alone,
    folder_of,
    get_all,
    options_of,
    put_all,
    remove_all,
    writing,
)
from induction_kernels.sweeps.contents import Contents, Found, Variable
from induction_kernels.sweeps.own import CHANGED, said_of
from induction_kernels.sweeps.own import FAULTS as OWN_FAULTS
from induction_kernels.sweeps.pages import COUNT
from induction_kernels.sweeps.stored import (
    COORDINATES,
    FAULTS,
    FINDINGS,
    FINGERPRINT,
    FORMAT,
    LIST,
    Stored,
)

#: What is said of the reader's own scores beside what they are.
OF_OWN = (OWN_FAULTS, CHANGED)
#: Of a coordinate along training, in one file.
_ROWS = 1024
#: Coordinates of other names than their dimensions.
_ALONG_ROWS = ["chosen_position", COUNT, FINGERPRINT]

_FINGERPRINTS = Variable(
    FINGERPRINT, (), (), {"long_name": "of the weights that were read", "units": "1"}, "uint64"
)
#: What stands where nothing is kept.
_NOTHING = {
    "float32": np.nan,
    "float64": np.nan,
    "int32": np.iinfo(np.int32).min,
    "uint64": UNKNOWN,
}


class Store(Stored):
    """What is at a place, to be written by any number of processes at once."""

    _mode = "r+"

    def check(self, contents: Contents) -> None:
        """Whether these numbers may stand beside those that are there.

        Raises:
            StoreError: they are of another model, probe or version; says what differs.
        """
        if not self.exists:
            return
        self._compare("", self.attrs, contents.attrs, contents.attrs)
        self._check_corpus(contents)
        for one in contents.variables:
            if one.name not in self.names:
                continue
            array = self._arrays[one.name]
            there = array.attrs.asdict()
            self._compare(f"{one.name}: ", there, one.attrs, {*there, *one.attrs} - {*OF_OWN})
            if array.shape[1:] != one.shape:
                raise self._other(f"{one.name}: shape", array.shape[1:], one.shape)
        for name, (_, values) in contents.coords.items():
            if name in self.coords and not np.array_equal(self._arrays[name][:], values):
                raise self._other(name, _in_short(self._arrays[name][:]), _in_short(values))

    def _check_corpus(self, contents: Contents) -> None:
        """Pages of heads are of one text, whichever heads they are of."""
        here = [one.attrs for one in contents.variables if one.attrs["kind"] == "page"]
        if here and self.pages:
            there = self._arrays[self.pages[0].names[0]].attrs.asdict()
            of_text = [key for key in there if key.startswith("text")]
            self._compare("pages of heads: ", there, here[0], of_text)

    def _compare(
        self, of: str, there: Mapping[str, Any], here: Mapping[str, Any], keys: Iterable[str]
    ) -> None:
        here = json.loads(json.dumps(dict(here)))  # as it would have been kept
        for key in sorted(keys):
            if there.get(key) != here.get(key):
                raise self._other(f"{of}{key}", there.get(key), here.get(key))

    def _other(self, what: str, there: Any, here: Any) -> StoreError:
        return StoreError(
            f"{self.place} holds another sweep: {what} is {there!r} there, {here!r} here.",
            "Give this one a place of its own, or remove what is there.",
        )

    def hold(self, checkpoints: Sequence[Checkpoint], contents: Contents | None = None) -> None:
        """Make room for these checkpoints, and for what is found of them.

        Killed at any moment, it leaves what was there, and does the rest when it is called again.

        Raises:
            StoreError: there is another sweep, or it cannot be written.
        """
        if contents is not None:
            self.check(contents)
        folder = folder_of(self.place)
        with writing(self.place):
            if folder is not None and not folder.exists():
                folder.mkdir(parents=True, exist_ok=True)
            with alone(self.place):
                self.refresh()
                if contents is not None:
                    self.check(contents)  # another process may have been here
                self._make_room(checkpoints, contents)
        if contents is not None:
            self.note(contents.notes)

    def _make_room(self, checkpoints: Sequence[Checkpoint], contents: Contents | None) -> None:
        variables = [] if contents is None else contents.variables
        coords = {} if contents is None else contents.coords
        new = [one for one in checkpoints if one.label not in self._rows]
        made = [one for one in variables if one.name not in self.names]
        if self.exists and not new and not made:
            return
        if contents is not None and self._root is None:
            self._list(contents.attrs, [], [], [])
        listed = [*self.checkpoints, *new]
        for name in self.names:
            self._grow(self._arrays[name], len(listed))
        for variable in made:
            self._make(variable, len(listed))
        self._make(_FINGERPRINTS, len(listed))
        for name, (dim, values) in coords.items():
            if name not in self.coords:
                self._put(name, dim, values)
        for name, (dim, values, attrs) in along_training(listed).items():
            self._put(name, dim, values, attrs)
        names = [*self.names, *(one.name for one in made)]
        self._list(self.attrs, listed, names, list(dict.fromkeys([*self.coords, *coords])))

    def _list(
        self,
        attrs: Mapping[str, Any],
        checkpoints: Sequence[Checkpoint],
        names: Sequence[str],
        coords: Sequence[str],
    ) -> None:
        """Put the list in one piece, and with it the attributes of the whole. What is there and is
        not listed was left by a process that was killed."""
        import zarr

        listed = {
            "format": FORMAT,
            "checkpoints": [asdict(one) for one in checkpoints],
            "variables": names,
            "coords": coords,
        }
        along = " ".join([*along_training([]), *_ALONG_ROWS])
        attrs = {**attrs, LIST: listed, COORDINATES: along}
        if self._root is None:
            zarr.create_group(self.place, attributes=attrs, **options_of(self.place))
        else:
            self._root.attrs.put(attrs)
        self.refresh()

    def _make(self, variable: Variable, rows: int) -> None:
        from zarr.codecs import Crc32cCodec

        assert self._root is not None
        attrs = json.loads(json.dumps(dict(variable.attrs)))
        begun = self._root.get(variable.name)  # by a process that was killed
        if begun is not None and begun.attrs.asdict() == attrs:
            self._grow(begun, rows)
            return
        self._root.create_array(
            variable.name,
            shape=(rows, *variable.shape),
            chunks=(1, *variable.shape),
            dtype=variable.dtype,
            fill_value=_NOTHING[variable.dtype],
            compressors=Crc32cCodec(),
            chunk_key_encoding={"name": "default", "separator": "."},
            dimension_names=("checkpoint", *variable.dims),
            attributes=attrs,
            overwrite=begun is not None,
        )

    @staticmethod
    def _grow(array: Any, rows: int) -> None:
        if array.shape[0] < rows:
            array.resize((rows, *array.shape[1:]))

    def _put(
        self, name: str, dim: str, values: np.ndarray, attrs: Mapping[str, str] | None = None
    ) -> None:
        """A coordinate."""
        assert self._root is not None
        array: Any = self._root.get(name)
        if array is None:
            array = self._root.create_array(
                name,
                shape=values.shape,
                chunks=(_ROWS if dim == "checkpoint" else len(values),),
                dtype=values.dtype,
                compressors=None,
                dimension_names=(dim,),
                attributes=dict(attrs or {}),
            )
        elif array.shape != values.shape:
            array.resize(values.shape)
        array[:] = values

    def write(
        self,
        checkpoint: Checkpoint,
        values: Mapping[str, np.ndarray],
        fingerprint: int = UNKNOWN,
    ) -> None:
        """Keep what was found at a checkpoint, and no longer why it could not be read.

        Args:
            fingerprint: of the weights that were read; kept with the first values.

        Raises:
            StoreError: it cannot be written.
        """
        row = self._rows[checkpoint.label]
        with writing(self.place):
            if fingerprint != UNKNOWN and FINGERPRINT in self._arrays:
                self._keep_fingerprint(row, fingerprint)
            found = [(self._arrays[name], one) for name, one in values.items()]
            put_all((chunks.place_of(to, row), chunks.encoded(to, one)) for to, one in found)
            self._forget_fault(row)

    def _keep_fingerprint(self, row: int, fingerprint: int) -> None:
        """Where none is kept yet."""
        array = self._arrays[FINGERPRINT]
        place = chunks.place_of(array, row)
        if get_all([place]) == [None]:
            put_all([(place, chunks.encoded(array, np.asarray(fingerprint, np.uint64)))])

    def forget_fingerprints(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Of checkpoints of which nothing else is kept: their weights may have become others.

        Raises:
            StoreError: it cannot be written.
        """
        with writing(self.place):
            array = self._arrays[FINGERPRINT]
            remove_all(chunks.place_of(array, self._rows[one.label]) for one in checkpoints)

    def forget(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Keep nothing of these but their place: their weights have become others.

        Raises:
            StoreError: it cannot be written.
        """
        with writing(self.place):
            for one in checkpoints:
                row = self._rows[one.label]
                remove_all(chunks.place_of(self._arrays[name], row) for name in self.names)
                self._forget_fault(row)
        self.forget_fingerprints(checkpoints)

    def write_fault(self, checkpoint: Checkpoint, reason: str) -> None:
        """Keep why a checkpoint could not be read.

        Raises:
            StoreError: it cannot be written.
        """
        assert self._root is not None
        attrs = {"checkpoint": checkpoint.label, "reason": reason}
        with writing(self.place):
            self._root.create_group(
                f"{FAULTS}/{self._rows[checkpoint.label]}", attributes=attrs, overwrite=True
            )

    def say_of_own(self, checkpoint: Checkpoint, found: Found, own: Iterable[str]) -> None:
        """Keep why some of the reader's own scores have no numbers at a checkpoint, and what they
        changed of the model.

        Args:
            own: their names; of one that was not found what was said stays.

        Raises:
            StoreError: it cannot be written.
        """
        label = checkpoint.label
        for name in own:
            if name not in found:
                continue
            said = said_of(name, [(label, found)])
            if said or any(label in of for of in self.said_of_own(name).values()):
                self._say_of_own(name, [label], said)

    def forget_unread(self, checkpoints: Sequence[Checkpoint], names: Iterable[str]) -> None:
        """Of these scores, the reader's own, keep nothing where they have no numbers and a reason
        is known: they are to be read again.

        Raises:
            StoreError: it cannot be written.
        """
        rows = {one.label: self._rows[one.label] for one in checkpoints if one.label in self._rows}
        for name in names:
            unread = self.said_of_own(name).get(OWN_FAULTS, {}).keys() & rows.keys()
            if unread:
                with writing(self.place):
                    array = self._arrays[name]
                    remove_all(chunks.place_of(array, rows[label]) for label in unread)
                self._say_of_own(name, unread, {})

    def _say_of_own(
        self, name: str, labels: Collection[str], said: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Of these checkpoints; of others what others said stays."""
        with writing(self.place), alone(self.place):
            root = self._open()
            assert root is not None
            attrs = root[name].attrs
            for key in OF_OWN:
                said_before: Any = attrs.asdict().get(key, {})
                there = {at: why for at, why in said_before.items() if at not in labels}
                now = there | dict(said.get(key, {}))
                if now:
                    attrs[key] = now
                elif key in attrs:
                    del attrs[key]
            self._arrays[name] = root[name]

    def _forget_fault(self, row: int) -> None:
        assert self._root is not None
        if get_all([self._root.store_path / f"{FAULTS}/{row}/zarr.json"]) != [None]:
            del self._root[f"{FAULTS}/{row}"]

    def keep_findings(self, of: Collection[str], found: Sequence[tuple[str, str, str]]) -> None:
        """Keep what was found of the checkpoints with these labels; of others what is there stays.

        Raises:
            StoreError: it cannot be written.
        """
        kept = [*(one for one in self.findings if one[0] not in of), *found]
        if kept == self.findings:
            return
        with self._saying() as attrs:
            others = [one for one in self.findings if one[0] not in of]
            attrs[FINDINGS] = [list(one) for one in (*others, *found)]

    def note(self, notes: Mapping[str, Any]) -> None:
        """Say of the whole what may differ between its parts; all of them are said.

        Raises:
            StoreError: it cannot be written.
        """
        if not any(
            _both(self.attrs.get(name), one) != self.attrs.get(name) for name, one in notes.items()
        ):
            return
        with self._saying() as attrs:
            attrs.update({name: _both(self.attrs.get(name), one) for name, one in notes.items()})

    @contextmanager
    def _saying(self) -> Iterator[MutableMapping[str, Any]]:
        """What is said of the whole, as others left it, to be written; no array is opened anew."""
        with writing(self.place), alone(self.place):
            self._root = self._open()
            assert self._root is not None
            yield self._root.attrs


def _both(there: Any, here: Any) -> Any:
    """What is said there and here, words or lists of them."""
    if there is None or there == here:
        return here
    if isinstance(there, list):
        return [*there, *(one for one in here if one not in there)]
    return there if here in there.split(", ") else f"{there}, {here}"


def _in_short(values: np.ndarray) -> str:
    return np.array2string(np.asarray(values), threshold=6, edgeitems=2)

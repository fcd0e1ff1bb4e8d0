"""What an explorer leaves behind and hands over: pictures, datasets, copies, heads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from induction_kernels.errors import InductionError
from induction_kernels.sizes import bytes_of

from induction_explorer.channel.worker import SHARED, shared_worker
from induction_explorer.choices import training_unit
from induction_explorer.computing import Computing
from induction_explorer.export.picture.output import PictureOutput
from induction_explorer.export.picture.whole import Picture, Subject, picture
from induction_explorer.export.snapshot import Snapshot
from induction_explorer.export.writing import replacing
from induction_explorer.series.prompt import Prompt, refused
from induction_explorer.series.several import read_each
from induction_explorer.view import PARTS

if TYPE_CHECKING:
    import xarray

    from induction_explorer.export.html import Read, Shown
    from induction_explorer.series.known import Known


class Leaving(Computing):
    """Of what is known when it is asked for."""

    _picture_output: PictureOutput

    # --- where no widget runs ---

    def leave_picture(self) -> None:
        """Below the cell that displayed it, at its end."""
        self._picture_output.leave(self._draw_picture())

    def _show_findings(self) -> None:
        super()._show_findings()
        if (drawn := self._draw_picture()) is not None:
            self._picture_output.renew(drawn)

    def _draw_picture(self) -> Picture | None:
        """None before the chosen score is there."""
        session, score = self._session, self.score
        if score not in session.grids or np.isnan(session.grids[score][self.checkpoint]).all():
            return None
        in_tokens = training_unit(self._sessions) == "tokens"
        return picture(
            Subject(
                info=session.info(),
                score=next(one for one in session.score_infos() if one["name"] == score),
                scores=session.grids[score],
                checkpoint=self.checkpoint,
                phase=self._phases[self.series]["window"] if self._phases else None,
                unit="tokens seen" if in_tokens else session.series.unit,
            )
        )

    # --- numbers ---

    def scores(self) -> xarray.Dataset:
        """Every score of the series shown, computed so far; as `induction_kernels.sweep` has it."""
        with SHARED:  # what is handed out, its page was told of
            return self._session.scores()

    def measures(self) -> xarray.Dataset:
        """Every measure of the series shown, computed so far."""
        with SHARED:
            return self._session.measures()

    # --- copies ---

    def to_html(self, path: str | Path, max_size: str | int = "5 MB", seconds: float = 60) -> Path:
        """A copy as one file, which needs neither a kernel nor a network.

        It scrubs, hovers and switches like the explorer, and is drawn by any browser of today; what
        the reader arranges in it stands in its address. It holds all scores and measures, what the
        prompt gives at each checkpoint, and of causes what was asked for. What is not computed by
        then, or does not fit, is left out, the patterns of the weakest heads first, and the copy
        says so at its end.

        Args:
            path: the file, replaced if it is there.
            max_size: of the file: bytes, or such as "5 MB".
            seconds: to wait for what is being computed, and to run the prompt on the checkpoints of
                a series that is too large to do that unasked. The one shown, and the one compared
                with it, are run however long that takes.

        Raises:
            SelectionError: a size that is none.
            InductionError: scores and measures alone are larger, or the file cannot be written.
            KeyboardInterrupt: the reader stopped it: no file was written, or replaced.
        """
        from induction_explorer.export.html import page_of

        return self._write_copy(path, page_of, max_size, seconds)

    def to_module(
        self, path: str | Path, max_size: str | int = "5 MB", seconds: float = 60
    ) -> Path:
        """The same as an ES module, which a page of others draws where it says so: in MyST,
        `{anywidget} ./x.mjs`. Its default export has anywidget's `render`.

        Args, raises: as `to_html`.
        """
        from induction_explorer.export.html import module_of

        return self._write_copy(path, module_of, max_size, seconds)

    def snapshot(self, max_size: str | int = "2 MB", seconds: float = 60) -> Snapshot:
        """The same as a cell's output, which stays in the notebook when its kernel is gone.

        Raises:
            SelectionError, InductionError, KeyboardInterrupt: as `to_html`.
        """
        from induction_explorer.export.html import page_of

        return Snapshot(self._copy(page_of, max_size, seconds))

    def _write_copy(
        self,
        path: str | Path,
        write: Callable[[Shown, int], str],
        max_size: str | int,
        seconds: float,
    ) -> Path:
        path = Path(path)
        with replacing(path) as put:
            put(self._copy(write, max_size, seconds))
        return path

    def _copy(self, write: Callable[[Shown, int], str], max_size: str | int, seconds: float) -> str:
        from induction_explorer.export.html import Shown

        limit = bytes_of(max_size, "max_size")
        self._complete(seconds)
        with SHARED:
            names = (*self.computed, *PARTS, "_view")
            state = {name: getattr(self, name) for name in names} | self._curves.everything()
            looked_at = [self._looked_at(session) for session in self._sessions]
            shown = [self.prompt, self.answer]
            others = [one for one in self.prompts if one != shown]
            read = [
                self._read_for_copy(-number, *one) for number, one in enumerate([shown, *others])
            ]
            return write(Shown(state, self._sessions, read[0], read[1:], looked_at), limit)

    def _read_for_copy(self, generation: int, text: str, answer: str) -> Read:
        from induction_explorer.export.html import Read

        each = read_each(self._sessions, text, answer)
        return Read(
            text,
            answer,
            generation,
            [one if isinstance(one, Prompt) else None for one in each],
            [
                one.info(generation) if isinstance(one, Prompt) else refused(one, generation)
                for one in each
            ],
        )

    def _complete(self, seconds: float) -> None:
        """Compute what a copy shows. A function that observes a trait may want a copy on the thread
        that computes, which cannot wait for itself: that one has what is known."""
        with SHARED:
            if shared_worker().is_here:
                return
        from induction_explorer.export.completing import Missing, wait_for

        with SHARED:
            heads = [(layer, head) for layer, head in self.heads]
            missing = [
                Missing.of(session.with_model(), prompt, heads, self._looked_at(session))
                for session, prompt in zip(self._sessions, self._read, strict=True)
                if isinstance(prompt, Prompt) and not prompt.scrub and not session.without_model
            ]
        wait_for(self._work, missing, seconds)

    def _looked_at(self, session: Known) -> list[int]:
        """Checkpoints of this series that a reader sees first."""
        if session is not self._session:
            return self._order(session)[:1]
        return [self.checkpoint] + ([] if self.compare is None else [self.compare])

    # --- other tools ---

    def to_circuitsvis(self) -> Any:
        """The selected heads' attention on the prompt at this checkpoint, drawn by CircuitsVis.

        When it is displayed, CircuitsVis looks whether it is online and then loads its script from
        a CDN, otherwise from its own package.

        Raises:
            InductionError: no head is selected, the prompt cannot be run, or CircuitsVis is not
                installed.
        """
        session = self._session.with_model()
        from induction_explorer.export.circuitsvis import to_circuitsvis

        prompt = self._read[self.series]
        if isinstance(prompt, InductionError):
            raise prompt
        heads = [(layer, head) for layer, head in self.heads]
        return to_circuitsvis(session, prompt, self.checkpoint, heads)

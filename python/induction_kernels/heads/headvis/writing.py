"""Pages of heads as a HeadVis folder."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from jaxtyping import Float64

from induction_kernels.errors import StoreError
from induction_kernels.heads.headvis import format as form
from induction_kernels.heads.intervals import INTERVALS
from induction_kernels.heads.page import HeadPage, Shown
from induction_kernels.heads.pages import HeadPages
from induction_kernels.inputs.tokenization import token_strings
from induction_kernels.provenance import package_version

if TYPE_CHECKING:
    import xarray

_DECIMALS, _TOKENS, _STRENGTH_BINS = 4, 50, 20
_METRICS = {
    "qk_distance": "Mean of q − k by attention, position 0 left out as query and as key",
    "qk_distance_variance": "Variance of the same",
    "mean_max_activation": "Mean over sequences of the largest A[q, k] with 1 ≤ k < q",
    "first_token_attention": "Mean attention to position 0",
}


def write_headvis(
    folder: str | Path, pages: HeadPages, scores: xarray.Dataset | None = None
) -> Path:
    """Writes pages of heads as a folder that HeadVis shows: config.json, scatter_data.json, and a
    file a head, one after the other; config.json comes last.

    Attention is rounded to four decimals, as HeadVis advises.

    Args:
        folder: new, or empty.
        scores: metrics beside those of the pages, such as of `head_scores`: dims (layer, head).

    Returns:
        The folder.

    Raises:
        StoreError: there is something in the folder, or it cannot be written.
    """
    place = Path(folder)
    try:
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise StoreError(f"There is something at {place}.", "Give a folder that is new.")
        (place / form.HEADS).mkdir(parents=True, exist_ok=True)
        (place / "attributions").mkdir(exist_ok=True)
        for head in pages:
            name = form.PATTERN.format(layer=head[0], head=head[1])
            file = _head_file(pages, pages[head])
            (place / form.HEADS / name).write_bytes(msgspec.json.encode(file))
        rows = [_metrics(pages[head], scores) for head in pages]
        for name, content in (
            (form.SCATTER, rows),
            ("server_config.json", {}),  # of a page without a server
            ("attributions/manifest.json", {}),
            (form.CONFIG, msgspec.to_builtins(_config(pages, rows, scores))),
        ):
            text = json.dumps(content, ensure_ascii=False, indent=1)
            (place / name).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{place} cannot be written: {error}.", "Give another folder.") from error
    return place


def _head_file(pages: HeadPages, page: HeadPage) -> form.HeadFile:
    tokens = token_strings(pages.model, page.tokens.tolist())
    counts, edges = np.histogram(page.strengths, _STRENGTH_BINS, (0, 1))
    return form.HeadFile(
        sequences=[_sequence(pages, shown) for shown in page.sequences],
        qk_distance_histogram=_by_distance(page.distances),
        top_query_tokens=_most(tokens, page.looked_from),
        top_key_tokens=_most(tokens, page.looked_at),
        histogram=form.Histogram(_rounded(edges), counts.tolist()),
        statistics={
            "n_sequences": len(page.strengths),
            "mean_max_activation": _round(float(page.strengths.mean())),
            "first_token_attention": _round(page.first),
        },
    )


def _sequence(pages: HeadPages, shown: Shown) -> form.Sequence:
    return form.Sequence(
        sequence_id=shown.row,
        interval=shown.interval,
        tokens=token_strings(pages.model, shown.tokens.tolist()),
        attention_indices=shown.cells.at.tolist(),
        attention_values=_rounded(shown.cells.attention),
        seq_len=shown.cells.length,
        max_activation=_round(shown.strength),
    )


def _by_distance(distances: Float64[np.ndarray, " distance"]) -> form.Histogram:
    """By powers of two, and nothing beyond the longest."""
    edges = [0, *(2**power for power in range(1 + math.ceil(math.log2(len(distances)))))]
    cumulated = np.concatenate([[0.0], distances.cumsum()])
    sums = np.diff(cumulated[np.minimum(edges, len(distances))])
    return form.Histogram([float(edge) for edge in edges], _rounded(sums))


def _most(tokens: Sequence[str], weights: Float64[np.ndarray, " token"]) -> list[form.TokenWeight]:
    """Those with most attention; ids that read alike are one."""
    summed: Counter[str] = Counter()
    for token, weight in zip(tokens, weights.tolist(), strict=True):
        summed[token] += weight
    return [form.TokenWeight(one, _round(weight)) for one, weight in summed.most_common(_TOKENS)]


def _metrics(page: HeadPage, scores: xarray.Dataset | None) -> dict[str, float | int | None]:
    of = np.arange(len(page.distances))
    total = page.distances.sum()
    mean = float(page.distances @ of / total) if total > 0 else math.nan
    square = float(page.distances @ of**2 / total) if total > 0 else math.nan
    layer, head = page.head
    found = {
        "qk_distance": mean,
        "qk_distance_variance": square - mean**2,
        "mean_max_activation": float(page.strengths.mean()),
        "first_token_attention": page.first,
        **{name: float(one.sel(layer=layer, head=head)) for name, one in _named(scores)},
    }
    return {"layer": layer, "head": head} | {
        name: _round(value) if math.isfinite(value) else None for name, value in found.items()
    }


def _named(scores: xarray.Dataset | None) -> Iterator[tuple[str, xarray.DataArray]]:
    for name, one in () if scores is None else scores.data_vars.items():
        if set(one.dims) == {"layer", "head"}:
            yield str(name), one


def _config(pages: HeadPages, rows: Sequence[Any], scores: xarray.Dataset | None) -> form.Config:
    said = {name: str(one.attrs.get("formula", name)) for name, one in _named(scores)}
    return form.Config(
        model_name=pages.model.name,
        heads=list(pages),
        n_layers=pages.model.n_layers,
        n_heads=pages.model.n_heads,
        n_intervals=INTERVALS,
        metrics=[name for name in rows[0] if name not in {"layer", "head"}],
        metric_descriptions=_METRICS | said,
        custom_plots=[
            form.Shown("qk_distance_histogram", "Distance from query to key"),
            form.Shown("histogram", "Largest attention of sequences"),
        ],
        custom_tables=[
            form.Shown("top_query_tokens", "Tokens it looks from"),
            form.Shown("top_key_tokens", "Tokens it looks at"),
        ],
        statistics_display={
            "n_sequences": {"label": "Sequences", "format": "default"},
            "mean_max_activation": {"label": "Mean largest attention", "format": "default"},
            "first_token_attention": {"label": "Attention to position 0", "format": "default"},
        },
        pipeline_config=pages.attrs | {"package": f"induction-explorer {package_version()}"},
    )


def _rounded(values: Iterable[float] | np.ndarray) -> list[float]:
    # A float32 rounded is no short decimal.
    return [round(value, _DECIMALS) for value in np.asarray(values, np.float64).tolist()]


def _round(value: float) -> float:
    return round(value, _DECIMALS)

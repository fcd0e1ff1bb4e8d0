"""What stands in the files of a HeadVis folder.

As data_pipeline.py of https://github.com/anthropics/headvis specifies it (Luger, Kamath et al.
2026), and Neuronpedia exports it. What is not named here may stand there too and is passed over.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

Index = Annotated[int, Meta(ge=0)]
#: [layer, head].
Pair = tuple[Index, Index]

CONFIG, SCATTER, HEADS = "config.json", "scatter_data.json", "heads"
#: Of config.json, which may have another.
PATTERN = "L{layer}H{head}.json"


class Sequence(Struct):
    """One that is shown.

    Attributes:
        interval: 1 to `Config.n_intervals`; the last has the strongest.
        attention_indices: q * seq_len + k of the cells that are kept.
        max_activation: the largest A[q, k] with 1 <= k < q; of Neuronpedia with k = q, too.
    """

    sequence_id: int
    interval: int
    tokens: list[str]
    attention_indices: list[Index]
    attention_values: list[float]
    seq_len: Index
    max_activation: float


class Histogram(Struct, frozen=True):
    """`bin_values[i]` is what lies from `bin_edges[i]` on and before the next."""

    bin_edges: list[float] = []
    bin_values: list[float] = []


class TokenWeight(Struct):
    """The attention that a token pays, or gets."""

    token: str
    weight: float


class HeadFile(Struct):
    """heads/L{layer}H{head}.json."""

    sequences: list[Sequence]
    qk_distance_histogram: Histogram = Histogram()
    top_query_tokens: list[TokenWeight] = []
    top_key_tokens: list[TokenWeight] = []
    histogram: Histogram = Histogram()
    statistics: dict[str, Any] = {}


class Shown(Struct):
    """A field of head files that is shown beside the sequences."""

    key: str
    label: str


class Config(Struct):
    """config.json; what it is of stands in `pipeline_config`."""

    model_name: str
    heads: list[Pair]
    n_layers: int = 0
    n_heads: int = 0
    n_intervals: int = 10
    metrics: list[str] = []
    metric_descriptions: dict[str, str] = {}
    head_data_pattern: str = PATTERN
    has_umap: bool = False
    umap_heads: list[Pair] = []
    custom_plots: list[Shown] = []
    custom_tables: list[Shown] = []
    statistics_display: dict[str, dict[str, str]] = {}
    pipeline_config: dict[str, Any] = {}

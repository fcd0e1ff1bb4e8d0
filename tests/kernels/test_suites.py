"""Each suite in its own layout, from a local hub to a loaded model: the table of docs/series.md."""

from __future__ import annotations

import json

import pytest
import torch
from induction_kernels import (
    CheckpointSeries,
    as_model,
    head_scores,
    measures,
    phase_changes,
    plots,
    sweep,
)
from induction_kernels.errors import CheckpointError
from induction_kernels.sweeps.stored import Stored
from local_hub import Repository
from published_models import files_of, hooked_transformers, moved, pickled, safetensors, sharded
from small_models import HUGGING_FACE, bridge
from tiny import tiny

M, B = 2**20, 10**9

#: By repository: names, and of the line that comes of them: steps, tokens, labels if other than
#: "step n".
LINES = {
    "EleutherAI/pythia-14m-seed3": (
        ["step0", "step512", "step143000", "main"],
        [(0, 0), (512, 512 * 2 * M), (143_000, 143_000 * 2 * M)],
    ),
    "EleutherAI/pythia-160m-v0": (["step1000", "step2000"], [(1000, 2000 * M), (2000, 4000 * M)]),
    "stanford-crfm/alias-gpt2-small-x21": (
        ["checkpoint-0", "checkpoint-10", "checkpoint-400000", "main"],
        [(0, 0), (10, 5_242_880), (400_000, 400_000 * 524_288)],
    ),
    "allenai/OLMo-1B-hf": (
        ["step1000-tokens4B", "step20000-tokens84B", "main"],
        [(1000, 4000 * M), (20_000, 80_000 * M)],
    ),
    "allenai/OLMo-7B-hf": (["step1000-tokens4B"], [(1000, 4_423_680_000)]),
    "allenai/OLMo-1B-0724-hf": (["step1000-tokens2B"], [(1000, 2000 * M)]),
    "allenai/OLMoE-1B-7B-0924": (["step5000-tokens20B"], [(5000, 20_000 * M)]),
    "allenai/OLMo-2-0425-1B": (
        ["stage1-step1000-tokens3B", "step150-tokens1B", "stage1-step0-tokens0B",
         "stage2-ingredient1-step100-tokens1B", "stage2-ingredient2-step100-tokens1B", "main"],
        [(0, 0), (150, 300 * M), (1000, 2000 * M)],
    ),
    "allenai/Olmo-3-1025-7B": (
        ["stage1-step0", "stage1-step1000", "stage2-step500", "stage3-step20",
         "stage2-soup-step500", "main"],
        [(0, 0), (1000, 4000 * M), (1500, None, "stage 2, step 500"),
         (1520, None, "stage 3, step 20")],
    ),
    "HuggingFaceTB/SmolLM2-1.7B-intermediate-checkpoints": (
        ["step-125000", "step-250000"], [(125_000, 250_000 * M), (250_000, 500_000 * M)],
    ),
    "HuggingFaceTB/SmolLM2-135M-intermediate-checkpoints": (["step-240000"], [(240_000, None)]),
    "HuggingFaceTB/SmolLM3-3B-checkpoints": (
        ["stage1-step-40000", "stage2-step-3480000"],
        [(40_000, 40_000 * 2_359_296),
         (3_480_000, 3_480_000 * 2_359_296, "stage 2, step 3,480,000")],
    ),
    "LLM360/Amber": (
        ["ckpt_000", "ckpt_358", "main"],
        [(0, None, "part 0"), (358, None, "part 358"), (359, None, "part 359")],
    ),
    "BabyLM-community/a-baseline": (
        ["chck_1M", "chck_10M", "main"], [(1, None, "1M words"), (10, None, "10M words")],
    ),
    "swiss-ai/Apertus-8B-2509": (["step50000-tokens210B"], [(50_000, 210 * B)]),
    "allenai/DataDecide-c4-1B": (["step69369-seed-default", "main"], [(69_369, None)]),
    "somebody/Lucie-7B": (
        ["step0000005", "step0753851", "extension_step0001220"], [(5, None), (753_851, None)],
    ),
    "somebody/Gaperon": (["step-024000_tokens-0100B-phase1"], [(24_000, 100 * B)]),
    "somebody/RedPajama-INCITE-7B-Base": (
        ["240b_tokens", "400b_tokens"],
        [(0, 240 * B, "checkpoint 0"), (1, 400 * B, "checkpoint 1")],
    ),
    "somebody/ablation-model": (
        ["step-001000-2BT", "step-002000-4BT"], [(1000, 2 * B), (2000, 4 * B)],
    ),
    "somebody/unknown": (["step0", "step10", "dev"], [(0, None), (10, None)]),
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return HUGGING_FACE["llama"]().eval()


@pytest.fixture
def from_hub(hub, tmp_path):
    def make(repository, steps="all", **options):
        return CheckpointSeries.from_hub(
            repository, steps, endpoint=hub.endpoint, cache_dir=tmp_path, **options
        )

    return make


def branches(model, names):
    beside = files_of(model)
    return {
        name: beside | {"model.safetensors": safetensors(moved(model.state_dict(), i))}
        for i, name in enumerate(names)
    }


@pytest.mark.parametrize("repository", LINES)
def test_a_suite_is_lined_up_and_loaded(hub, from_hub, model, repository) -> None:
    names, line = LINES[repository]
    hub.repositories[repository] = Repository(branches(model, names))
    series = from_hub(repository)
    expected = [(step, tokens, *(label or (f"step {step:,}",))) for step, tokens, *label in line]
    assert list(zip(series.steps, series.tokens, series.labels, strict=True)) == expected
    points = series._source.line.points
    for index in (0, -1):
        weights = moved(model.state_dict(), names.index(points[index].name))
        name = "model.layers.1.self_attn.o_proj.weight"
        assert torch.equal(series.load(index).state_dict()[name], weights[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("repository", "names", "unit"),
    [
        ("LLM360/Amber", [f"ckpt_{i:03}" for i in range(5)], "parts"),
        ("BabyLM-community/a-baseline", [f"chck_{i}M" for i in range(1, 6)], "million words"),
        ("somebody/RedPajama-INCITE-7B-Base", ["240b_tokens", "400b_tokens"], "checkpoints"),
        ("somebody/unknown", [f"step{i}" for i in range(5)], "steps"),
    ],
)
def test_what_is_counted_is_said_wherever_it_is_shown(
    hub, from_hub, model, repository, names, unit, tmp_path
) -> None:
    """Along curves in memory and in a store, of what changes in them, and in figures."""
    hub.repositories[repository] = Repository(branches(model, names))
    series = from_hub(repository)
    assert series.unit == unit
    units = "optimizer steps" if unit == "steps" else unit
    in_memory = sweep(series, "induction", progress=False)
    kept = sweep(series, "induction", store=tmp_path / "x.zarr", progress=False)
    for found in (in_memory, kept):
        assert found["step"].attrs["units"] == units
    assert Stored(tmp_path / "x.zarr").checkpoints == list(series)
    if series.tokens[0] is None:
        losses = measures(series, [[i % 90 for i in range(70)]] * 2, progress=False)
        assert f" {unit} " in phase_changes(losses, in_memory).text
        label = plots.head_curves(in_memory, "induction").get_xlabel()
        assert label == ("training steps" if unit == "steps" else unit)


def test_ingredients_are_series_of_their_own(hub, from_hub, model) -> None:
    """From the end of stage 1, whose steps they begin anew."""
    names = ["stage1-step1000-tokens2B", "stage1-step2000-tokens4B",
             "stage2-ingredient1-step100-tokens1B", "stage2-ingredient2-step100-tokens1B",
             "stage2-ingredient2-step300-tokens1B"]  # fmt: skip
    hub.repositories["allenai/OLMo-2-0425-1B"] = Repository(branches(model, names))
    assert from_hub("allenai/OLMo-2-0425-1B").steps == [1000, 2000]
    second = from_hub("allenai/OLMo-2-0425-1B", run="ingredient2")
    assert second.steps == [1000, 2000, 2100, 2300]
    assert second.tokens[-1] == 2300 * 2 * M
    assert second.labels[-1] == "stage 2, step 300"
    with pytest.raises(CheckpointError, match=r"no run 'ingredient3'.*ingredient1, ingredient2"):
        from_hub("allenai/OLMo-2-0425-1B", run="ingredient3")


def test_seeds_in_one_repository_are_series_of_their_own(hub, from_hub, model) -> None:
    names = [f"step{n}-seed-{seed}" for seed in ("default", "large-aux-2") for n in (0, 1250)]
    hub.repositories["allenai/DataDecide-c4-1B"] = Repository(branches(model, names))
    with pytest.raises(CheckpointError, match=r"2 runs \(seed-default, seed-large-aux-2\).*run="):
        from_hub("allenai/DataDecide-c4-1B")
    assert from_hub("allenai/DataDecide-c4-1B", run="seed-default").steps == [0, 1250]


def test_a_soup_is_marked_and_no_point(hub, from_hub, model) -> None:
    names = ["stage1-step0", "stage1-step10", "stage2-soup", "main"]
    hub.repositories["allenai/Olmo-3-1125-32B"] = Repository(branches(model, names))
    series = from_hub("allenai/Olmo-3-1125-32B")
    assert series.steps == [0, 10]
    assert series._source.line.left_out == {
        "stage2-soup": "an average of checkpoints: no point of training"
    }


def test_a_series_spans_repositories(hub, from_hub, model) -> None:
    early, main = "allenai/OLMo-2-0425-1B-early-training", "allenai/OLMo-2-0425-1B"
    hub.repositories[early] = Repository(
        branches(model, ["stage1-step0-tokens0B", "stage1-step1000-tokens3B"])
    )
    hub.repositories[main] = Repository(
        branches(model, ["stage1-step1000-tokens3B", "stage1-step40000-tokens84B"])
    )
    series = from_hub([early, main])
    assert series.steps == [0, 1000, 40_000]
    assert [point.repository for point in series._source.line.points] == [early, early, main]
    series.load(0)
    series.load(2)


def test_raw_pythia_is_refused_with_the_reason(hub, from_hub, model) -> None:
    hub.repositories["EleutherAI/neox-ckpt-pythia-70m-v1"] = Repository({"main": {}})
    with pytest.raises(CheckpointError, match=r"DeepSpeed.*are in EleutherAI/pythia-<size>"):
        from_hub("EleutherAI/neox-ckpt-pythia-70m-v1")


def test_a_repository_without_checkpoints(hub, from_hub, model) -> None:
    """What was looked for, what is there, what to do."""
    hub.repositories["somebody/finished"] = Repository(branches(model, ["main", "fp16"]))
    with pytest.raises(CheckpointError) as nothing:
        from_hub("somebody/finished")
    said = str(nothing.value)
    assert "Looked for: " in said
    assert r"checkpoint-(?P<step>\d+)" in said
    assert "There: main, fp16, " in said
    assert "model.safetensors" in said
    assert "Give pattern=" in said


def test_repositories_that_are_not_known(hub, from_hub, model) -> None:
    names = ["iter_10", "iter_200", "main"]
    hub.repositories["somebody/else"] = Repository(branches(model, names))
    series = from_hub("somebody/else", pattern=r"iter_(\d+)", tokens=1000)
    assert series.steps == [10, 200]
    assert series.tokens == [10_000, 200_000]
    doubled = from_hub("somebody/else", pattern=r"iter_(\d+)", tokens=lambda step: 7 + step)
    assert doubled.tokens == [17, 207]
    said = from_hub("somebody/else", pattern=r"iter_(?P<tokens>\d+)")
    assert said.tokens == [10, 200]
    with pytest.raises(CheckpointError, match="marks no step"):
        from_hub("somebody/else", pattern=r"iter_\d+")
    with pytest.raises(CheckpointError, match="is no regular expression"):
        from_hub("somebody/else", pattern=r"iter_(")
    with pytest.raises(CheckpointError, match=r"Looked for: epoch-\(\\d\+\)\. There: iter_10"):
        from_hub("somebody/else", pattern=r"epoch-(\d+)")


def test_folders_of_a_trainer_on_a_hub(hub, from_hub, model) -> None:
    files = {
        f"checkpoint-{step}step/{name}": content
        for step in (500, 1500)
        for name, content in branches(model, [str(step)])[str(step)].items()
    }
    hub.repositories["somebody/run"] = Repository({"main": files | {"README.md": b""}})
    series = from_hub("somebody/run")
    assert series.steps == [500, 1500]
    series.load(1)


def test_tags_are_names_too(hub, from_hub, model) -> None:
    named = branches(model, ["step1", "step2"])
    hub.repositories["somebody/tagged"] = Repository({"main": named["step2"]}, tags=named)
    assert from_hub("somebody/tagged").steps == [1, 2]


# --- files as suites wrote them ---


@pytest.mark.parametrize("shards", [1, 3])
def test_crfm_has_pickles_with_buffers(hub, from_hub, shards) -> None:
    """pytorch_model.bin alone, read by weights_only; the causal mask in it is passed over."""
    model = HUGGING_FACE["gpt2"]().eval()
    weights = moved(model.state_dict(), 3)
    del weights["lm_head.weight"]
    held = weights | {
        f"transformer.h.{layer}.attn.{name}": value
        for layer in range(2)
        for name, value in (("bias", torch.ones(1, 1, 8, 8)), ("masked_bias", torch.tensor(-1e4)))
    }
    whole = {"pytorch_model.bin": pickled(held)} if shards == 1 else sharded(held, shards, "bin")
    hub.repositories["stanford-crfm/alias-gpt2-small-x21"] = Repository(
        {"checkpoint-10": files_of(model) | whole}
    )
    found = from_hub("stanford-crfm/alias-gpt2-small-x21").load(0).state_dict()
    assert all(torch.equal(found[name], value) for name, value in weights.items())


def test_a_mixture_has_its_experts_one_by_one(hub, from_hub, tmp_path_factory) -> None:
    model = tiny("OlmoeForCausalLM")
    folder = tmp_path_factory.mktemp("olmoe")
    model.save_pretrained(folder)
    published = {path.name: path.read_bytes() for path in folder.iterdir()}
    hub.repositories["allenai/OLMoE-1B-7B-0924"] = Repository({"step5000-tokens20B": published})
    found = from_hub("allenai/OLMoE-1B-7B-0924").load(0).state_dict()
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("shards", [1, 4])
def test_safetensors_come_before_pickles(hub, from_hub, model, shards) -> None:
    weights = model.state_dict()
    whole = {"model.safetensors": safetensors(weights)} if shards == 1 else sharded(weights, shards)
    files = files_of(model) | whole | {"pytorch_model.bin": b"never read"}
    hub.repositories["somebody/both"] = Repository({"step1": files})
    series = from_hub("somebody/both")
    series.load(0)
    assert not hub.count("resolve/.*bin")


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def test_a_pickle_that_holds_more_than_weights_is_refused(hub, from_hub, model, capsys) -> None:
    files = files_of(model) | {"pytorch_model.bin": pickled({"model": Evil()})}
    hub.repositories["somebody/evil"] = Repository({"step1": files})
    with pytest.raises(CheckpointError, match=r"asks for .*print, and only weights are read"):
        from_hub("somebody/evil")._source.weights(0)
    assert "run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: {k: v for k, v in w.items() if "o_proj" not in k}, "lacks .*o_proj"),
        (lambda w: w | {"extra.weight": torch.ones(1)}, "has 'extra.weight'"),
        (lambda w: w | {"model.norm.weight": torch.ones(3)}, r"shape \(3,\)"),
        (lambda w: w | {"model.norm.weight": torch.full((32,), torch.nan)}, "holds NaN"),
    ],
    ids=["missing", "unknown", "other shape", "NaN"],
)
def test_weights_that_are_not_the_models(hub, from_hub, model, change, said) -> None:
    weights = change(dict(model.state_dict()))
    good = branches(model, ["step1"])
    bad = files_of(model) | {"model.safetensors": safetensors(weights)}
    hub.repositories["somebody/bad"] = Repository(good | {"step2": bad})
    series = from_hub("somebody/bad")
    series.load(0)
    with pytest.raises(CheckpointError, match=said):
        series.load(1)


def test_a_checkpoint_of_another_configuration(hub, from_hub, model) -> None:
    good = branches(model, ["step1", "step2"])
    good["step1"]["config.json"] = good["step1"]["config.json"].replace(
        b'"num_attention_heads": 4', b'"num_attention_heads": 2'
    )
    hub.repositories["somebody/changed"] = Repository(good)
    series = from_hub("somebody/changed")
    series.load(1)
    with pytest.raises(CheckpointError, match=r"step1 is of another model.*num_attention_heads"):
        series.load(0)


def test_code_in_a_repository_is_never_run(hub, from_hub, model) -> None:
    files = branches(model, ["step1"])
    files["step1"]["config.json"] = files["step1"]["config.json"].replace(
        b"{", b'{"auto_map": {"AutoModelForCausalLM": "code.Model"},', 1
    )
    hub.repositories["somebody/coded"] = Repository(files)
    with pytest.raises(CheckpointError, match=r"asks for code of its own \(auto_map\)"):
        from_hub("somebody/coded")._source.weights(0)


# --- TransformerLens' own ---


def configuration(bridge, **changes) -> bytes:
    cfg = bridge.cfg
    names = ("d_model", "n_layers", "d_mlp", "d_head", "n_heads", "n_ctx", "d_vocab", "act_fn")
    said = {name: getattr(cfg, name) for name in names}
    said |= {"d_mlp": 128, "attn_only": cfg.attn_only, "normalization": cfg.normalization_type}
    return json.dumps(said | {"tokenizer_name": "NeelNanda/words"} | changes).encode()


LABELS = (0, 5_242_880, 22_000_000_000)
TWO = "NeelNanda/Attn_Only_2L512W_C4_Code"


@pytest.fixture
def legacy(hub, tokenizer):
    """A function that publishes bridges in the layout of NeelNanda's repositories."""

    def publish(repository, bridges, labels=LABELS, **changes):
        files = {"config.json": configuration(bridges[0], **changes)}
        for one, label in zip(bridges, labels, strict=True):
            files[f"checkpoints/{repository[10:]}_{label:011}.pth"] = pickled(
                hooked_transformers(one)
            )
        files[f"{repository[10:]}_final.pth"] = pickled(hooked_transformers(bridges[-1]))
        hub.repositories[repository] = Repository({"main": files})
        words = files_of(HUGGING_FACE["llama"](), tokenizer)
        hub.repositories["NeelNanda/words"] = Repository({"main": words})

    return publish


@pytest.mark.parametrize("norm", ["LN", "LNPre"])
def test_attn_only_2l_is_read_like_the_bundled_ones(legacy, from_hub, norm, tokenizer) -> None:
    """By its name in TransformerLens; logits and scores are those of what was saved."""
    bridges = [bridge(seed=seed, normalization_type=norm) for seed in range(3)]
    with torch.no_grad():
        for one in bridges:
            one.unembed.b_U.normal_()
    legacy(TWO, bridges)
    series = from_hub("attn-only-2l")
    assert series.name == "Attn_Only_2L512W_C4_Code"
    assert series.tokens == list(LABELS)
    assert series.labels == ["checkpoint 0", "checkpoint 1", "checkpoint 2"]
    tokens = torch.arange(1, 30)[None]
    for index, saved in enumerate(bridges):
        loaded = series.load(index)
        assert torch.allclose(loaded(tokens), saved(tokens), atol=1e-5)
        ours = head_scores(loaded, ["induction", "previous_token"])
        theirs = head_scores(as_model(saved, tokenizer), ["induction", "previous_token"])
        for name in ours:
            assert ours[name].values == pytest.approx(theirs[name].values, abs=1e-6)
        assert ours.attrs["attention"] == "fused"
    assert from_hub(TWO, steps=[5_242_880]).tokens == [5_242_880]


def test_labels_of_a_short_run_are_steps_of_unknown_size(legacy, from_hub) -> None:
    """Whole labels: 1000 also ends 11000."""
    bridges = [bridge(seed=seed) for seed in range(2)]
    legacy("NeelNanda/Attn_Only_1L512W_C4_Code", bridges, labels=(11_000, 1000))
    series = from_hub("attn-only-1l")
    assert (series.steps, series.tokens) == ([1000, 11_000], [None, None])
    tokens = torch.arange(1, 30)[None]
    assert torch.allclose(series.load(0)(tokens), bridges[1](tokens), atol=1e-5)


def test_models_with_mlps_of_the_same_kin(legacy, from_hub) -> None:
    bridges = [bridge(seed=s, attn_only=False, d_mlp=128, act_fn="solu_ln") for s in range(3)]
    legacy("NeelNanda/SoLU_2L512W_C4_Code", bridges)
    tokens = torch.arange(1, 30)[None]
    loaded = from_hub("solu-2l").load(1)
    assert torch.allclose(loaded(tokens), bridges[1](tokens), atol=1e-5)


def test_a_final_model_at_an_early_label(legacy, from_hub) -> None:
    bridges = [bridge(seed=seed) for seed in (2, 1, 2)]
    legacy(TWO, bridges)
    table = from_hub(TWO).check(progress=False)
    assert list(table["status"]) == ["fault", "ok", "ok"]


def test_shortformer_is_refused_with_the_reason(legacy, from_hub) -> None:
    legacy(
        "NeelNanda/Attn-Only-2L512W-Shortformer-6B-big-lr", [bridge()], (5,), shortformer_pos=True
    )
    with pytest.raises(
        CheckpointError, match=r"positions to queries and keys only \(Shortformer\)"
    ):
        from_hub("attn-only-2l-demo").load(0)


def test_a_name_that_nobody_knows(from_hub) -> None:
    with pytest.raises(CheckpointError, match="'attn-only-9l' is no repository, and no model of"):
        from_hub("attn-only-9l")

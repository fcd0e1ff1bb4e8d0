"""Files that a training loop left: safetensors, state dicts, nanochat, modded-nanogpt."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from induction_kernels import CheckpointSeries, head_scores
from induction_kernels.errors import CheckpointError
from local_hub import Repository
from published_models import hooked_transformers, moved
from safetensors.torch import save_file
from small_models import HUGGING_FACE, bridge
from torch.nn import functional

TOKENS = torch.arange(1, 30)[None]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return HUGGING_FACE["llama"]().eval()


def holds(series, index, weights) -> bool:
    found = series.load(index).state_dict()
    return all(torch.equal(found[name], value) for name, value in weights.items())


LAYOUTS = {
    "a state dict": ("run_{step}.pt", lambda step, weights: weights),
    ".pth": ("run_{step}.pth", lambda step, weights: weights),
    "beside an optimizer": (
        "run_{step}.pt",
        lambda step, weights: {
            "model_state_dict": weights, "optimizer": {"state": {0: {"step": step}}}, "step": step,
        },
    ),
    "modded-nanogpt": (
        "state_step{step:06d}.pt",
        lambda step, weights: {
            "step": step, "code": "import torch",
            "model": {f"_orig_mod.{name}": value for name, value in weights.items()},
            "optimizers": [{"state": {}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.95)}]}],
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_of_a_training_loop(tmp_path, model, layout) -> None:
    name, wrap = LAYOUTS[layout]
    weights = {step: moved(model.state_dict(), step) for step in (0, 250, 1000)}
    for step, value in weights.items():
        torch.save(wrap(step, value), tmp_path / name.format(step=step))
        torch.save({"state": {}}, tmp_path / f"optim_{step:06d}_rank0.pt")
    series = CheckpointSeries.from_folder(tmp_path, model, tokens_per_step=100)
    assert series.steps == [0, 250, 1000]
    assert series.tokens == [0, 25_000, 100_000]
    assert all(holds(series, i, value) for i, value in enumerate(weights.values()))


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model": Evil()}, r"asks for .*print, and only weights are read of a pickle"),
        ({"step": 3, "loss": 0.5}, r"holds no weights \(but 'step', 'loss'\)"),
        ({}, "an empty dict"),
        ([torch.ones(1)], "a list"),
    ],
    ids=["code", "no weights", "nothing", "a list"],
)
def test_files_that_hold_something_else(tmp_path, model, content, said, capsys) -> None:
    torch.save(model.state_dict(), tmp_path / "run_1.pt")
    torch.save(content, tmp_path / "run_2.pt")
    series = CheckpointSeries.from_folder(tmp_path, model)
    series.load(0)
    with pytest.raises(CheckpointError, match=said):
        series.load(1)
    assert "run" not in capsys.readouterr().out.split()


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_files_that_end_too_soon(tmp_path, model, size) -> None:
    torch.save(model.state_dict(), tmp_path / "run_1.pt")
    content = (tmp_path / "run_1.pt").read_bytes()
    (tmp_path / "run_1.pt").write_bytes(content[:size])
    with pytest.raises(
        CheckpointError, match=rf"is not a whole file of torch.save .*{size:,} bytes"
    ):
        CheckpointSeries.from_folder(tmp_path, model).load(0)


def test_a_folder_without_checkpoints_says_what_it_holds(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(CheckpointError, match=r"no checkpoints \(notes.txt\)\. Expected .*\.pt"):
        CheckpointSeries.from_folder(tmp_path)


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_state_dicts_of_transformer_lens_2_and_3(tmp_path, ending) -> None:
    bridges = [bridge(seed=seed) for seed in range(2)]
    for step, one in enumerate(bridges):
        weights = hooked_transformers(one)
        path = tmp_path / f"run_{step}.{ending}"
        if ending == "pt":
            torch.save(weights, path)
        else:
            save_file(weights, path)
    series = CheckpointSeries.from_folder(tmp_path, bridge(seed=7))
    for index, one in enumerate(bridges):
        assert torch.allclose(series.load(index)(TOKENS), one(TOKENS), atol=1e-5)


def test_they_are_read_from_memory_too() -> None:
    one = bridge(seed=1)
    series = CheckpointSeries.from_state_dicts(bridge(seed=7), [hooked_transformers(one)])
    assert torch.allclose(series.load(0)(TOKENS), one(TOKENS), atol=1e-5)


def test_an_unembedding_without_a_bias_has_none(tmp_path) -> None:
    """Whatever bias the model has that the weights are put into."""
    saved, model = bridge(seed=1), bridge(seed=7)
    weights = hooked_transformers(saved)
    del weights["unembed.b_U"]
    torch.save(weights, tmp_path / "run_0.pt")
    with torch.no_grad():
        saved.unembed.b_U.zero_()
        model.unembed.b_U.fill_(3)
    loaded = CheckpointSeries.from_folder(tmp_path, model).load(0)
    assert torch.allclose(loaded(TOKENS), saved(TOKENS), atol=1e-5)


def test_they_are_refused_by_a_model_of_other_heads(tmp_path) -> None:
    torch.save(hooked_transformers(bridge()), tmp_path / "run_0.pt")
    with pytest.raises(CheckpointError, match=r"run_0.pt does not fit the model.*W_Q"):
        CheckpointSeries.from_folder(tmp_path, bridge(n_heads=2, d_head=16)).load(0)


# --- nanochat ---

SIZES = {
    "sequence_len": 64, "vocab_size": 320, "n_layer": 2, "n_head": 4, "n_kv_head": 2, "n_embd": 32,
}  # fmt: skip


def nanochat_weights(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"transformer.wte.weight": (320, 32), "lm_head.weight": (320, 32)}
    for layer in range(2):
        at = f"transformer.h.{layer}"
        shapes |= {
            f"{at}.attn.c_q.weight": (32, 32), f"{at}.attn.c_k.weight": (16, 32),
            f"{at}.attn.c_v.weight": (16, 32), f"{at}.attn.c_proj.weight": (32, 32),
            f"{at}.mlp.c_fc.weight": (128, 32), f"{at}.mlp.c_proj.weight": (32, 128),
        }  # fmt: skip
    return {name: torch.randn(s, generator=generator) * 0.3 for name, s in shapes.items()}


def nanochat_logits(weights, tokens):
    """nanochat's forward pass, written down once more: no parameters in its norms, rotation before
    they are applied to queries and keys, squared ReLU, logits capped at 15."""

    def norm(x):
        return functional.rms_norm(x, (x.shape[-1],))

    def rotated(x):
        half = x.shape[-1] // 2
        turns = torch.outer(
            torch.arange(x.shape[-2]).float(), 10000.0 ** (-torch.arange(half) / half)
        )
        a, b, cos, sin = x[..., :half], x[..., half:], turns.cos(), turns.sin()
        return norm(torch.cat([a * cos + b * sin, b * cos - a * sin], -1))

    x = norm(weights["transformer.wte.weight"][tokens])
    for layer in range(2):
        w = {
            name.removeprefix(f"transformer.h.{layer}.").removesuffix(".weight"): value
            for name, value in weights.items()
        }
        normal = norm(x)
        q, k, v = (
            (normal @ w[f"attn.c_{part}"].T).unflatten(-1, (-1, 8)).transpose(1, 2)
            for part in "qkv"
        )
        k, v = (part.repeat_interleave(2, 1) for part in (rotated(k), v))
        out = functional.scaled_dot_product_attention(rotated(q), k, v, is_causal=True)
        x = x + out.transpose(1, 2).flatten(2) @ w["attn.c_proj"].T
        x = x + (norm(x) @ w["mlp.c_fc"].T).relu().square() @ w["mlp.c_proj"].T
    return 15 * torch.tanh(norm(x) @ weights["lm_head.weight"].T / 15)


@pytest.fixture
def nanochat(tmp_path):
    folder = tmp_path / "base_checkpoints" / "d2"
    folder.mkdir(parents=True)
    for step in (0, 250, 1000):
        weights = {f"_orig_mod.{name}": value for name, value in nanochat_weights(step).items()}
        torch.save(weights, folder / f"model_{step:06d}.pt")
        torch.save({"state": {}}, folder / f"optim_{step:06d}.pt")
        meta = {"step": step, "model_config": SIZES, "total_batch_size": 524_288}
        (folder / f"meta_{step:06d}.json").write_text(json.dumps(meta))
    return folder


def test_nanochat_needs_no_model(nanochat) -> None:
    series = CheckpointSeries.from_folder(nanochat)
    assert series.name == "d2"
    assert series.steps == [0, 250, 1000]
    assert series.tokens == [0, 250 * 524_288, 1000 * 524_288]
    for index, step in enumerate(series.steps):
        ours = series.load(index)(TOKENS).logits
        assert torch.allclose(ours, nanochat_logits(nanochat_weights(step), TOKENS), atol=1e-4)
    assert head_scores(series.load(1), "induction")["induction"].shape == (2, 4)


def test_another_nanochat_is_refused_with_the_reason(nanochat) -> None:
    meta = {"model_config": SIZES | {"window_pattern": "SSSL"}, "total_batch_size": 1}
    for step in (0, 250, 1000):
        (nanochat / f"meta_{step:06d}.json").write_text(json.dumps(meta))
    series = CheckpointSeries.from_folder(nanochat)
    with pytest.raises(
        CheckpointError, match="says window_pattern='SSSL': it is of another nanochat"
    ):
        series.load(0)


def test_parts_that_transformers_does_not_have_are_said(nanochat) -> None:
    torch.save(nanochat_weights(0) | {"resid_lambdas": torch.ones(2)}, nanochat / "model_000250.pt")
    series = CheckpointSeries.from_folder(nanochat)
    series.load(0)
    with pytest.raises(CheckpointError, match="has 'resid_lambdas', which the model does not"):
        series.load(1)


# --- the same on a hub ---


@pytest.fixture
def publish(hub, tmp_path):
    """A function that puts files in a repository and makes a series of it."""

    def make(files, **options):
        hub.repositories["somebody/nanochat"] = Repository({"main": files})
        return CheckpointSeries.from_hub(
            "somebody/nanochat", "all", endpoint=hub.endpoint, cache_dir=tmp_path / "hub", **options
        )

    return make


def files_in(folder, at: str) -> dict[str, bytes]:
    return {f"{at}{path.name}": path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("at", ["base_checkpoints/d2/", "d2/", ""])
def test_nanochat_on_a_hub(nanochat, publish, hub, at) -> None:
    series = publish(files_in(nanochat, at) | {"README.md": b"", "tokenizer/tokenizer.pkl": b""})
    assert series.steps == [0, 250, 1000]
    assert series.tokens == [0, 250 * 524_288, 1000 * 524_288]
    assert not hub.count(r"model_\d+\.pt")
    for index, step in enumerate(series.steps):
        ours = series.load(index)(TOKENS).logits
        assert torch.allclose(ours, nanochat_logits(nanochat_weights(step), TOKENS), atol=1e-4)
    assert set(series.check(progress=False)["status"]) == {"ok"}
    assert not hub.count(r"optim|tokenizer")
    series.evict(1)
    assert series.to_download(1) > 0


def test_depths_of_nanochat_are_series_of_their_own(nanochat, publish) -> None:
    files = files_in(nanochat, "base_checkpoints/d2/") | files_in(nanochat, "base_checkpoints/d4/")
    files["chatsft_checkpoints/d2/model_000700.pt"] = b"of another training"
    with pytest.raises(CheckpointError, match=r"2 runs \(d2, d4\).*run='d2'"):
        publish(files)
    for run in ("d2", "d4"):
        assert publish(files, run=run).steps == [0, 250, 1000]


def test_another_nanochat_on_a_hub_is_refused_with_the_reason(nanochat, publish) -> None:
    meta = {"model_config": SIZES | {"window_pattern": "SSSL"}}
    for step in (0, 250, 1000):
        (nanochat / f"meta_{step:06d}.json").write_text(json.dumps(meta))
    series = publish(files_in(nanochat, "d2/"))
    assert series.tokens == [None, None, None]
    with pytest.raises(CheckpointError, match="says window_pattern='SSSL': it is of another"):
        series.load(0)
    files = files_in(nanochat, "d2/")
    del files["d2/meta_001000.json"]
    with pytest.raises(CheckpointError, match=r"has no d2/meta_001000\.json"):
        publish(files).load(0)


def test_modded_nanogpt_on_a_hub_is_refused_with_what_to_do(publish) -> None:
    with pytest.raises(CheckpointError, match=r"architecture changes from run to run.*from_folder"):
        publish({"logs/abc/state_step005100.pt": b"", "logs/abc/log.txt": b""})


# --- the same files, checked ---


def test_copies_among_local_files_are_seen(tmp_path, model) -> None:
    for step in (0, 1, 2, 3):
        torch.save(moved(model.state_dict(), step), tmp_path / f"run_{step}.pt")
    shutil.copy(tmp_path / "run_3.pt", tmp_path / "run_1.pt")
    table = CheckpointSeries.from_folder(tmp_path, model).check(progress=False)
    assert list(table["status"]) == ["ok", "fault", "ok", "ok"]
    assert table["reason"][1] == "holds step 3, the last, byte for byte"


def test_copies_among_folders_of_a_trainer_are_seen(tmp_path, model) -> None:
    for step in (0, 10, 20, 30):
        model.load_state_dict(moved(model.state_dict(), step))
        model.save_pretrained(tmp_path / f"checkpoint-{step}")
    shutil.copy(tmp_path / "checkpoint-20" / "model.safetensors", tmp_path / "checkpoint-10")
    (tmp_path / "checkpoint-0" / "model.safetensors").unlink()
    table = CheckpointSeries.from_folder(tmp_path).check(progress=False)
    assert list(table["status"]) == ["fault", "fault", "fault", "ok"]
    assert "holds no model.safetensors" in table["reason"][0]
    assert table["reason"][2] == "is step 10, byte for byte: at most one is what its name says"

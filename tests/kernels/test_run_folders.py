"""The folders of a training run: what is wrong in one of them is one fault of its checkpoint."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import torch
from induction_kernels import CheckpointSeries, sweep
from induction_kernels.checkpoints.tensors import read_safetensors
from induction_kernels.errors import CheckpointError
from patience import PATIENCE
from safetensors.torch import load_file, save_file
from small_models import HUGGING_FACE, variants


def save(weights, path: Path) -> None:
    save_file({k: v.contiguous() for k, v in weights.items()}, path)


STEPS = (0, 10, 20)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tokenizer) -> Path:
    """checkpoint-0, -10 and -20 of a small Llama, as transformers.Trainer leaves them."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    model = HUGGING_FACE["llama"]().eval()
    for step, weights in zip(STEPS, variants(model, 3), strict=True):
        model.load_state_dict(weights)
        one = folder / f"checkpoint-{step}"
        model.save_pretrained(one)
        tokenizer.save_pretrained(one)
        (one / "trainer_state.json").write_text(json.dumps({"num_input_tokens_seen": step * 500}))
    return folder


@pytest.fixture
def run(trained, tmp_path) -> Iterator[Path]:
    """A copy to spoil. Whoever waits for a pipe in it fails, and is let go."""

    def give_up(*_: object) -> None:
        pytest.fail("a pipe is waited for without end")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    yield shutil.copytree(trained, tmp_path / "run")
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    for path in tmp_path.rglob("*"):
        if path.is_fifo():
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))


def scored(series: CheckpointSeries) -> list[bool]:
    """Which checkpoints a sweep could score; it goes on to the end whatever one of them is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = sweep(series, "induction", progress=False)
    return [bool(found["induction"][i].notnull().all()) for i in range(len(series))]


def shard(folder: Path, outside: str | None = None, overlapping: bool = False) -> None:
    """Split model.safetensors into two files and an index."""
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    shards = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    if overlapping:
        halves[1].append(halves[0][0])
    for file, half in zip(shards, halves, strict=True):
        save({name: weights[name] for name in half}, folder / file)
    (folder / "model.safetensors").unlink()
    where = {name: file for file, half in zip(shards, halves, strict=True) for name in half}
    if outside is not None:
        where[names[0]] = outside
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))


def replace(name: str, content: str | bytes | None) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        elif content is not None:
            (folder / name).write_text(content)

    return spoil


def change(name: str, **values: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        content = json.loads((folder / name).read_text()) | values
        (folder / name).write_text(json.dumps(content))

    return spoil


def pipe(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return spoil


def link(name: str, to: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(to)

    return spoil


def loop(name: str) -> Callable[[Path], None]:
    return link(name, name)


def only_pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def only_an_adapter(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    (folder / "config.json").rename(folder / "adapter_config.json")


def twice(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    shard(folder)
    (folder / "model.safetensors").write_bytes(whole)


def a_file_instead(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")


INDEX = "model.safetensors.index.json"
BROKEN_FOLDERS = {
    "no weights": (replace("model.safetensors", None), "holds no model.safetensors"),
    "empty weights": (replace("model.safetensors", b""), "not a whole safetensors file"),
    "weights that are a pipe": (pipe("model.safetensors"), "is a pipe or a device, not a file"),
    "weights that are a loop of links": (
        loop("model.safetensors"),
        r"model.safetensors cannot be read: Too many levels of symbolic links",
    ),
    "weights that are a folder": (
        lambda folder: [
            (folder / "model.safetensors").unlink(),
            (folder / "model.safetensors").mkdir(),
        ],
        "is a folder, not a file",
    ),
    "pickled weights": (only_pickled, r"pytorch_model.bin, a pickle, which is not read"),
    "an adapter": (only_an_adapter, "holds an adapter, not a whole model"),
    "weights twice": (twice, "so its weights are there twice"),
    "a file instead": (a_file_instead, "cannot be read: Not a directory"),
    "a link to itself instead": (
        lambda folder: [shutil.rmtree(folder), folder.symlink_to(folder.name)],
        "cannot be read: Too many levels of symbolic links",
    ),
    "a link to nothing instead": (
        lambda folder: [shutil.rmtree(folder), folder.symlink_to("nothing")],
        "does not exist",
    ),
    "index that is no JSON": (replace(INDEX, "{"), "there twice"),
    "sharded, index no JSON": (
        lambda folder: [shard(folder), replace(INDEX, "{")(folder)],
        "index.json is not JSON",
    ),
    "sharded, index without a map": (
        lambda folder: [shard(folder), replace(INDEX, '{"weight_map": [1]}')(folder)],
        "has no weight_map",
    ),
    "sharded, index a list": (
        lambda folder: [shard(folder), replace(INDEX, "[]")(folder)],
        "holds a list, not an object",
    ),
    "sharded, a shard of another checkpoint": (
        lambda folder: shard(folder, outside="../checkpoint-0/model.safetensors"),
        r"names '../checkpoint-0/model.safetensors', which is outside its folder",
    ),
    "sharded, an absolute path": (
        lambda folder: shard(folder, outside="/dev/zero"),
        "names '/dev/zero', which is outside its folder",
    ),
    "sharded, a shard that is gone": (
        lambda folder: [shard(folder), (folder / "model-00002-of-00002.safetensors").unlink()],
        "model-00002-of-00002.safetensors does not exist",
    ),
    "sharded, overlapping": (
        lambda folder: shard(folder, overlapping=True),
        "is in more than one shard",
    ),
    "no configuration": (replace("config.json", None), "config.json does not exist"),
    "configuration that is no JSON": (replace("config.json", "{'"), "config.json is not JSON"),
    "configuration that is no text": (replace("config.json", b"\xff\xfe\0"), "is not JSON"),
    "configuration nested without end": (replace("config.json", "[" * 100_000), "is not JSON"),
    "configuration of nothing known": (
        change("config.json", model_type="nothing-known"),
        "holds no configuration of a causal language model",
    ),
    "configuration of nonsense": (
        change("config.json", hidden_size="wide"),
        "holds no configuration of a causal language model",
    ),
    "configuration that is a pipe": (pipe("config.json"), "config.json is a pipe or a device"),
    "code of its own": (
        change("config.json", auto_map={"AutoConfig": "code.Config"}, model_type="own"),
        r"config.json asks for code of its own \(auto_map\), which is not run",
    ),
    "code of its own for a known kind": (
        change("config.json", auto_map={"AutoModelForCausalLM": "code.Model"}),
        r"config.json asks for code of its own \(auto_map\), which is not run",
    ),
}


@pytest.mark.parametrize("index", [0, 2], ids=["first", "last"])
@pytest.mark.parametrize("kind", BROKEN_FOLDERS)
def test_a_broken_folder_is_one_fault_of_its_checkpoint(run, kind, index) -> None:
    spoil, said = BROKEN_FOLDERS[kind]
    folder = run / f"checkpoint-{STEPS[index]}"
    spoil(folder)
    with warnings.catch_warnings():  # of its tokenizer and its tokens
        warnings.simplefilter("ignore")
        series = CheckpointSeries.from_folder(run)
    with pytest.raises(CheckpointError, match=rf"(?s)checkpoint-{STEPS[index]}.*{said}|{said}"):
        series.load(index)
    assert scored(series) == [i != index for i in range(3)]


@pytest.mark.slow
def test_a_file_that_may_not_be_read(trained) -> None:
    """Root may read everything: where we are root, another user tries."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from induction_kernels.checkpoints.tensors import read_safetensors\n"
        "from induction_kernels.errors import CheckpointError\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: print(len(read_safetensors(Path(sys.argv[1]))))\n"
        "except CheckpointError as error: print(error)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(shutil.copy(trained / "checkpoint-10" / "model.safetensors", folder))
        for mode, said in ((0o644, "21\n"), (0, f"{path} cannot be read: Permission denied.")):
            path.chmod(mode)
            ran = subprocess.run(
                [sys.executable, "-c", script, path], capture_output=True, text=True, check=False
            )
            assert ran.stdout.startswith(said), ran.stderr


def test_shards_are_one_checkpoint(run) -> None:
    expected = sweep(CheckpointSeries.from_folder(run), "induction", progress=False)
    for step in STEPS:
        shard(run / f"checkpoint-{step}")
    found = sweep(CheckpointSeries.from_folder(run), "induction", progress=False)
    assert found["induction"].equals(expected["induction"])
    assert not found.attrs["faults"]


CODE = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
from transformers import LlamaConfig as Config, PreTrainedTokenizerFast as Words
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "wanted"), [("config.json", "AutoConfig"), ("tokenizer_config.json", "AutoTokenizer")]
)
def test_code_in_a_folder_is_never_run_and_nobody_is_asked(run, file, wanted) -> None:
    """Transformers asks on stdin; "y" must not be what lets a folder's code run."""
    for step in STEPS:
        folder = run / f"checkpoint-{step}"
        (folder / "code.py").write_text(CODE)
        changed: Any = {"auto_map": {wanted: "code.Config"}, "model_type": "own"}
        if wanted == "AutoTokenizer":
            changed = {"auto_map": {wanted: ["code.Words", None]}, "tokenizer_class": "Words"}
        change(file, **changed)(folder)
    script = (
        "import sys, warnings\n"
        "from induction_kernels import CheckpointSeries\n"
        "from induction_kernels.errors import CheckpointError\n"
        "series = CheckpointSeries.from_folder(sys.argv[1])\n"
        "try: series.load(0)\n"
        "except CheckpointError as error: print(error)\n"
        "print('tokenizer', series._source.tokenizer)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, run],
        input="y\n" * 20, capture_output=True, text=True, check=False,
        env=os.environ | {"HF_HOME": str(run)},
    )  # fmt: skip
    said = ran.stdout + ran.stderr
    assert not list(run.rglob("ran")), said
    assert "[y/N]" not in said
    assert (
        f"checkpoint-20/{file} asks for code of its own (auto_map), which is not run" in said
        or (f"checkpoint-0/{file} asks for code of its own (auto_map), which is not run" in said)
    )
    assert ran.returncode == 0, said


BROKEN_TOKENIZERS = {
    "no JSON": replace("tokenizer_config.json", "{"),
    "a list": replace("tokenizer_config.json", "[]"),
    "a pipe": pipe("tokenizer_config.json"),
    "a loop of links": loop("tokenizer_config.json"),
    "vocabulary no JSON": replace("tokenizer.json", "{"),
    "vocabulary of nothing": replace("tokenizer.json", "{}"),
    "vocabulary a pipe": pipe("tokenizer.json"),
    # Which would be passed over, and the text be cut up otherwise without a word.
    "special tokens a pipe": pipe("special_tokens_map.json"),
    "added tokens a link to nothing": link("added_tokens.json", "nothing"),
}


@pytest.mark.parametrize("kind", BROKEN_TOKENIZERS)
def test_a_broken_tokenizer_is_said_and_another_taken(run, kind) -> None:
    BROKEN_TOKENIZERS[kind](run / "checkpoint-20")
    with pytest.warns(
        UserWarning, match=r"(?s)checkpoint-20.*The tokenizer in .*checkpoint-10 is used"
    ):
        series = CheckpointSeries.from_folder(run)
    assert series._source.tokenizer("the cat")["input_ids"]
    assert scored(series) == [True] * 3
    for step in STEPS:
        BROKEN_TOKENIZERS[kind](run / f"checkpoint-{step}")
    with pytest.warns(UserWarning, match="No tokenizer is used"):
        series = CheckpointSeries.from_folder(run)
    assert series._source.tokenizer is None
    assert scored(series) == [True] * 3


@pytest.mark.parametrize(
    "name", ["trainer_state.json", "generation_config.json", "log", "run.fifo"]
)
def test_a_pipe_that_no_tokenizer_reads_is_none_of_its_business(run, name) -> None:
    pipe(name)(run / "checkpoint-20")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        series = CheckpointSeries.from_folder(run, tokens_per_step=500)
    assert not [w for w in said if "tokenizer is used" in str(w.message)]
    assert series._source.tokenizer("the cat")["input_ids"]


def test_a_file_that_cannot_be_read_is_not_called_truncated(run) -> None:
    pipe("config.json")(run / "checkpoint-10")
    with pytest.raises(CheckpointError) as refusal:
        CheckpointSeries.from_folder(run).load(1)
    assert "is a pipe or a device" in str(refusal.value)
    assert "JSON" not in str(refusal.value)


def test_a_model_beside_folders_that_describe_theirs_is_refused(run) -> None:
    with pytest.raises(CheckpointError, match=r"checkpoint-0/ .* a model \(LlamaForCausalLM\)"):
        CheckpointSeries.from_folder(run, HUGGING_FACE["llama"]())


# --- tokens seen ---


@pytest.mark.unchecked
@pytest.mark.parametrize("given", [0, -5, 1.5, "many", True, float("nan"), 2**60])
def test_a_rate_that_is_no_number_of_tokens_is_refused(run, given) -> None:
    with pytest.raises(CheckpointError, match=r"tokens_per_step=.* was given"):
        CheckpointSeries.from_folder(run, tokens_per_step=given)


def count(folder: Path, tokens: Any) -> None:
    (folder / "trainer_state.json").write_text(json.dumps({"num_input_tokens_seen": tokens}))


def test_nothing_is_seen_at_step_0(run) -> None:
    assert CheckpointSeries.from_folder(run).tokens == [0, 5000, 10_000]
    (run / "checkpoint-0" / "trainer_state.json").unlink()
    assert CheckpointSeries.from_folder(run).tokens == [0, 5000, 10_000]


def test_a_count_of_0_after_training_is_no_count(run) -> None:
    """The Trainer writes 0 unless include_num_input_tokens_seen is set."""
    for step in STEPS:
        count(run / f"checkpoint-{step}", 0)
    assert CheckpointSeries.from_folder(run).tokens == [0, None, None]
    assert CheckpointSeries.from_folder(run, tokens_per_step=7).tokens == [0, 70, 140]


BROKEN_COUNTS = {
    "none": lambda state: state.unlink(),
    "0": lambda state: count(state.parent, 0),
    "no JSON": lambda state: state.write_text("{"),
    "a list": lambda state: state.write_text("[]"),
    "a text": lambda state: count(state.parent, "many"),
    "negative": lambda state: count(state.parent, -5),
    "huge": lambda state: count(state.parent, 10**400),
    "true": lambda state: count(state.parent, True),
    "a pipe": lambda state: pipe(state.name)(state.parent),
}


@pytest.mark.parametrize("step", [10, 20])
@pytest.mark.parametrize("kind", BROKEN_COUNTS)
def test_one_unknown_count_leaves_the_axis_in_tokens_and_is_said(
    run, kind, step, tokenizer
) -> None:
    BROKEN_COUNTS[kind](run / f"checkpoint-{step}" / "trainer_state.json")
    with pytest.warns(UserWarning, match=rf"checkpoint-{step}: not counted, so in proportion"):
        series = CheckpointSeries.from_folder(run, tokenizer=tokenizer)
    assert series.tokens == [0, 5000, 10_000]
    assert series.tokens_estimated == [s == step for s in STEPS]
    assert series.select([0, -1]).tokens_estimated == [False, step == 20]
    found = sweep(series, "induction", progress=False)
    assert found["tokens_estimated"].values.tolist() == [s == step for s in STEPS]
    assert not found["induction"].isnull().any()


def test_what_is_told_is_no_estimate(run) -> None:
    count(run / "checkpoint-10", 0)
    series = CheckpointSeries.from_folder(run, tokens_per_step=500)
    assert (series.tokens, series.tokens_estimated) == ([0, 5000, 10_000], [False] * 3)


def test_counts_that_fall_are_not_used(run) -> None:
    count(run / "checkpoint-20", 3000)
    with pytest.warns(UserWarning, match=r"5,000 at step 10 and 3,000 at step 20 do not rise"):
        series = CheckpointSeries.from_folder(run)
    assert series.tokens == [None] * 3
    assert series.tokens_estimated == [False] * 3


# --- one model a folder ---

OTHER_MODELS = {
    "heads": {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8},
    "activation": {"hidden_act": "gelu"},
    "epsilon": {"rms_norm_eps": 1e-3},
    "positions": {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
    "kind": {"model_type": "mistral", "sliding_window": 4},
}


@pytest.mark.parametrize("kind", OTHER_MODELS)
def test_a_configuration_of_another_model_is_a_fault(run, kind) -> None:
    """The weights would fit; what is computed with them would be another model."""
    change("config.json", **OTHER_MODELS[kind])(run / "checkpoint-20")
    series = CheckpointSeries.from_folder(run)
    name = next(iter(OTHER_MODELS[kind]))
    with pytest.raises(
        CheckpointError, match=rf"checkpoint-20/config.json describes another model.*{name}"
    ):
        series.load(2)
    assert scored(series) == [True, True, False]


def test_the_model_is_the_one_that_most_folders_describe(run) -> None:
    expected = sweep(CheckpointSeries.from_folder(run), "induction", progress=False)["induction"]
    change("config.json", rms_norm_eps=1e-2)(run / "checkpoint-0")
    series = CheckpointSeries.from_folder(run)
    assert scored(series) == [False, True, True]
    with pytest.warns(UserWarning, match="rms_norm_eps 0.01 instead of 1e-06"):
        found = sweep(series, "induction", progress=False)["induction"]
    assert found[1:].equals(expected[1:])


def test_what_does_not_change_the_forward_pass_may_differ(run) -> None:
    change(
        "config.json",
        transformers_version="4.30.0", _name_or_path="elsewhere", architectures=None,
        use_cache=False, dtype="float16", attention_dropout=0.3, pad_token_id=3, eos_token_id=7,
        initializer_range=0.5, temperature=0.7, max_length=99, rms_norm_eps=1e-6,
    )(run / "checkpoint-20")  # fmt: skip
    config = json.loads((run / "checkpoint-10" / "config.json").read_text())
    del config["rms_norm_eps"], config["hidden_act"]  # these are what Transformers takes anyway
    (run / "checkpoint-10" / "config.json").write_text(json.dumps(config))
    series = CheckpointSeries.from_folder(run)
    assert scored(series) == [True] * 3
    assert series.model(0).dtype == torch.float32  # the widest: no checkpoint is rounded


# --- files that change while they are in use ---


@pytest.mark.slow
def test_weights_outlive_their_file(run) -> None:
    """Cut or rewritten after it was read: a mapped file would change, or end the process."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from induction_kernels.checkpoints.tensors import read_safetensors\n"
        "path = Path(sys.argv[1])\n"
        "weights = read_safetensors(path)\n"
        "sums = lambda: [float(value.sum()) for value in weights.values()]\n"
        "before = sums()\n"
        "path.write_bytes(bytes(path.stat().st_size))\n"
        "assert sums() == before\n"
        "os.truncate(path, 0)\n"
        "assert sums() == before\n"
        "print('alive')\n"
    )
    path = run / "checkpoint-10" / "model.safetensors"
    ran = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "alive\n"), ran.stderr


def test_a_file_that_is_written_to_while_it_is_read_is_refused(run) -> None:
    path = run / "checkpoint-10" / "model.safetensors"
    written = path.read_bytes()
    expected = read_safetensors(path)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            path.write_bytes(written)

    def read_again_and_again() -> None:
        for _ in repeat(None, 1000):
            found = read_safetensors(path)
            assert all(torch.equal(found[name], value) for name, value in expected.items())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(CheckpointError, match=r"written to while|not a whole safetensors file"):
            read_again_and_again()
    finally:
        stop.set()
        writer.join()

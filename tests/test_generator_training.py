"""Training the generator: each loss by name, the adversaries, several processes, and going on where a run stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import Tensor, nn

from talker.data.cache import save
from talker.data.generator_batches import Sampler, run_on, take
from talker.data.generator_pairs import Pairs
from talker.errors import AssetError, DataError, InputError
from talker.media.image import load_image
from talker.render.aligned import MAPS, STYLE
from talker.render.generator import Generator, GeneratorConfig, load_generator
from talker.render.regions import EYES, MOUTH, WHOLE
from talker.training import perception
from talker.training.generator import GeneratorTraining, Trainer
from talker.training.generator_discriminators import (
    DiscriminatorConfig,
    Discriminators,
    discriminator_loss,
    generator_adversarial_loss,
    r1_penalty,
)
from talker.training.generator_losses import Losses
from talker.training.perception import MESH_FILE, feature_distance, mesh_features
from talker.weights import store
from talker.workbench import train

SIDE = GeneratorConfig.tiny().size
EVERYTHING = {
    "pixels": 1.0, "edges": 1.0, "texture": 1.0, "flow": 0.01, "added": 0.01, "steady": 0.1, "features": 0.1,
    "vgg": 0.1,
    "identity": 0.1, "adversarial": 0.1, "matching": 0.1,
}  # fmt: skip


class Downscaled(nn.Module):
    """Stands in for a published network: what it says changes with the picture, and that is all."""

    def __init__(self, *, flat: bool) -> None:
        super().__init__()
        self.flat = flat

    def forward(self, pictures: Tensor) -> Tensor | list[Tensor]:
        small = nn.functional.adaptive_avg_pool2d(pictures, 8)
        return small.flatten(1) if self.flat else [small]


def made_up(seed: int = 0) -> Pairs:
    """Six frames of a face that never existed."""
    random = np.random.default_rng(seed)
    frames = random.integers(0, 255, (3, 6, SIDE, SIDE, 3), dtype=np.uint8)
    maps = random.uniform(0, 1, (6, SIDE // 4, SIDE // 4, MAPS)).astype(np.float16) * 0.1
    styles = random.uniform(0, 1, (6, STYLE)).astype(np.float32)
    return Pairs(frames[0, 0], frames[0], frames[1], maps, styles, frames[2])


def settings(**changes: object) -> GeneratorTraining:
    return replace(GeneratorTraining.tiny(), **changes)  # type: ignore[arg-type]


def trainer(out: Path, chosen: GeneratorTraining, losses: Losses | None = None) -> Trainer:
    return Trainer(GeneratorConfig.tiny(), chosen, {"talking": [made_up()]}, out, losses)


@pytest.fixture(scope="module")
def adversaries() -> Discriminators:
    torch.manual_seed(0)
    return Discriminators(DiscriminatorConfig.tiny())


def test_sizes_go_by_their_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="small, base, large"):
        train("generator", tmp_path, tmp_path / "out", size="huge")
    with pytest.raises(DataError, match="neither films"):
        train("generator", tmp_path, tmp_path / "out", size="base")
    with pytest.raises(InputError, match="leave --size out"):
        train("motion", tmp_path, tmp_path / "out", size="small")


def test_a_network_read_from_its_file_says_what_the_interpreter_says() -> None:
    with zipfile.ZipFile(store.fetch("face_landmarker")) as task:
        model = task.read(MESH_FILE)
    picture = np.random.default_rng(0).uniform(0, 1, (1, 256, 256, 3)).astype(np.float32)
    interpreter = Interpreter(model_content=model, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    network = mesh_features()
    found = network(torch.from_numpy(picture).permute(0, 3, 1, 2))
    assert [tuple(one.shape[1:]) for one in found] == [(16, 128, 128), (32, 64, 64), (64, 32, 32)]
    for number, one in zip(network.wanted, found, strict=True):
        np.testing.assert_allclose(one.permute(0, 2, 3, 1).numpy(), interpreter.get_tensor(number), atol=1e-4)


def test_features_of_the_same_are_the_same_and_grow_apart_with_blur() -> None:
    network, picture = mesh_features(), torch.rand(1, 3, 64, 64)
    weight = torch.ones(1, 1, 64, 64)
    seen = [
        network(one) for one in (picture, nn.functional.avg_pool2d(picture, 3, 1, 1), torch.full_like(picture, 0.5))
    ]
    same, blurred, grey = (float(feature_distance(seen[0], other, weight)) for other in seen)
    assert same == 0
    assert 0 < blurred < grey


def test_networks_of_the_hub_are_asked_for_only_when_their_loss_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perception, "hub_reachable", lambda: False)
    assert not Losses({"pixels": 1.0}).networks
    for name in ("vgg", "identity"):
        with pytest.raises(AssetError, match="Hub"):
            Losses({name: 1.0})


def test_adversaries_are_content_when_they_are_right(adversaries: Discriminators) -> None:
    made, real, weight = torch.rand(2, 6, SIDE, SIDE), torch.rand(2, 6, SIDE, SIDE), torch.ones(2, 1, SIDE, SIDE)
    unsure = discriminator_loss(adversaries, made, real, weight, WHOLE)
    assert float(unsure.detach()) == pytest.approx(2, abs=0.3)  # verdicts near 0
    assert float(generator_adversarial_loss(adversaries, real, real, weight, WHOLE)["matching"].detach()) == 0
    assert float(generator_adversarial_loss(adversaries, made, real, weight, WHOLE)["matching"].detach()) > 0
    assert float(r1_penalty(adversaries, real, weight, WHOLE).detach()) > 0


@pytest.mark.parametrize(("region", "looking"), [(WHOLE, 3), (MOUTH, 2), (EYES, 2)])
def test_mouths_and_eyes_have_adversaries_of_their_own(
    adversaries: Discriminators, region: object, looking: int
) -> None:
    batch = take(made_up(), [0, 1], region)  # type: ignore[arg-type]
    weight = torch.ones(2, 1, *batch.truth.shape[-2:])
    assert len(list(adversaries.looks(batch.dressed(batch.truth), weight, region))) == looking  # type: ignore[arg-type]


def test_adversaries_learn_to_tell_dark_from_bright(tmp_path: Path) -> None:
    pairs = made_up()
    bright = Pairs(pairs.source, pairs.pictures // 3, pairs.masks, pairs.maps, pairs.styles, pairs.truths // 3 + 170)
    chosen = settings(losses={"adversarial": 1e-6}, adversary_rate=3e-3, r1_penalty=0.0, show_every=1000, steps=30)
    one = Trainer(GeneratorConfig.tiny(), chosen, {"talking": [bright]}, tmp_path)
    verdicts = [value for _ in range(30) for name, value in one.update().items() if name.endswith("verdict")]
    assert np.mean(verdicts[-5:]) < 0.5 * verdicts[0]


def test_one_step_with_every_loss(tmp_path: Path) -> None:
    stand_ins = {"vgg": Downscaled(flat=False), "identity": Downscaled(flat=True)}
    one = trainer(tmp_path, settings(losses=EVERYTHING, regions=((WHOLE, 1.0),)), Losses(EVERYTHING, **stand_ins))
    terms = one.update()
    assert {name.removeprefix("face ") for name in terms} == {*EVERYTHING, "verdict"}
    assert all(np.isfinite(value) for value in terms.values())
    for network in (one.generator.up[-1].head, one.adversaries):
        assert any(float(weight.grad.abs().sum()) > 0 for weight in network.parameters() if weight.grad is not None)


def test_a_run_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    losses = {"pixels": 1.0, "adversarial": 0.1, "matching": 0.1}
    one = trainer(tmp_path / "out", settings(losses=losses, steps=3))
    one.fit()
    other = trainer(tmp_path / "out", settings(losses=losses, steps=3))
    assert other.step == one.step == 3
    for name in ("generator", "average", "adversaries"):
        kept, loaded = getattr(one, name).state_dict(), getattr(other, name).state_dict()
        assert all(torch.equal(kept[key], loaded[key]) for key in kept)
    for name in ("optimiser", "opponent"):
        kept, loaded = (getattr(each, name).state_dict()["state"] for each in (one, other))
        assert all(torch.equal(row[key], loaded[number][key]) for number, row in kept.items() for key in row)
    shipped = load_generator(tmp_path / "out").state_dict()
    assert all(torch.equal(shipped[key], value) for key, value in one.average.state_dict().items())


def test_the_same_frames_are_shown_again_and_again(tmp_path: Path) -> None:
    trainer(tmp_path / "out", settings(losses={"pixels": 1.0})).fit()
    pictures = sorted((tmp_path / "out-training").glob("step-*.png"))
    assert [path.stem for path in pictures] == ["step-000001", "step-000002"]
    first, second = (load_image(path) for path in pictures)
    assert first.shape == (SIDE, 4 * SIDE, 3)  # source, geometry, generator, real
    np.testing.assert_array_equal(
        np.delete(first, slice(2 * SIDE, 3 * SIDE), 1), np.delete(second, slice(2 * SIDE, 3 * SIDE), 1)
    )


def test_batches_add_up_to_one(tmp_path: Path) -> None:
    """The gradient of two batches of two is that of one of four, where the loss is a mean over frames."""
    torch.manual_seed(0)
    generator, fade = Generator(GeneratorConfig.tiny()).eval(), torch.ones(SIDE, SIDE)
    rows = take(made_up(), [0, 1, 2, 3], WHOLE)
    made, _ = run_on(generator, rows, fade)
    (made - rows.truth).square().mean().backward()
    wanted = generator.up[-1].head.conv.weight.grad.clone()
    generator.zero_grad()
    for pair in ([0, 1], [2, 3]):
        part = take(made_up(), pair, WHOLE)
        made, _ = run_on(generator, part, fade)
        ((made - part.truth).square().mean() / 2).backward()
    torch.testing.assert_close(generator.up[-1].head.conv.weight.grad, wanted, atol=1e-6, rtol=1e-4)


def test_frames_that_follow_one_another_stay_together() -> None:
    film, photograph = made_up(), made_up(1)
    alone = Pairs(
        photograph.source,
        *(getattr(photograph, name)[:1] for name in ("pictures", "masks", "maps", "styles", "truths")),
    )
    sampler = Sampler({"talking": [film], "portraits": [alone]}, 4, ((WHOLE, 1.0),), seed=0)
    for _ in range(10):
        batch, _ = sampler.batch()
        sources = batch.source.flatten(1)
        ratio = sources[::2].mean(1) / sources[1::2].mean(1)
        assert len(batch.style) == 4
        assert torch.all((ratio - 1).abs() < 0.4)


RUN = """
import sys
from pathlib import Path
import torch
from talker.render.generator import GeneratorConfig
from talker.training.generator import GeneratorTraining, Trainer
from talker.data.generator_pairs import Pairs
from talker.data.cache import load
from dataclasses import replace
torch.set_num_threads(1)
chosen = replace(GeneratorTraining.tiny(), steps=3, losses={"pixels": 1.0, "adversarial": 0.1, "matching": 0.1})
trainer = Trainer(GeneratorConfig.tiny(), chosen, {"talking": [Pairs(**load(Path(sys.argv[1])))]}, Path(sys.argv[2]))
trainer.fit()
both = [value for network in (trainer.generator, trainer.adversaries) for value in network.state_dict().values()]
torch.save(torch.cat([value.flatten() for value in both]), f"{sys.argv[2]}-{trainer.rank}.pt")
"""


def test_two_processes_learn_one_network(tmp_path: Path) -> None:
    save(tmp_path / "pairs.npz", made_up())
    (tmp_path / "run.py").write_text(RUN)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [*command, str(tmp_path / "run.py"), str(tmp_path / "pairs.npz"), str(tmp_path / "out")],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    one, other = (torch.load(tmp_path / f"out-{rank}.pt", weights_only=True) for rank in (0, 1))
    assert torch.equal(one, other)
    assert len((tmp_path / "out-training" / "log.jsonl").read_text().splitlines()) == 3  # only the first one writes

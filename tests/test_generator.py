"""The style-based generator: what holds before any training, what training keeps, and what the shipped weights do."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from talker.blendshapes import expand
from talker.cache import load, save
from talker.data.generator_batches import take
from talker.data.generator_pairs import Pairs
from talker.evaluation.perceptual import Perceiver, distance
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.aligned import MAPS, STYLE, FaceSquare, generator_style
from talker.render.generator import (
    CHECKPOINT,
    SIZES,
    Generator,
    GeneratorConfig,
    ModulatedConv,
    absolute,
    load_generator,
    refined,
    save_generator,
)
from talker.render.generator_renderer import GeneratorRenderer
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.regions import MODES, MOUTH, WHOLE
from talker.training.generator import GeneratorTraining, Trainer
from talker.training.generator_losses import Losses
from talker.types import EMOTION_LABELS, FaceMotion, Portrait
from talker.weights.store import checkpoint

OPTIONS = SpeakOptions(size="crop256")
SPEAKING = expand({"jawOpen": 0.5, "mouthSmile": 0.4, "eyeBlink": 0.3})
TURNED = np.array([0.05, 0.12, 0.03, 0.0, 0.0, 0.0], np.float32)
SIDE = GeneratorConfig.tiny().size


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return analyse(skimage.data.astronaut())


@pytest.fixture(scope="module")
def shipped(portrait: Portrait) -> GeneratorRenderer:
    return GeneratorRenderer(portrait, OPTIONS)


@pytest.fixture
def pairs() -> Pairs:
    """Six made-up frames of a face that never existed."""
    random = np.random.default_rng(0)
    frames = random.integers(0, 255, (3, 6, SIDE, SIDE, 3), dtype=np.uint8)
    maps = random.uniform(0, 1, (6, SIDE // 4, SIDE // 4, MAPS)).astype(np.float16) * 0.1
    styles = random.uniform(0, 1, (6, STYLE)).astype(np.float32)
    return Pairs(frames[0, 0], frames[0], frames[1], maps, styles, frames[2])


def untrained(seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    return Generator(GeneratorConfig.tiny()).eval()


def shaken(seed: int = 0) -> Generator:
    """A generator whose heads do something."""
    generator = untrained(seed)
    with torch.no_grad():
        for level in generator.up:
            level.head.conv.weight.normal_(std=0.1)
    return generator


def test_untrained_it_leaves_the_geometrys_frame_as_it_is(portrait: Portrait) -> None:
    geometry = GeometryRenderer(portrait, OPTIONS).frame(SPEAKING, TURNED)
    for mode in MODES:
        frame = GeneratorRenderer(portrait, OPTIONS, generator=untrained(), mode=mode).frame(SPEAKING, TURNED)
        assert np.abs(frame.astype(int) - geometry).max() == 0


def test_untrained_a_mirrored_face_gives_a_mirrored_face(pairs: Pairs) -> None:
    generator, batch = untrained(), take(pairs, [0, 1], WHOLE)
    fade = torch.ones(SIDE, SIDE)
    faces = []
    for one in (batch, batch.mirrored()):
        found = generator(one.picture, one.maps, one.style, generator.encode(one.source))
        faces.append(refined(one.picture[:, :3], found, fade))
    torch.testing.assert_close(faces[1], faces[0].flip(-1), atol=1e-3, rtol=0)


def test_a_mirrored_mirror_is_the_batch(pairs: Pairs) -> None:
    batch = take(pairs, [0, 1], WHOLE)
    twice = batch.mirrored().mirrored()
    for name in ("picture", "truth", "maps", "style", "source"):
        torch.testing.assert_close(getattr(twice, name), getattr(batch, name))


def test_one_seed_gives_one_network_and_one_frame(portrait: Portrait) -> None:
    one, other = untrained(7).state_dict(), untrained(7).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    frames = [GeneratorRenderer(portrait, OPTIONS, generator=shaken(3)).frame(SPEAKING, TURNED) for _ in range(2)]
    np.testing.assert_array_equal(*frames)


def test_scaling_channels_is_modulating_weights() -> None:
    torch.manual_seed(0)
    conv, x, style = ModulatedConv(5, 4, 3), torch.randn(1, 5, 8, 8), torch.randn(1, 3)
    weight = conv.weight * conv.scale(style)[0][None, :, None, None]  # StyleGAN2's own words
    weight = weight * torch.rsqrt(weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-6)
    wanted = functional.leaky_relu(functional.conv2d(x, weight, conv.bias, padding=1), 0.2)
    torch.testing.assert_close(conv(x, style), wanted, atol=1e-5, rtol=1e-5)


def test_a_flow_moves_and_a_texture_is_added_as_far_as_the_mask_says(portrait: Portrait) -> None:
    geometry = GeometryRenderer(portrait, OPTIONS).frame(SPEAKING, TURNED).astype(int)
    generator = untrained()
    with torch.no_grad():
        generator.up[0].head.conv.bias[2:5] = 0.2  # texture of the coarsest level
    brighter = GeneratorRenderer(portrait, OPTIONS, generator=generator, mode="face").frame(SPEAKING, TURNED)
    middle = tuple(slice(int(side * 0.45), int(side * 0.5)) for side in geometry.shape[:2])
    room = geometry[middle] < 220
    assert (brighter[middle] - geometry[middle])[room] == pytest.approx(0.5 * 0.2 * 255, abs=2)  # the mask lets half in
    assert np.abs(brighter[-1].astype(int) - geometry[-1]).max() == 0


def test_skin_keeps_its_own_detail(portrait: Portrait) -> None:
    """The finest level adds texture between the lips, and nowhere else."""
    generator = untrained()
    with torch.no_grad():
        generator.up[-1].head.conv.bias[2 * 4 : 5 * 4] = 0.2  # texture, at each of the four finer places
    picture = torch.rand(1, 6, SIDE, SIDE)
    picture[:, 3] = 0
    picture[:, 3, 30:34, 20:40] = 1  # the opening of the lips
    maps, features = torch.zeros(1, MAPS, SIDE // 4, SIDE // 4), generator.encode(torch.rand(1, 3, SIDE, SIDE))
    with torch.no_grad():
        added = generator(picture, maps, torch.zeros(1, STYLE), features).texture.abs().sum(1)[0]
    assert float(added[30:34, 20:40].min()) > 0
    assert float(added[:24].max()) == float(added[40:].max()) == 0


def test_the_square_follows_the_head(portrait: Portrait) -> None:
    renderer = GeometryRenderer(portrait, OPTIONS)
    squares = FaceSquare(renderer.geometry, 96)
    for pose in (np.zeros(6), TURNED):
        drawn = renderer.draw(SPEAKING, pose)
        square, sight = squares.look(drawn)
        eyes = square.points(renderer.geometry.landmark_points(drawn.points, (33, 263)))
        assert eyes[:, 1] == pytest.approx(0.23 * 96, abs=0.01)
        assert (sight.masks.reshape(-1, 3).max(0) == 255).all()
        inside = sight.maps[..., 3] > 0
        assert 0.3 < inside.mean() < 0.9
        assert np.abs(sight.maps[inside][:, 4:]).max() < 0.3  # of the side, from the portrait's own square


def test_what_is_equal_costs_nothing(pairs: Pairs) -> None:
    generator, batch = untrained(), take(pairs, [0, 1], WHOLE)
    found = generator(batch.picture, batch.maps, batch.style, generator.encode(batch.source))
    weight = torch.ones(2, 1, SIDE, SIDE)
    same = Losses({})(batch.truth, batch.truth, weight, found, in_pairs=True)
    assert all(float(value.detach()) == pytest.approx(0, abs=1e-6) for value in same.values())
    other = Losses({})(batch.picture[:, :3], batch.truth, weight, found, in_pairs=True)
    assert all(float(other[name].detach()) > 0 for name in ("pixels", "edges", "texture", "steady"))


def test_a_tiny_training_learns_is_kept_and_goes_on(pairs: Pairs, tmp_path: Path) -> None:
    kept = tmp_path / "pairs.npz"
    save(kept, pairs)
    groups = {"talking": [Pairs(**load(kept))]}
    before = untrained().state_dict()
    trained = Trainer(GeneratorConfig.tiny(), GeneratorTraining.tiny(), groups, tmp_path / "out").fit().state_dict()
    assert any(not torch.equal(before[name], trained[name]) for name in before)
    loaded = load_generator(tmp_path / "out").state_dict()
    assert all(torch.equal(loaded[name], trained[name]) for name in trained)
    again = Trainer(GeneratorConfig.tiny(), GeneratorTraining.tiny(), groups, tmp_path / "out")
    assert again.step == GeneratorTraining.tiny().steps
    again.update()


def test_training_brings_the_frame_nearer_to_the_truth(pairs: Pairs, tmp_path: Path) -> None:
    flat = Pairs(pairs.source, pairs.pictures, pairs.masks, pairs.maps, pairs.styles, pairs.pictures // 2 + 100)
    settings = GeneratorTraining(steps=60, batch=2, rate=5e-3, regions=((WHOLE, 1.0),))
    trainer = Trainer(GeneratorConfig.tiny(), settings, {"talking": [flat]}, tmp_path)
    losses = [trainer.update()["face pixels"] for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])


def test_save_and_load_give_the_same_network(tmp_path: Path) -> None:
    generator = shaken()
    save_generator(generator, tmp_path)
    inputs = torch.rand(1, 6, SIDE, SIDE), absolute(torch.zeros(1, MAPS, SIDE // 4, SIDE // 4)), torch.zeros(1, STYLE)
    features = generator.encode(torch.rand(1, 3, SIDE, SIDE))
    for one, other in zip(generator(*inputs, features), load_generator(tmp_path)(*inputs, features), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("mode", MODES)
def test_the_small_one_stays_below_two_gigaflops(mode: str) -> None:
    config = SIZES["small"]
    generator = Generator(config).eval()
    features = generator.encode(torch.zeros(1, 3, config.size, config.size))
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        for region in MODES[mode]:
            rows, columns = region.slices(config.size)
            height, width = rows.stop - rows.start, columns.stop - columns.start
            generator(torch.zeros(1, 6, height, width), torch.zeros(1, 6, height // 4, width // 4),
                      torch.zeros(1, STYLE), features)  # fmt: skip
    assert 0.1e9 < counter.get_total_flops() < 2e9


def test_the_shipped_weights_are_small_and_change_the_mouth_alone(
    portrait: Portrait, shipped: GeneratorRenderer
) -> None:
    folder = checkpoint(CHECKPOINT)
    assert tuple(json.loads((folder / "config.json").read_text())["widths"]) == SIZES["small"].widths
    assert (folder / "model.safetensors").stat().st_size < 30e6
    geometry = GeometryRenderer(portrait, OPTIONS).frame(SPEAKING, TURNED).astype(int)
    change = np.abs(shipped.frame(SPEAKING, TURNED).astype(int) - geometry)
    assert change.max() > 3
    assert change[:, :20].max() == change[:, -20:].max() == 0  # nothing beside the face


def test_the_shipped_weights_are_nearly_symmetric(shipped: GeneratorRenderer, portrait: Portrait) -> None:
    """Trained, mirrored faces give mirrored faces up to a few levels."""
    drawn = shipped.geometry.draw(SPEAKING, TURNED)
    square, sight = FaceSquare(shipped.geometry.geometry, SIZES["small"].size).look(drawn)
    style = generator_style(SPEAKING, TURNED, portrait)
    one = Pairs(square.cut(portrait.image), *(row[None] for row in (sight.picture, sight.masks, sight.maps, style)),
                sight.picture[None])  # fmt: skip
    generator = load_generator(checkpoint(CHECKPOINT))
    added = []
    for batch in (take(one, [0], MOUTH), take(one, [0], MOUTH).mirrored()):
        found = generator(batch.picture, batch.maps, batch.style, generator.encode(batch.source))
        added.append(found.texture * found.mask)
    assert float((added[1].flip(-1) - added[0]).abs().mean()) < 0.5 * float(added[0].abs().mean())


def test_the_perceptual_distance_is_nothing_for_the_same_and_grows_with_blur(portrait: Portrait) -> None:
    perceiver = Perceiver()
    seen = [
        perceiver.features(image, portrait.landmarks)
        for image in (portrait.image, *(cv2.GaussianBlur(portrait.image, (0, 0), sigma) for sigma in (1.0, 4.0)))
    ]
    same, little, much = (distance(seen[0], other) for other in seen)
    assert same == 0
    assert 0 < little < much


def test_many_frames_at_once_are_the_frames_one_by_one(portrait: Portrait) -> None:
    """As on a GPU, where the last group is filled up; there how the face reads goes along, too."""
    shares = np.linspace(0, 1, 5, dtype=np.float32)
    emotion = np.eye(len(EMOTION_LABELS), dtype=np.float32)[[0, 1, 1, 2, 3]]
    motion = FaceMotion(shares[:, None] * SPEAKING, shares[:, None] * TURNED, emotion=emotion)
    renderer = GeneratorRenderer(portrait, OPTIONS, generator=shaken())
    alone = list(renderer.render(motion))
    renderer.batch = 3
    together = list(renderer.render(motion))
    assert len(together) == len(alone) == 5
    assert max(np.abs(one.astype(int) - other).max() for one, other in zip(alone, together, strict=True)) <= 1


def test_how_a_face_reads_changes_what_is_added(portrait: Portrait) -> None:
    generator = shaken()
    with torch.no_grad():
        generator.style[1].weight.normal_(std=3.0)
        for block in generator.bottom:
            block.scale.weight.normal_(std=3.0)
    renderer = GeneratorRenderer(portrait, OPTIONS, generator=generator)
    happy, angry = np.eye(len(EMOTION_LABELS), dtype=np.float32)[[1, 3]]
    frames = [renderer.frame(SPEAKING, TURNED, emotion).astype(int) for emotion in (happy, angry)]
    assert np.abs(frames[0] - frames[1]).max() > 0


def test_the_whole_network_can_be_compiled(pairs: Pairs) -> None:
    """In one graph, as CUDA graphs need it."""
    generator, batch = shaken(), take(pairs, [0, 1], WHOLE)
    inputs = batch.picture, batch.maps, batch.style, generator.encode(batch.source)
    compiled = torch.compile(generator, fullgraph=True, backend="eager")
    for one, other in zip(generator(*inputs), compiled(*inputs), strict=True):
        torch.testing.assert_close(one, other)


def test_a_film_comes_in_order(shipped: GeneratorRenderer) -> None:
    motion = FaceMotion(np.stack([SPEAKING * share for share in (0.0, 0.5, 1.0)]), np.zeros((3, 6), np.float32))
    for frame, row in zip(shipped.render(motion), motion.blendshapes, strict=True):
        np.testing.assert_array_equal(frame, shipped.frame(row, np.zeros(6)))

"""The style-based generator: what holds before any training, what training keeps, and what the shipped weights do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from talker.blendshapes import expand
from talker.data.generator_batches import Batch
from talker.errors import OptionsError
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
from talker.render.regions import MODES, MOUTH
from talker.render.registry import create_renderer
from talker.types import FaceMotion, Portrait
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
        torch.manual_seed(0)
        generator = Generator(replace(GeneratorConfig.tiny(), size=128, mode=mode))
        frame = GeneratorRenderer(portrait, OPTIONS, generator=generator).frame(SPEAKING, TURNED)
        assert np.abs(frame.astype(int) - geometry).max() == 0


def made_up(count: int = 2) -> Batch:
    """Squares of faces that never existed."""
    torch.manual_seed(1)
    picture, truth, source = (torch.rand(count, channels, SIDE, SIDE) for channels in (6, 3, 3))
    maps = absolute(0.1 * torch.rand(count, MAPS, SIDE // 4, SIDE // 4))
    return Batch(picture, truth, truth, maps, torch.rand(count, STYLE), source)


def test_untrained_a_mirrored_face_gives_a_mirrored_face() -> None:
    generator, batch = untrained(), made_up()
    faces = []
    for one in (batch, batch.mirrored()):
        found = generator(one.picture, one.maps, one.style, generator.encode(one.source))
        faces.append(refined(one.picture[:, :3], found))
    torch.testing.assert_close(faces[1], faces[0].flip(-1), atol=1e-3, rtol=0)


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
    brighter = GeneratorRenderer(portrait, OPTIONS, generator=generator).frame(SPEAKING, TURNED)
    middle = tuple(slice(int(side * 0.45), int(side * 0.5)) for side in geometry.shape[:2])
    room = geometry[middle] < 220
    assert (brighter[middle] - geometry[middle])[room] == pytest.approx(0.5 * 0.2 * 255, abs=2)  # the mask lets half in
    assert np.abs(brighter[-1].astype(int) - geometry[-1]).max() == 0


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


def test_save_and_load_give_the_same_network(tmp_path: Path) -> None:
    generator = shaken()
    save_generator(generator, tmp_path)
    inputs = torch.rand(1, 6, SIDE, SIDE), absolute(torch.zeros(1, MAPS, SIDE // 4, SIDE // 4)), torch.zeros(1, STYLE)
    features = generator.encode(torch.rand(1, 3, SIDE, SIDE))
    for one, other in zip(generator(*inputs, features), load_generator(tmp_path)(*inputs, features), strict=True):
        assert torch.equal(one, other)


def test_the_small_one_stays_below_a_gigaflop() -> None:
    config = SIZES["small"]
    generator = Generator(config).eval()
    features = generator.encode(torch.zeros(1, 3, config.size, config.size))
    picture, maps = torch.zeros(1, 6, config.size, config.size), torch.zeros(1, 6, config.size // 4, config.size // 4)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        generator.refine(picture, maps, torch.zeros(1, STYLE), features)
    assert 0.1e9 < counter.get_total_flops() < 1.1e9


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


def test_it_adds_to_a_dark_picture_as_much_less_as_it_is_darker(portrait: Portrait, shipped: GeneratorRenderer) -> None:
    def added(renderer: GeneratorRenderer) -> np.ndarray:
        drawn = renderer.geometry.draw(SPEAKING, TURNED)
        return np.abs(renderer.refine(drawn, SPEAKING, TURNED).astype(float) - drawn.frame)

    dark = GeneratorRenderer(replace(portrait, image=portrait.image // 12), OPTIONS)
    assert added(dark).sum() < 2 * added(shipped).sum() / 12  # 1.3 / 12; looked at as dark as it is, 2.5 / 12


@pytest.mark.parametrize("tone", [(1.0, 1.0, 1.0), (1.0, 0.85, 0.6)])
def test_grey_and_toned_pictures_keep_their_tone(portrait: Portrait, tone: tuple[float, float, float]) -> None:
    grey = portrait.image.mean(axis=2, keepdims=True)
    renderer = GeneratorRenderer(replace(portrait, image=(grey * tone).astype(np.uint8)), OPTIONS)
    drawn = renderer.geometry.draw(SPEAKING, TURNED)
    before, after = (picture / tone for picture in (drawn.frame, renderer.refine(drawn, SPEAKING, TURNED)))
    assert np.abs(after - before).max() > 10  # something was added
    assert np.ptp(after, axis=2).max() < np.ptp(before, axis=2).max() + 4


@pytest.mark.parametrize("seen", [{"drawn": True}, {"mouth_covered": True}])
def test_drawings_and_covered_mouths_stay_as_the_geometry_draws_them(portrait: Portrait, seen: dict[str, bool]) -> None:
    shown = replace(portrait, attributes=replace(portrait.attributes, **seen))
    renderer = GeneratorRenderer(shown, OPTIONS)
    wanted = renderer.geometry.frame(SPEAKING, TURNED)
    film = FaceMotion(SPEAKING[None].astype(np.float32), TURNED[None], 25.0)
    assert np.array_equal(renderer.frame(SPEAKING, TURNED), wanted)
    assert np.array_equal(next(iter(renderer.render(film))), wanted)


def test_the_shipped_weights_are_nearly_symmetric(shipped: GeneratorRenderer, portrait: Portrait) -> None:
    """Mirrored faces give mirrored faces: a mouth differs by far less than what is added, and than can be seen."""
    drawn = shipped.geometry.draw(SPEAKING, TURNED)
    squares = FaceSquare(shipped.geometry.geometry, SIZES["small"].size)
    _, seen = squares.look(drawn)

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values[None]).permute(0, 3, 1, 2).float()

    picture = tensor(np.concatenate([seen.picture, seen.masks], axis=-1)) / 255
    source = tensor(squares.source(shipped.geometry.portrait.image)) / 255
    style = generator_style(SPEAKING, TURNED, portrait)
    one = Batch(
        picture, picture[:, :3], picture[:, :3], absolute(tensor(seen.maps)), torch.from_numpy(style[None]), source
    )
    generator = load_generator(checkpoint(CHECKPOINT))
    added = []
    for batch in (one, one.mirrored()):
        found = generator.refine(batch.picture, batch.maps, batch.style, generator.encode(batch.source))
        added.append(found.texture)
    rows, columns = MOUTH.slices(added[0].shape[-1])
    levels = 255 * (added[1].flip(-1) - added[0])[..., rows, columns].abs()
    added_levels = 255 * added[0][..., rows, columns].abs()
    assert float(levels.mean()) < min(0.1, 0.5 * float(added_levels.mean()))
    assert float(levels.max()) < 4


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
    """As on a GPU, where the last group is filled up."""
    shares = np.linspace(0, 1, 5, dtype=np.float32)
    motion = FaceMotion(shares[:, None] * SPEAKING, shares[:, None] * TURNED)
    renderer = GeneratorRenderer(portrait, OPTIONS, generator=shaken())
    alone = list(renderer.render(motion))
    renderer.batch = 3
    together = list(renderer.render(motion))
    assert len(together) == len(alone) == 5
    assert max(np.abs(one.astype(int) - other).max() for one, other in zip(alone, together, strict=True)) <= 1


def test_the_whole_network_can_be_compiled() -> None:
    """In one graph, as CUDA graphs need it."""
    generator, batch = shaken(), made_up()
    inputs = batch.picture, batch.maps, batch.style, generator.encode(batch.source)
    compiled = torch.compile(generator, fullgraph=True, backend="eager")
    for one, other in zip(generator(*inputs), compiled(*inputs), strict=True):
        torch.testing.assert_close(one, other)


def test_a_film_comes_in_order(shipped: GeneratorRenderer) -> None:
    motion = FaceMotion(np.stack([SPEAKING * share for share in (0.0, 0.5, 1.0)]), np.zeros((3, 6), np.float32))
    for frame, row in zip(shipped.render(motion), motion.blendshapes, strict=True):
        np.testing.assert_array_equal(frame, shipped.frame(row, np.zeros(6)))


def test_the_generator_of_all_photographs_is_chosen_by_name_and_never_permissive(portrait: Portrait) -> None:
    plain, other = (
        create_renderer(portrait, SpeakOptions(size="crop256", renderer=name))
        for name in ("generator", "generator-all")
    )
    assert (plain.name, other.name) == ("generator", "generator-all")
    motion = FaceMotion(SPEAKING[None], TURNED[None], 25.0)
    one, two = (next(iter(renderer.render(motion))).astype(float) for renderer in (plain, other))
    assert 0 < np.abs(one - two).max() < 60
    with pytest.raises(OptionsError, match="permissive"):
        SpeakOptions(renderer="generator-all", permissive=True)

"""LivePortrait's networks against published facts, and the road from a portrait to frames with small random ones.

data/liveportrait.json holds the names and shapes of the published parameters, and what the published networks answer
when every weight is filled by the rule in `fill`.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from scipy.spatial.transform import Rotation
from torch.nn.functional import interpolate, normalize

from talker import Talker
from talker.blendshapes import expand
from talker.errors import AssetError, OptionsError
from talker.media.video_reader import open_video
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.liveportrait import weights
from talker.render.liveportrait.config import LivePortraitConfig
from talker.render.liveportrait.keypoints import Motion
from talker.render.liveportrait.renderer import LivePortraitRenderer, square_around
from talker.render.liveportrait.weights import Networks
from talker.render.own_expression import to_relative_expression
from talker.render.registry import create_renderer
from talker.types import FaceMotion, Portrait
from talker.weights import registry, sources

FACTS = json.loads((Path(__file__).parent / "data" / "liveportrait.json").read_text())
POWER_ITERATIONS = 50


def seeded(name: str) -> torch.Generator:
    return torch.Generator().manual_seed(zlib.crc32(name.encode()))


def made_up(name: str, shape: tuple[int, ...], low: float, high: float) -> torch.Tensor:
    return torch.rand(shape, generator=seeded(name)) * (high - low) + low


def fill(network: torch.nn.Module) -> None:
    """Weights that depend on their names alone."""
    state = network.state_dict()
    for name, value in state.items():
        if not value.is_floating_point() or name.endswith(("weight_u", "weight_v")):
            continue
        noise = torch.randn(value.shape, generator=seeded(name))
        if name.endswith("running_var"):
            state[name] = 1 + 0.1 * noise.abs()
        elif name.endswith("running_mean"):
            state[name] = 0.05 * noise
        elif noise.ndim <= 1:
            state[name] = 1 + 0.05 * noise if name.endswith("weight") else 0.02 * noise
        else:
            state[name] = noise / noise[0].numel() ** 0.5
        if name.endswith("weight_orig"):
            stem = name.removesuffix("orig")
            state[stem + "u"], state[stem + "v"] = singular_vectors(state[name].flatten(1).double())
    network.load_state_dict(state)


def singular_vectors(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The first of `matrix` [m,n], left [m] and right [n], by power iterations from ones."""
    square, left = matrix @ matrix.T, torch.ones(len(matrix), dtype=matrix.dtype)
    for _ in range(POWER_ITERATIONS - 1):
        left = normalize(square @ left, dim=0)
    right = normalize(matrix.T @ left, dim=0)
    return normalize(matrix @ right, dim=0).float(), right.float()


@pytest.fixture(scope="module")
def answers() -> dict[str, torch.Tensor]:
    """What the networks say in their published sizes, by the names in FACTS."""
    networks = Networks.untrained(LivePortraitConfig())
    for network in networks.published().values():
        fill(network)
    image = made_up("image", (1, 3, 256, 256), 0, 1)
    source = made_up("kp_source", (1, 21, 3), -1, 1)
    driving = source + 0.05 * made_up("kp_delta", (1, 21, 3), -1, 1)
    with torch.inference_mode():
        heads = networks.motion(image)
        volume = networks.appearance(image)
        warped = networks.warping(volume, driving, source)
        drawn = networks.decoder(warped.features)
    return {f"motion_extractor.{head}": value for head, value in heads.items()} | {
        "appearance_feature_extractor": volume,
        "warping_module.deformation": warped.deformation,
        "warping_module.occlusion_map": warped.occlusion,
        "warping_module.out": warped.features,
        "spade_generator": drawn,
    }


def test_names_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        networks = Networks.untrained(LivePortraitConfig())
    for name, network in networks.published().items():
        own = {entry: list(value.shape) for entry, value in network.state_dict().items()}
        assert own == FACTS["parameters"][name], name
    stitching = [tuple(value.shape) for name, value in networks.stitching.state_dict().items() if "weight" in name]
    assert stitching == [(128, 126), (128, 128), (64, 128), (65, 64)]


@pytest.mark.slow
@pytest.mark.parametrize("name", FACTS["outputs"])
def test_numbers_are_the_published_ones(name: str, answers: dict[str, torch.Tensor]) -> None:
    expected, found = FACTS["outputs"][name], answers[name]
    assert list(found.shape) == expected["shape"]
    np.testing.assert_allclose(found.flatten()[expected["index"]].numpy(), expected["value"], atol=2e-4)


def heads(**inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Outputs of a motion extractor with two keypoints that sees a face straight from the front."""
    straight = torch.zeros(1, 66)
    neutral = {"kp": torch.rand(1, 6), "exp": torch.zeros(1, 6), "scale": torch.ones(1, 1), "t": torch.zeros(1, 3)}
    return dict.fromkeys(("pitch", "yaw", "roll"), straight) | neutral | inputs


def test_pose_turns_about_the_axes_in_the_published_order() -> None:
    angles = {"pitch": 9.0, "yaw": -15.0, "roll": 21.0}
    bins = {name: torch.full((1, 66), -1e4) for name in angles}
    for name, angle in angles.items():  # half way between two bins
        bins[name][0, [int((angle + 97.5) // 3), int((angle + 97.5) // 3) + 1]] = 0.0
    motion = Motion.from_heads(heads(**bins))
    turn = Rotation.from_euler("xyz", [*angles.values()], degrees=True).as_matrix()
    np.testing.assert_allclose(motion.rotation[0].numpy().T, turn, atol=1e-5)


def test_the_source_keeps_its_own_motion_and_takes_the_change() -> None:
    torch.manual_seed(0)
    poses = [{name: torch.randn(1, 66) for name in ("pitch", "yaw", "roll")} for _ in range(3)]
    source, before, after = (
        Motion.from_heads(heads(exp=torch.randn(1, 6), t=torch.randn(1, 3), scale=torch.rand(1, 1) + 1, **pose))
        for pose in poses
    )
    np.testing.assert_allclose(source.moved(before, before).points(), source.points(), atol=1e-5)
    moved = source.moved(source, after)
    for part in ("expression", "rotation", "scale", "shift"):
        np.testing.assert_allclose(getattr(moved, part), getattr(after, part), atol=1e-5, err_msg=part)
    assert (source.shift[..., 2] == 0).all()


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return analyse(skimage.data.astronaut())


@pytest.fixture(scope="module")
def small() -> Networks:
    torch.manual_seed(0)
    return Networks.untrained(LivePortraitConfig.tiny())


def test_the_square_stands_upright_on_any_face(portrait: Portrait) -> None:
    landmarks = portrait.landmarks[:, :2]
    square = square_around(landmarks)
    placed = landmarks @ square[:, :2].T + square[:, 2]
    assert (placed > 0).all() and (placed < 512).all()
    assert abs(placed[[33, 263], 1] @ [1, -1]) < 40  # the eyes' outer corners lie level
    turn = Rotation.from_rotvec([0, 0, 0.7]).as_matrix()[:2, :2] * 1.8
    turned = landmarks @ turn.T + [300, 20]
    again = square_around(turned)
    np.testing.assert_allclose(turned @ again[:, :2].T + again[:, 2], placed, atol=0.1)


class Mirror(torch.nn.Module):
    """Stands for a perfect decoder: whatever it is given, it draws what the networks were shown of the portrait."""

    def __init__(self, shown: torch.Tensor) -> None:
        super().__init__()
        self._shown = shown

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return interpolate(self._shown, scale_factor=2, mode="bilinear").expand(len(features), -1, -1, -1)


@pytest.mark.parametrize("size", ["native", "crop256", "crop1024"])
def test_what_is_drawn_goes_back_to_its_place(portrait: Portrait, small: Networks, size: str) -> None:
    renderer = LivePortraitRenderer(portrait, SpeakOptions(size=size), small)
    picture = renderer.portrait.image
    with torch.inference_mode():
        mirror = Mirror(renderer.tensor([picture]))
    renderer.networks = Networks(small.motion, small.appearance, small.warping, mirror, small.stitching)
    (frame,) = renderer.render(FaceMotion(np.zeros((1, 52)), np.zeros((1, 6))))
    assert frame.shape == picture.shape == (renderer.size[1], renderer.size[0], 3)
    blurred = skimage.filters.gaussian(picture, 1.5, channel_axis=-1, preserve_range=True)
    seen = skimage.filters.gaussian(frame, 1.5, channel_axis=-1, preserve_range=True)
    left, top, right, bottom = (int(edge) for edge in renderer.portrait.face_box)
    assert np.abs(seen - blurred)[top:bottom, left:right].mean() < 3.0  # a shift by a pixel gives more


def test_the_motion_of_the_drawn_frames_moves_the_face_and_nothing_else(portrait: Portrait, small: Networks) -> None:
    renderer = LivePortraitRenderer(portrait, SpeakOptions(), small)
    own = to_relative_expression(portrait.source_expression, portrait.source_expression)
    frames = list(renderer.render(FaceMotion(np.stack([own, own, expand({"jawOpen": 0.8})]), np.zeros((3, 6)))))
    np.testing.assert_array_equal(frames[0], frames[1])
    assert (frames[0] != frames[2]).any()
    square = np.linalg.norm(renderer.to_picture[:, 0]) * 512 / 2 * np.sqrt(2)
    rows, columns = np.indices(portrait.image.shape[:2])
    middle = portrait.landmarks[168, :2]  # between the eyes, about the square's middle
    far = np.hypot(columns - middle[0], rows - middle[1]) > 1.2 * square
    assert far.any()
    np.testing.assert_array_equal(frames[2][far], portrait.image[far])


def test_a_film_is_made_with_it(
    portrait: Portrait, small: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("talker.render.liveportrait.renderer.published_networks", lambda: small)
    talker = Talker()
    made = talker.create_renderer(portrait, SpeakOptions(renderer="liveportrait", size="crop256"))
    assert made.name == "liveportrait"
    talker.write_video(made, FaceMotion(np.zeros((5, 52)), np.zeros((5, 6))), None, tmp_path / "film.mp4")
    film = open_video(tmp_path / "film.mp4")
    assert (film.size, film.frame_count) == ((256, 256), 5)


def test_published_files_are_read_whole(tmp_path: Path, small: Networks) -> None:
    (tmp_path / "base_models").mkdir()
    (tmp_path / "retargeting_models").mkdir()
    for name, network in small.published().items():
        torch.save(network.state_dict(), tmp_path / "base_models" / f"{name}.pth")
    stitching = {f"module.{name}": value for name, value in small.stitching.state_dict().items()}
    torch.save({"retarget_shoulder": stitching, "retarget_eye": {}}, tmp_path / weights.STITCHING_FILE)
    read = Networks.untrained(LivePortraitConfig.tiny())
    read.load(tmp_path)
    for own, other in zip(small.published().values(), read.published().values(), strict=True):
        for name, value in own.state_dict().items():
            torch.testing.assert_close(other.state_dict()[name], value)
    files = {file.path for file in registry.ASSETS[weights.ASSET].files}
    assert files == {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.pth")}


def test_without_the_hub_the_error_says_what_to_do(
    portrait: Portrait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKER_CACHE", str(tmp_path))
    monkeypatch.setattr(sources, "hub_reachable", lambda: False)
    weights.published_networks.cache_clear()
    with pytest.raises(AssetError) as caught:
        create_renderer(portrait, SpeakOptions(renderer="liveportrait"))
    for part in ("Hugging Face Hub", "not reachable", str(tmp_path / "liveportrait"), "another renderer"):
        assert part in str(caught.value)


def test_permissive_excludes_it() -> None:
    with pytest.raises(OptionsError, match="permissive"):
        SpeakOptions(renderer="liveportrait", permissive=True)

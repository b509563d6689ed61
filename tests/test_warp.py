"""The warp in batches against the one frame by frame, and each of its steps against the plain thing."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
from scipy.ndimage import distance_transform_edt

from talker.blendshapes import expand
from talker.face.raster import rasterise
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.smooth_fill import smooth_fill
from talker.render.warp_torch import distances, drawn, filled
from talker.types import FaceMotion, FloatArray, Portrait


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return analyse(skimage.data.astronaut())


def _blob(seed: int, height: int = 37, width: int = 50) -> FloatArray:
    """[h,w] a few connected patches of ones."""
    noise = np.random.default_rng(seed).random((height, width)) > 0.995
    noise[height // 2, width // 2] = True
    return distance_transform_edt(~noise) < 5


@pytest.mark.parametrize("size", ["crop256", "native"])
def test_batches_draw_what_single_frames_do(portrait: Portrait, size: str) -> None:
    """A film of which every frame turns further, once in batches on torch's CPU, once frame by frame."""
    share = np.linspace(-1, 1, 5)[:, None]
    face = expand({"jawOpen": 0.6, "mouthSmileLeft": 0.8, "browInnerUp": 0.5, "eyeBlinkLeft": 0.6})
    turn = np.array([0.15, 0.25, 0.15, 0.02, 0.02, 0.0])
    motion = FaceMotion((np.abs(share) * face).astype(np.float32), (share * turn).astype(np.float32), 25.0)
    options = SpeakOptions(size=size)
    batched = list(GeometryRenderer(portrait, options, device="cpu").render(motion))
    single = GeometryRenderer(portrait, options)
    assert len(batched) == len(motion)
    for row, frame in enumerate(batched):
        plain = single.frame(motion.blendshapes[row], motion.pose[row])
        assert np.abs(frame.astype(float) - plain).mean() <= 0.3


def test_a_frame_does_not_depend_on_its_batch(portrait: Portrait) -> None:
    renderer = GeometryRenderer(portrait, SpeakOptions(), device="cpu")
    blendshapes = np.stack([expand({"jawOpen": opening}) for opening in (0.0, 0.4, 0.8)])
    pose = np.array([[0, 0, 0, 0, 0, 0], [0, 0.2, 0, 0, 0, 0], [0.1, 0, -0.1, 0, 0, 0]], np.float32)
    together = list(renderer.render(FaceMotion(blendshapes, pose, 25.0)))
    alone = [renderer.frame(*row) for row in zip(blendshapes, pose, strict=True)]
    np.testing.assert_allclose(np.stack(together).astype(float), np.stack(alone), atol=1)


def test_the_depth_buffer_shows_the_nearest_front_face() -> None:
    generator = np.random.default_rng(1)
    points = generator.uniform(-4, 44, (2, 60, 2)).astype(np.float32)
    depth = generator.uniform(0, 5, (2, 60)).astype(np.float32)
    values = generator.normal(size=(2, 60, 3)).astype(np.float32)
    triangles = generator.integers(0, 60, (80, 3)).astype(np.int32)
    shown, covered = drawn(*(torch.from_numpy(one) for one in (points, depth, values)),
                           torch.from_numpy(triangles).long(), 32, 40)  # fmt: skip
    for row in range(2):
        plain = rasterise(points[row], depth[row], triangles, 32, 40)
        assert (covered[row].numpy() == plain.covered).mean() > 0.999
        expected = plain.interpolate(triangles, values[row])
        assert (np.abs(shown[row].numpy() - expected).max(axis=-1) < 1e-3).mean() > 0.999


def test_distances_are_exact_up_to_the_limit() -> None:
    covered = np.stack([_blob(seed) for seed in range(3)])
    found = distances(torch.from_numpy(covered), 100).numpy()
    np.testing.assert_allclose(found, [distance_transform_edt(~one) for one in covered], atol=1e-4)


def test_filling_is_the_same_in_batches() -> None:
    known = np.stack([_blob(seed) for seed in range(2)])
    values = np.random.default_rng(2).normal(size=(*known.shape, 3)).astype(np.float32)
    found = filled(torch.from_numpy(values), torch.from_numpy(known)[..., None].float()).numpy()
    for one, row, where in zip(found, values, known, strict=True):
        np.testing.assert_allclose(one, smooth_fill(row, where), atol=2e-3)

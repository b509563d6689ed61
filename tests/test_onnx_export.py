"""Exported networks give what the originals give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from talker.motion.mouth_regressor import ArticulationConfig, MouthRegressor
from talker.render.aligned import MAP_STRIDE, MAPS, STYLE
from talker.render.generator import PICTURE, Generator, GeneratorConfig
from talker.speech.whisper import EncoderConfig, WhisperEncoder
from talker.training.onnx_export import export_generator, export_lips
from talker.types import FloatArray


def _run(path: Path, **given: FloatArray) -> list[FloatArray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, given)


@pytest.mark.parametrize("frames", [60, 137])
def test_lips_in_one_file(frames: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    config, head = EncoderConfig.tiny(), ArticulationConfig.tiny()
    encoder = WhisperEncoder(
        config,
        {name: generator.normal(0, 0.3, shape).astype(np.float32) for name, shape in config.weight_shapes().items()},
    )
    features, near = config.width, (2 * head.context + 1) * head.components
    head = ArticulationConfig(head.channels, layers=1, components=head.components, context=head.context)
    shapes = ((features,), (features, head.components), (near, len(head.channels) + 1), (len(head.channels) + 1,))
    regressor = MouthRegressor(head, *(generator.normal(0, 0.3, shape).astype(np.float32) for shape in shapes))
    log_mel = generator.normal(0, 1, (config.mels, 2 * frames)).astype(np.float32)
    wanted = regressor.predict(regressor.project(encoder.layers(log_mel)))
    whole, small = export_lips(encoder, regressor, tmp_path)
    for found, value in zip(_run(whole, log_mel=log_mel), wanted, strict=True):
        np.testing.assert_allclose(found, value, atol=1e-3)
    eight_bits = _run(small, log_mel=log_mel)[0]
    assert np.corrcoef(eight_bits.ravel(), wanted[0].ravel())[0, 1] > 0.98


def test_the_generator_in_two_files(tmp_path: Path) -> None:
    chance = torch.Generator().manual_seed(0)
    generator = Generator(GeneratorConfig.tiny()).eval()
    for weight in generator.parameters():  # its heads start at zero
        weight.data = 0.2 * torch.randn(weight.shape, generator=chance)
    side = generator.config.size
    shapes = ((3, side, side), (PICTURE, side, side), (MAPS, side // MAP_STRIDE, side // MAP_STRIDE), (STYLE,))
    source, picture, maps, style = (torch.rand(1, *shape, generator=chance) for shape in shapes)
    with torch.inference_mode():
        wanted = generator.refine(picture, maps, style, generator.encode(source))
    portrait, refine = export_generator(generator, tmp_path)
    features = {f"features_{level}": one for level, one in enumerate(_run(portrait, portrait=source.numpy()))}
    flow, texture = _run(refine, picture=picture.numpy(), maps=maps.numpy(), style=style.numpy(), **features)
    assert np.abs(wanted.flow).max() > 0.01
    np.testing.assert_allclose(flow, wanted.flow, atol=1e-3)
    np.testing.assert_allclose(texture, wanted.texture, atol=1e-3)

"""The emotion space: one unit sphere on which texts, voices, faces and labels lie, and the way back to a face.

Every named feeling of the catalogue has a place (a *key*) on the sphere. Each modality has a small tower that puts
its measurements on the same sphere, trained as CLIP was (Radford et al., "Learning Transferable Visual Models From
Natural Language Supervision", 2021). A point reads as the emotions around it: softmax over its similarity to the keys.
That reading is the decoder: it weights the catalogue's rows, so a point between two keys is a face between two faces,
and tuning a row never needs new weights.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from talker.emotion.action_units import limit_sneer
from talker.emotion.catalogue import EMOTIONS, NamedEmotion
from talker.emotion.picture_features import measure_faces
from talker.emotion.prototypes import added_prototypes
from talker.errors import AssetError
from talker.types import LANDMARK_COUNT, FloatArray

VOICE_EMOTIONS = ("neutral", "happy", "sad", "angry", "surprised", "fear", "disgusted", "calm")


@dataclass(frozen=True)
class SpaceConfig:
    """Dimensions of the space and its towers.

    width: of the sphere. text_width, voice_width, picture_width: numbers that each modality measures.
    text_hidden, picture_hidden: hidden units of these towers.
    voice_emotions: the emotions that voices were taught; a voice is a mixture of these.
    picture_shapes: principal shapes of the landmarks, which stand beside the 52 blendshape scores.
    emotions: the catalogue's names in the order of the keys.
    """

    width: int = 64
    text_width: int = 384
    text_hidden: int = 2048
    voice_width: int = 790
    voice_emotions: tuple[str, ...] = VOICE_EMOTIONS
    picture_width: int = 132
    picture_shapes: int = 80
    picture_hidden: int = 96
    emotions: tuple[str, ...] = tuple(EMOTIONS)

    @classmethod
    def tiny(cls) -> SpaceConfig:
        """A small space for tests."""
        return cls(
            width=8,
            text_width=6,
            text_hidden=4,
            voice_width=10,
            picture_width=58,
            picture_hidden=4,
            picture_shapes=6,
        )


class Tower(nn.Module):
    """Measurements [B, inputs] -> points [B, width] on the unit sphere; a linear path and a hidden layer beside it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, inputs: int, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.linear = nn.Linear(inputs, width)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(inputs, hidden)
        self.output = nn.Linear(hidden, width, bias=False)

    def forward(self, measured: Tensor) -> Tensor:
        """[..., inputs] -> [..., width]."""
        x = self.dropout(((measured - self.mean) / self.deviation).clamp(-6.0, 6.0))
        inner = self.dropout(functional.gelu(self.hidden(x)))  # [..., hidden]
        return functional.normalize(self.linear(x) + self.output(inner), dim=-1)


class VoiceTower(nn.Module):
    """Voice statistics [B, inputs] -> which emotions they say, and, apart from that, how strong it is.

    linear: gives a logit for each of the emotions that were taught. moved: rises with what sets acting apart from talk;
    strength_range: [2] the values of it below which no emotion is shown, and above which all of it.
    """

    mean: Tensor
    deviation: Tensor
    strength_range: Tensor

    def __init__(self, inputs: int, emotions: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.linear = nn.Linear(inputs, emotions)
        self.moved = nn.Linear(inputs, 1)
        self.register_buffer("strength_range", torch.tensor([0.0, 1.0]))

    def standardised(self, measured: Tensor) -> Tensor:
        """[..., inputs] in standard deviations from what was learnt from, within six."""
        return ((measured - self.mean) / self.deviation).clamp(-6.0, 6.0)

    def forward(self, measured: Tensor) -> Tensor:
        """[..., inputs] -> [..., emotions], logits."""
        return self.linear(self.standardised(measured))

    def strength(self, measured: Tensor) -> Tensor:
        """[B, inputs] -> [B] in 0..1."""
        low, high = self.strength_range
        share = ((self.moved(self.standardised(measured))[:, 0] - low) / (high - low)).clamp(0.0, 1.0)
        return share * share * (3.0 - 2.0 * share)


class SpaceNetwork(nn.Module):
    """Keys, towers and how sharply a point is read.

    face_mean: [478, 3] mean landmarks; face_shapes: [picture_shapes, 1434] their principal shapes; face_neutral:
    [picture_shapes] how much of each neutral faces show on average.
    """

    face_mean: Tensor
    face_shapes: Tensor
    face_neutral: Tensor

    def __init__(self, config: SpaceConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.prototypes = nn.Parameter(torch.randn(len(config.emotions), config.width))
        self.log_sharpness = nn.Parameter(torch.tensor(2.7))
        self.text = Tower(config.text_width, config.width, config.text_hidden, dropout)
        self.voice = VoiceTower(config.voice_width, len(config.voice_emotions))
        self.heard = [config.emotions.index(name) for name in config.voice_emotions]
        self.picture = Tower(config.picture_width, config.width, config.picture_hidden, dropout)
        self.register_buffer("face_mean", torch.zeros(LANDMARK_COUNT, 3))
        self.register_buffer("face_shapes", torch.zeros(config.picture_shapes, LANDMARK_COUNT * 3))
        self.register_buffer("face_neutral", torch.zeros(config.picture_shapes))
        self.names_emotion = nn.Linear(config.text_width, 1)  # does a text speak of an emotion at all

    def read(self, points: Tensor, added: Tensor | None = None) -> Tensor:
        """Log weights [B, emotions] of the emotions that points [B, width] stand for.

        added: [A, width] prototypes of emotions that are not in the config; they come last.
        """
        prototypes = functional.normalize(self.prototypes, dim=-1)
        if added is not None:
            prototypes = torch.cat([prototypes, added])
        similarity = points @ prototypes.T  # [B, emotions]
        return functional.log_softmax(similarity * self.log_sharpness.exp(), dim=-1)

    def hear(self, measured: Tensor) -> Tensor:
        """Points [B, width] of voices [B, voice_width]: the prototypes, mixed by how likely each emotion is."""
        prototypes = functional.normalize(self.prototypes[self.heard], dim=-1)
        return functional.normalize(torch.softmax(self.voice(measured), dim=-1) @ prototypes, dim=-1)


@dataclass(frozen=True)
class Reading:
    """What points of the space stand for, one row each: the decoder's output.

    weights: [T, emotions], sum 1. blendshape_offset: [T, 52]. probabilities: [T, 8]. affect: [T, 3].
    onset_s, decay_s: mean timing over all rows.
    """

    weights: FloatArray
    blendshape_offset: FloatArray
    probabilities: FloatArray
    affect: FloatArray
    onset_s: float
    decay_s: float


class EmotionSpace:
    """The trained space: places things on the sphere and reads them back as faces."""

    def __init__(self, network: SpaceNetwork) -> None:
        self.network = network.eval().requires_grad_(False)
        self.config = network.config
        trained = functional.normalize(network.prototypes, dim=-1).numpy()
        added = added_prototypes(dict(zip(self.config.emotions, trained, strict=True)))
        self.names: tuple[str, ...] = (*self.config.emotions, *added)  # of the trained emotions, then of added rows
        self.emotions: tuple[NamedEmotion, ...] = tuple(EMOTIONS[name] for name in self.names)
        self.prototypes: FloatArray = np.stack([*trained, *added.values()])
        self._added = torch.from_numpy(np.stack(list(added.values()))) if added else None
        self.face_mean: FloatArray = network.face_mean.numpy()
        self.face_neutral: FloatArray = network.face_neutral.numpy()
        self._blendshape_offset = np.stack([emotion.blendshape_offset for emotion in self.emotions])
        self._probabilities = np.stack([emotion.probabilities for emotion in self.emotions])
        self._affect = np.array([emotion.affect for emotion in self.emotions], np.float32)
        self._timing = np.array([(emotion.onset_s, emotion.decay_s) for emotion in self.emotions], np.float32)

    @classmethod
    def load(cls, folder: Path) -> EmotionSpace:
        """Read a checkpoint folder. Raises AssetError when it doesn't hold one."""
        try:
            values = json.loads((folder / "config.json").read_text())
            values |= {name: tuple(values[name]) for name in ("emotions", "voice_emotions")}
            network = SpaceNetwork(SpaceConfig(**values))
            network.load_state_dict(load_file(folder / "model.safetensors"))
            return cls(network)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise AssetError(f"{folder} doesn't hold an emotion space ({error}).") from error

    def prototype(self, emotion: str) -> FloatArray:
        """Place [width] of a catalogue name."""
        return self.prototypes[self.names.index(emotion)]

    def read(self, points: FloatArray) -> Reading:
        """What points [T, width] (any length, not only 1) stand for."""
        tensor = functional.normalize(torch.from_numpy(np.asarray(points, np.float32)), dim=-1)
        return self.mixture(self.network.read(tensor, self._added).exp().numpy())

    def mixture(self, weights: FloatArray) -> Reading:
        """The face that is a mixture [T, emotions] (sums 1) of the catalogue's."""
        onset_s, decay_s = (weights @ self._timing).mean(0)
        return Reading(
            weights=weights,
            blendshape_offset=limit_sneer(weights @ self._blendshape_offset),
            probabilities=(weights @ self._probabilities).astype(np.float32),
            affect=(weights @ self._affect).astype(np.float32),
            onset_s=float(onset_s),
            decay_s=float(decay_s),
        )

    def project_to_prototypes(self, points: FloatArray) -> FloatArray:
        """Points [T, width] moved onto the emotions they read as, so that they stand for faces that exist."""
        settled = self.read(points).weights @ self.prototypes
        return settled / np.linalg.norm(settled, axis=-1, keepdims=True)

    def place_text(self, sentences: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points [N, width] of texts, and how likely each names an emotion [N].

        sentences: [templates, N, text_width], the texts encoded in each template.
        """
        tensor = torch.from_numpy(np.asarray(sentences, np.float32))
        points = functional.normalize(self.network.text(tensor).mean(0), dim=-1)
        return points.numpy(), torch.sigmoid(self.network.names_emotion(tensor[0])[:, 0]).numpy()

    def place_voice(self, statistics: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points [T, width] of voice statistics [T, voice_width], and how strongly each feels [T], 0..1."""
        tensor = torch.from_numpy(np.asarray(statistics, np.float32))
        return self.network.hear(tensor).numpy(), self.network.voice.strength(tensor).numpy()

    def place_picture(self, landmarks: FloatArray, blendshapes: FloatArray) -> FloatArray:
        """Points [T, width] of faces: landmarks [T, 478, 3] in any unit and frame, detector's scores [T, 52]."""
        return self.place_measured(self.measure_picture(landmarks, blendshapes))

    def measure_picture(self, landmarks: FloatArray, blendshapes: FloatArray) -> FloatArray:
        """Measurements [T, 52 + picture_shapes] of the same: the scores, and the landmarks' principal shapes."""
        return measure_faces(landmarks, blendshapes, self.face_mean, self.network.face_shapes.numpy())

    def place_measured(self, measured: FloatArray) -> FloatArray:
        """Points [T, width] of measurements [T, 52 + picture_shapes]."""
        return self.network.picture(torch.from_numpy(np.asarray(measured, np.float32))).numpy()


def save_space(space: EmotionSpace, folder: Path) -> None:
    """Write a checkpoint that `EmotionSpace.load` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(space.config), indent=1) + "\n")
    state = {name: value.contiguous() for name, value in space.network.state_dict().items()}
    save_file(state, folder / "model.safetensors")

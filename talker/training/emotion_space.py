"""Trains the emotion space: prototypes and the towers for texts and pictures, with a symmetric contrastive loss.

Run as `python -m talker train emotion --data DIR`; voices then learn where these stand (`voice_tower.py`). The
parts of the loss are named in `EmotionTraining.weights`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.cache import cache_path, load, save
from talker.data.face_photographs import FaceRecords
from talker.emotion.catalogue import EMOTIONS
from talker.emotion.picture_features import measure_faces, principal_shapes
from talker.emotion.prompts import PROMPTS, PromptBank, in_templates, prompt_bank
from talker.emotion.sentences import LanguageTower, sentence_tower
from talker.emotion.space import EmotionSpace, SpaceConfig, SpaceNetwork, Tower
from talker.emotion.text_classifier import fit_gate
from talker.training.emotion_losses import among, contrastive, family, geometry
from talker.types import EMOTION_LABELS, FloatArray

TEXTS_VERSION = 1  # of the encoded texts in the cache
LABELS_COUNT = 3.0  # times as many rendered faces of a label as of another emotion


@dataclass(frozen=True)
class EmotionTraining:
    """One run.

    text_steps: follow `steps` with the text tower alone. text_noise: added to the texts, in standard deviations.
    weights: shares of the losses.
    geometry_shares: of words, faces and affect in the keys.
    """

    steps: int = 700
    text_steps: int = 900
    batch: int = 192
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    dropout: float = 0.45
    text_noise: float = 0.5
    seed: int = 0
    weights: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType(
            {"text": 1.0, "picture": 1.0, "pairs": 0.5, "geometry": 20.0, "language": 1.0}
        )
    )
    geometry_shares: tuple[float, float, float] = (0.35, 0.4, 0.25)

    @classmethod
    def tiny(cls) -> EmotionTraining:
        """A run that a test can afford."""
        return cls(steps=3, text_steps=3, batch=16)


@dataclass(frozen=True)
class TextSet:
    """Prompts encoded in each template [templates, N, width], the feeling of each [N], how much each counts [N].

    no_feeling: [M, width] encoded texts that name none.
    """

    sentences: Tensor
    emotion: Tensor
    weight: Tensor
    no_emotion: Tensor

    @classmethod
    def encode(cls, bank: PromptBank, tower: LanguageTower, emotions: tuple[str, ...]) -> TextSet:
        """Run the language tower over the whole bank."""
        texts, names, weights = bank.examples()
        return cls(
            torch.from_numpy(in_templates(tower, texts)),
            torch.tensor([emotions.index(name) for name in names]),
            torch.tensor(weights),
            torch.from_numpy(tower.encode(bank.no_emotion)),
        )


def taught_texts(emotions: tuple[str, ...]) -> TextSet:
    """The whole bank in the offline tower's words; encoded once for as long as neither changes."""
    cache = cache_path("emotion-texts", TEXTS_VERSION, [PROMPTS])
    if cache.is_file():
        return TextSet(**{name: torch.from_numpy(array) for name, array in load(cache).items()})
    texts = TextSet.encode(prompt_bank(), sentence_tower(), emotions)
    save(cache, texts)
    return texts


def wanted_geometry(texts: TextSet, shares: tuple[float, float, float]) -> FloatArray:
    """Similarities [emotions, emotions] that the keys shall have: of the words, of the faces and of the affect."""
    words = np.stack([texts.sentences[0, texts.emotion == i].mean(0).numpy() for i in range(len(EMOTIONS))])
    faces = np.stack([emotion.blendshape_offset for emotion in EMOTIONS.values()])
    affect = np.array([emotion.affect for emotion in EMOTIONS.values()])
    grams = []
    for values in (words, faces, affect):
        centred = values - values.mean(0)
        centred = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        grams.append(centred @ centred.T)
    return sum(share * gram for share, gram in zip(shares, grams, strict=True)).astype(np.float32)


def prototypes_from_geometry(wanted: FloatArray, width: int) -> FloatArray:
    """Unit vectors [emotions, width] whose similarities come closest to `wanted` (classical scaling)."""
    values, vectors = np.linalg.eigh(wanted)
    order = np.argsort(-values)[:width]
    prototypes = vectors[:, order] * np.sqrt(np.maximum(values[order], 0.0))
    prototypes = np.pad(prototypes, ((0, 0), (0, width - prototypes.shape[1])))
    return np.ascontiguousarray(prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True), np.float32)


class SpaceTrainer:
    """Holds the measured data as tensors and the network that learns from them."""

    def __init__(self, config: SpaceConfig, training: EmotionTraining, texts: TextSet, faces: FaceRecords) -> None:
        torch.manual_seed(training.seed)
        self.training = training
        self.texts, self.faces = texts, faces
        self.network = SpaceNetwork(config, dropout=training.dropout)
        self.reads_as = torch.from_numpy(np.stack([emotion.probabilities for emotion in EMOTIONS.values()]))
        self.wanted = torch.from_numpy(wanted_geometry(texts, training.geometry_shares))
        self.network.prototypes.data = torch.from_numpy(prototypes_from_geometry(self.wanted.numpy(), config.width))
        self._prepare_faces(config)
        self.network.text.mean.copy_(texts.sentences[0].mean(0))
        self.network.text.deviation.fill_(float(texts.sentences[0].std()))

    def fit(self) -> EmotionSpace:
        """Train to the end and hand back the space."""
        parameters = [*self.network.parameters()]
        optimiser = torch.optim.AdamW(parameters, self.training.learning_rate, weight_decay=self.training.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.training.learning_rate, total_steps=self.training.steps
        )
        self.network.train()
        for _ in range(self.training.steps):
            losses = self.losses()
            total = torch.stack([self.training.weights[name] * value for name, value in losses.items()]).sum()
            optimiser.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            schedule.step()
        self._finish_text()
        return EmotionSpace(self.network)

    def _finish_text(self) -> None:
        """The keys stand; the text tower, which has most to learn, learns on alone."""
        fit_gate(self.network.names_emotion, self.texts.sentences[0], self.texts.no_emotion)
        parameters = self.network.text.parameters()
        optimiser = torch.optim.AdamW(parameters, self.training.learning_rate, weight_decay=self.training.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.training.learning_rate, total_steps=self.training.text_steps
        )
        for _ in range(self.training.text_steps):
            text, target = self._text_batch()
            loss = self._text_loss(self.network.text(self._noisy(text)), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()

    def losses(self) -> dict[str, Tensor]:
        """All named losses on one fresh batch of each modality."""
        prototypes = functional.normalize(self.network.prototypes, dim=-1)
        text, text_target = self._text_batch()
        face, face_target, certain = self._face_batch()
        points = {
            "text": self.network.text(self._noisy(text)),
            "picture": self.network.picture(face),
        }
        return {
            "text": self._text_loss(points["text"], text_target),
            "picture": self._picture_loss(points["picture"], face_target, certain),
            "pairs": self._pair_loss(points, {"text": text_target, "picture": face_target}),
            "geometry": geometry(prototypes, self.wanted),
            "language": geometry(points["text"], _centred_similarity(text)),
        }

    def _prepare_faces(self, config: SpaceConfig) -> None:
        mean, shapes = principal_shapes(self.faces.landmarks, config.picture_shapes)
        self.network.face_mean.copy_(torch.from_numpy(mean))
        self.network.face_shapes.copy_(torch.from_numpy(shapes))
        measured = measure_faces(self.faces.landmarks, self.faces.blendshapes, mean, shapes)
        self.face_measured = torch.from_numpy(measured)
        self.face_feeling = torch.tensor([config.emotions.index(name) for name in self.faces.emotion])
        self.face_certain = torch.tensor([not str(person).startswith("photograph") for person in self.faces.person])
        self.photograph_classes = torch.unique(self.face_feeling[~self.face_certain])
        calm = self.face_measured[~self.face_certain & (self.face_feeling == config.emotions.index("neutral"))]
        self.network.face_neutral.copy_(calm[:, BLENDSHAPE_COUNT:].mean(0))
        _standardise(self.network.picture, self.face_measured)
        counts = torch.bincount(self.face_feeling * 2 + self.face_certain.long(), minlength=2 * len(EMOTIONS)).float()
        rendered = torch.where(self.face_feeling < len(EMOTION_LABELS), LABELS_COUNT, 1.0)
        photographs = len(EMOTIONS) / max(1, len(self.photograph_classes))
        share = torch.where(self.face_certain, rendered, photographs)
        self.face_draw = (share / counts[self.face_feeling * 2 + self.face_certain.long()]).double()

    def _text_batch(self) -> tuple[Tensor, Tensor]:
        rows = torch.multinomial(self.texts.weight, self.training.batch, replacement=True)
        templates = torch.randint(len(self.texts.sentences), (len(rows),))
        return self.texts.sentences[templates, rows], self.texts.emotion[rows]

    def _noisy(self, sentences: Tensor) -> Tensor:
        return sentences + self.training.text_noise * self.network.text.deviation * torch.randn_like(sentences)

    def _face_batch(self) -> tuple[Tensor, Tensor, Tensor]:
        rows = torch.multinomial(self.face_draw, self.training.batch, replacement=True)
        return self.face_measured[rows], self.face_feeling[rows], self.face_certain[rows]

    def _text_loss(self, points: Tensor, target: Tensor) -> Tensor:
        log_weights = self.network.read(points)
        label = self.reads_as[target]
        return functional.nll_loss(log_weights, target) + _soft_family(log_weights, self.reads_as, label)

    def _picture_loss(self, points: Tensor, target: Tensor, certain: Tensor) -> Tensor:
        log_weights = self.network.read(points)
        total = points.new_zeros(())
        if (~certain).any():
            seen, label = log_weights[~certain], target[~certain]
            total = total + among(seen, self.photograph_classes, label)
            total = total + 0.5 * family(seen, self.reads_as, self.reads_as[label].argmax(1))
        if certain.any():
            # Faces of kin look alike: what counts is that the point comes back to where the face came from.
            prototypes = functional.normalize(self.network.prototypes, dim=-1)[target[certain]]
            total = total + functional.nll_loss(log_weights[certain], target[certain])
            total = total + 2.0 * (1.0 - (points[certain] * prototypes).sum(1)).mean()
        return total

    def _pair_loss(self, points: dict[str, Tensor], target: dict[str, Tensor]) -> Tensor:
        text, picture = (self.reads_as[target[name]].argmax(1) for name in ("text", "picture"))
        return contrastive(points["text"], points["picture"], text, picture, self.network.log_sharpness.exp().detach())


def _standardise(tower: Tower, measured: Tensor) -> None:
    tower.mean.copy_(measured.mean(0))
    tower.deviation.copy_(measured.std(0).clamp_min(1e-4))


def _centred_similarity(sentences: Tensor) -> Tensor:
    centred = functional.normalize(sentences - sentences.mean(0), dim=-1)
    return centred @ centred.T


def _soft_family(log_weights: Tensor, reads_as: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy between label shares: `wanted` [N, 8] against what log weights [N, emotions] read as."""
    return -(wanted * (log_weights.exp() @ reads_as).clamp_min(1e-6).log()).sum(1).mean()

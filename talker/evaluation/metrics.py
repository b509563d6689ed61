"""Every metric of the project as a row: what it is, where it comes from, its unit, and the value that is perfect.

A metric that compares two films is a function registered under its row's name (`computes`); the others are measured by
the evaluation of their family. Names are "family/metric"; a name without a row is an error.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # a film needs the landmark detector, which the command line's help does not
    from talker.evaluation.film import Film

OURS = "this project"
THEVAL = "THEval, arXiv 2511.04520"
EAMM = "EAMM, Ji et al. 2022"
FAMILIES = ("lip_metrics", "theval", "geometry_metrics", "picture_metrics", "emotion_metrics")  # register functions
FilmMetric = Callable[["Film", "Film"], float]


@dataclass(frozen=True)
class Metric:
    """A row. perfect: the value of a film that equals the real one, or of a flawless result.

    unit: "%" holds shares 0..1 that are shown as percentages. bar: the value that is asked, on the perfect one's side.
    """

    name: str
    meaning: str
    unit: str
    perfect: float
    source: str = OURS
    bar: float | None = None
    digits: int = 2

    def miss(self, value: float) -> float:
        """How far a value is from the perfect one: less is better. Where more is always better, its negative."""
        return abs(value - self.perfect) if np.isfinite(self.perfect) else -value

    def reached(self, value: float) -> bool:
        """Whether a value is as good as the bar asks; True where nothing is asked."""
        return self.bar is None or self.miss(value) <= self.miss(self.bar) + 1e-9

    def shown(self, value: float) -> str:
        """A value for people, without the unit but for %."""
        if not np.isfinite(value):
            return "–" if np.isnan(value) else "∞"
        return f"{100 * value:.{max(self.digits - 2, 0)}f} %" if self.unit == "%" else f"{value:.{self.digits}f}"


@dataclass(frozen=True)
class Measurement:
    """A mean. metric: the row's name. of: what was measured (a label, a clip, a system). count: of how many values.

    error: standard error of the mean; 0 where there is one value.
    """

    metric: str
    value: float
    of: str = ""
    count: int = 1
    error: float = 0.0

    @classmethod
    def mean(cls, metric: str, values: Sequence[float], of: str = "") -> Measurement:
        """Of several values; NaN, which stands for what could not be measured, is left out."""
        known = np.asarray([value for value in values if np.isfinite(value)], np.float64)
        if not len(known):
            return cls(metric, float("nan"), of, 0)
        error = float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else 0.0
        return cls(metric, float(known.mean()), of, len(known), error)


@dataclass
class Recorder:
    """Collects what an evaluation finds: values by metric and subject, remarks, and pictures to look at."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)

    def add(self, metric: str, value: float | Iterable[float], of: str = "") -> None:
        """One value or several of a metric; KeyError when there is no such metric."""
        name = METRICS[metric].name
        found = [float(value)] if isinstance(value, int | float | np.number) else [float(one) for one in value]
        self.values.setdefault((name, of), []).extend(found)

    def mean(self, metric: str, of: str = "") -> float:
        """The mean of what was added so far."""
        return Measurement.mean(metric, self.values[metric, of]).value

    def note(self, text: str) -> None:
        """A remark below the tables, such as why a clip was left out."""
        self.notes.append(text)

    @property
    def measurements(self) -> list[Measurement]:
        """A mean for each metric and subject, in the order in which they came."""
        return [Measurement.mean(metric, values, of) for (metric, of), values in self.values.items()]


FILM_METRICS: dict[str, FilmMetric] = {}


def computes(name: str) -> Callable[[FilmMetric], FilmMetric]:
    """Registers the function of a film and of the real film that gives the metric `name`; KeyError without a row."""
    row = METRICS[name]

    def register(function: FilmMetric) -> FilmMetric:
        FILM_METRICS[row.name] = function
        return function

    return register


def film_metrics() -> Mapping[str, FilmMetric]:
    """The functions of all families by name."""
    for family in FAMILIES:
        importlib.import_module(f"talker.evaluation.{family}")
    return FILM_METRICS


def compare_films(film: Film, real: Film, names: Iterable[str] = ()) -> list[Measurement]:
    """All film metrics (or `names`) of a film against a real one of as many frames; NaN where one can't be had."""
    functions = film_metrics()
    return [Measurement(name, functions[name](film, real)) for name in names or functions]


# fmt: off
METRICS: dict[str, Metric] = {row.name: row for row in (
    Metric("lips/opening_r", "Pearson's r of lip opening with the filmed lips, speech frames", "", 1),
    Metric("lips/width_r", "the same of the distance of the lip corners", "", 1),
    Metric("lips/amplitude", "spread of lip opening over the filmed one", "", 1),
    Metric("lips/closed", "p, b, m with closed lips (filmed people: 87 %)", "%", 1),
    Metric("lips/falsely_closed", "speech frames far from p, b, m with closed lips (filmed people: 6 %)", "%", 0),
    Metric("lips/lag", "by how much lips are late", "frames of 40 ms", 0),
    Metric("lips/closures_kept", "p, b, m closed among those that the real film closes", "%", 1),
    Metric("lips/closures_added", "far frames closed among those that the real film keeps open", "%", 0),
    Metric("lips/silent_opening", "how far lips part in silences, mean", "face widths", 0, digits=4),
    Metric("theval/lip_dynamics", "agreement of the lips' liveliness with the real film's, 1 - |m - real| / real",
           "", 1, THEVAL),
    Metric("theval/head_dynamics", "the same of the head's", "", 1, THEVAL),
    Metric("theval/brow_dynamics", "the same of the brows'", "", 1, THEVAL),
    Metric("theval/silent_lips", "the same of how still lips are in silences", "", 1, THEVAL),
    Metric("theval/lip_audio", "the same of the correlation of lip opening and loudness", "", 1, THEVAL),
    Metric("theval/mouth_quality", "the same of the mouth's sharpness", "", 1, THEVAL),
    Metric("theval/face_quality", "the same of the face's sharpness", "", 1, THEVAL),
    Metric("theval/mean", "mean of the seven", "", 1, THEVAL),
    Metric("geometry/m_lmd", "distance of the mouth's landmarks, faces aligned, in px of a face 128 px wide", "px", 0,
           EAMM),
    Metric("geometry/f_lmd", "the same of the whole face's landmarks", "px", 0, EAMM),
    Metric("geometry/landmarks", "distance of all landmarks, not aligned, in face widths", "%", 0, digits=4),
    Metric("geometry/expression", "mean error of the detector's blendshape scores", "", 0, digits=4),
    Metric("geometry/jitter", "energy of the landmarks' accelerations over the real film's", "", 1),
    Metric("picture/mouth_psnr", "peak signal-to-noise ratio around the lips; 78 is identical", "dB", 78),
    Metric("picture/face_psnr", "the same of the face's box", "dB", 78),
    Metric("picture/ssim", "structural similarity of the face's box", "", 1, "Wang et al. 2004", digits=3),
    Metric("picture/perceptual", "LPIPS-like distance in an expression network, ×1000", "", 0, "Zhang et al. 2018"),
    Metric("picture/sharpness", "Laplacian of the face over the real film's", "", 1),
    Metric("picture/mouth_sharpness", "the same of the mouth", "", 1),
    Metric("picture/identity", "distance of dlib's embeddings; under 0.6 one person", "", 0, "King 2017", digits=3),
    Metric("picture/flicker", "difference of the frame-to-frame change to the real film's", "levels", 0),
    Metric("picture/seam", "contrast along the face's outline over the real film's", "", 1),
    Metric("realism/mouth_told", "drawn and real mouths told apart by a classifier, people held out", "%", 0.5,
           bar=0.65, digits=3),
    Metric("realism/eyes_told", "the same of eyes", "%", 0.5, bar=0.70, digits=3),
    Metric("realism/mouth_kernel", "squared MMD of drawn and real mouths in hand-made features (KID's kernel)", "", 0),
    Metric("realism/eyes_kernel", "the same of eyes", "", 0),
    Metric("smiles/texture", "difference of log contrast of fine structure around the lips to the real picture", "", 0),
    Metric("smiles/perceptual", "LPIPS-like distance to the real picture in an expression network, ×1000", "", 0,
           "Zhang et al. 2018", digits=0),
    Metric("smiles/mouth_perceptual", "the same of the mouth and the skin around it", "", 0,
           "Zhang et al. 2018", digits=0),
    Metric("smiles/drawn_change", "change of a measure of the face, drawn", "eye distances", np.nan, digits=3),
    Metric("smiles/true_change", "the same between the two photographs", "eye distances", np.nan, digits=3),
    Metric("smiles/as_people", "measures whose mean change is one that people have", "%", 1, bar=1),
    Metric("expressions/drawn_change", "change of a measure from the person's neutral face, drawn at strength 1",
           "eye distances", np.nan, digits=3),
    Metric("expressions/true_change", "the same in labelled photographs, from all people's median neutral face",
           "eye distances", np.nan, digits=3),
    Metric("expressions/within", "measures whose drawn median lies between the photographs' 10th and 90th percentile",
           "%", 1, bar=1),
    Metric("emotion/agreement", "overlap of what the judge reads in both films", "%", 1, "C-MET, 2026"),
    Metric("emotion/clip_hit", "clips that the judge reads as asked (mean log-probability over frames)", "%", 1),
    Metric("emotion/film_read", "acted clips that the emotion space reads as acted", "%", 1, bar=0.75),
    Metric("emotion/frame_hit", "frames that the judge reads as asked", "%", 1),
    Metric("emotion/gain", "log-probability of the asked class over the same person's neutral talking", "nats", np.inf),
    Metric("emotion/gained", "clips with such a gain", "%", 1, bar=0.9),
    Metric("emotion/strength", "Spearman's r of strength and log-probability, clip by clip", "", 1, EAMM),
    Metric("emotion/sources", "clips whose emotion reads as the label's, taken from words", "%", 1),
    Metric("emotion/recall", "the judge's own recall on photographs of people it was not fitted to", "%", 1),
    Metric("wins/clips", "clips in which the drawn film beats the unmoved frame", "%", 1, bar=0.9),
    Metric("composed/closed_points", "p, b, m closed, against neutral", "points", 0, bar=-5.0, digits=0),
    Metric("composed/silent_opening", "widest opening in silences, without emotion", "face widths", 0, digits=3),
    Metric("composed/delay", "delay of lip opening against the neutral talker", "frames of 40 ms", 0),
    Metric("composed/jumps", "second difference of what an emotion adds to the mouth, ×1000", "", 0, digits=1),
    Metric("composed/strength_0", "clips whose lips at strength 0 are the neutral ones bit for bit", "%", 1, bar=1),
    Metric("methods/opening_r", "Pearson's r of lip opening with the same person's neutral talking", "", 1, digits=3),
    Metric("methods/jumps", "second difference of all channels, ×1000", "", 0, digits=1),
    Metric("style/size", "how far lips move, in multiples of neutral speech", "", 1),
    Metric("style/misfit", "of these to a filmed person's, mean distance of their logarithms", "", 0, digits=3),
    Metric("asked/mouth_r", "Pearson's r of the drawn lips' opening with the asked one", "", 1, digits=3),
    Metric("asked/measures", "distances on the face that move as asked, a third as far or more", "%", 1),
    Metric("robustness/failures", "portraits for which something fails", "", 0, bar=0, digits=0),
    Metric("robustness/own", "a portrait's own expression drawn, inside the face", "dB", 78, bar=34.0, digits=1),
    Metric("robustness/long_way", "the same by the drawn neutral face", "dB", 78, digits=1),
    Metric("attributes/found", "glasses, covered mouths and drawings that are noticed", "%", 1, digits=3),
    Metric("attributes/false_alarms", "faces without, for which they are noticed all the same", "%", 0, digits=4),
    Metric("attributes/cost", "of one question about one face, on one core", "ms", 0, digits=1),
    Metric("upright/apart", "landmarks of a turned picture from the upright one's, face widths", "", 0, digits=4),
    Metric("upright/within", "turned pictures whose landmarks lie within 3 % of the face's width", "%", 1, digits=3),
    Metric("rims/moved", "farthest rim point against the head, strong expressions, face widths", "", 0, digits=3),
    Metric("rims/still", "wearers whose rims move by 1.5 % of the face's width at most", "%", 1, digits=3),
    Metric("shapes/landmarks", "drawn shapes named by the landmarks' motion", "%", 1),
    Metric("shapes/scores", "drawn shapes named by the detector's scores", "%", 1),
    Metric("shapes/seen", "drawn shapes named by either", "%", 1, bar=0.9),
    Metric("shapes/distance", "error of a distance against the mesh's, face widths", "%", 0, digits=4),
    Metric("shapes/far", "distances off by more than 2 % of the face's width", "%", 0),
    Metric("edit/unchanged", "frames of a film edited at strength 0", "dB", 78, bar=40.0, digits=1),
    Metric("edit/hardly_changed", "the same at strength 0.02", "dB", 78, bar=40.0, digits=1),
    Metric("edit/opening_r", "Pearson's r of lip opening with the film's, at strength 1", "", 1, bar=0.95, digits=3),
    Metric("edit/closures_kept", "frames with closed lips that stay closed", "%", 1),
    Metric("edit/gained", "films whose log-probability of the wanted emotion rises", "%", 1, bar=0.9),
    Metric("edit/hit", "films that the judge reads as wanted", "%", 1, bar=0.75),
    Metric("edit/same_person", "frames that count as the same person (below 0.6)", "%", 1, bar=1),
    Metric("edit/flicker", "frame-to-frame change of forehead, nose and upper cheeks, over the film's", "", 1, bar=1.2),
    Metric("dub/opening_r", "Pearson's r of a dubbed film's lip opening with the new sound's own prediction", "", 1,
           bar=0.9, digits=3),
    Metric("dub/old_r", "the same with the lips of the film as it was", "", 0, digits=3),
    Metric("drive/expression_r", "r of distances on a driven portrait's face with the film's", "", 1,
           bar=0.85, digits=3),
    Metric("identity/distance", "of face embeddings to the picture's", "", 0, "King 2017", digits=3),
    Metric("identity/same", "frames that count as the same person (below 0.6)", "%", 1),
    Metric("background/still", "background with the still background drawn", "dB", 78, digits=1),
    Metric("background/moving", "background that moves along", "dB", 78, digits=1),
    Metric("background/unmoved", "surroundings of the unmoved picture", "dB", 78, digits=1),
    Metric("background/same", "background pixels equal to the picture's", "%", 1),
    Metric("space/hits", "read correctly (unweighted recall)", "%", 1, digits=3),
    Metric("space/chance", "what guessing would give", "%", 1, digits=3),
    Metric("space/strength", "mean strength shown", "", 0),
    Metric("still/hit", "stills at strength 1 that the judge reads as asked", "%", 1),
    Metric("still/gain", "log-probability of the asked class over the same portrait's neutral face", "nats", np.inf),
    Metric("still/gained", "stills with such a gain", "%", 1),
    Metric("still/distance", "of face embeddings to the portrait's", "", 0, digits=3),
    Metric("still/same", "stills that count as the same person", "%", 1),
    Metric("still/strength", "Spearman's r of strength and movement", "", 1, EAMM, digits=3),
    Metric("still/smiling", "hit rate on smiling portraits", "%", 1),
    Metric("still/serious", "hit rate on portraits that don't smile", "%", 1),
    Metric("still/lift_left", "lift of the left lip corner, in distances of the eye corners", "%", 0, digits=3),
    Metric("still/lift_right", "lift of the right lip corner", "%", 0, digits=3),
    Metric("read_back/cosine", "of an emotion and what is read from its drawn face", "", 1, digits=3),
    Metric("read_back/label", "faces that read as the same label", "%", 1),
    Metric("voices/word_error", "words of a synthetic voice that a recogniser gets wrong", "%", 0, bar=0.06, digits=3),
    Metric("voices/closure_timing", "how far a voice's own p, b, m lie beside a forced alignment's", "ms", 0, digits=0),
    Metric("voices/first_sentence", "until the first sentence of a long text can be heard", "s", 0, bar=4.0),
    Metric("voices/minute", "for a minute of speech", "s", 0, bar=40.0, digits=1),
    Metric("voices/emotion", "synthetic voices whose emotion a classifier names as asked (chance 25 %)", "%", 1,
           bar=0.6),
    Metric("voices/judge", "the same classifier on acted voices that it was not fitted to", "%", 1),
    Metric("mark/clip_found", "films of 3 s in which the invisible mark is found, after what happened to them", "%", 1),
    Metric("mark/clip_read", "films whose payload is read without an error", "%", 1),
    Metric("mark/still_found", "the same of the film's first frame, marked as a still", "%", 1),
    Metric("mark/still_read", "such stills whose payload is read without an error", "%", 1),
    Metric("mark/false_alarms", "unmarked pictures in which a mark is found", "%", 0, bar=0.001, digits=4),
    Metric("mark/psnr", "marked frames against the unmarked, the least of a film", "dB", np.inf, bar=42.0, digits=1),
    Metric("mark/time", "marking a frame of 512² px, processor time", "ms", 0, bar=2.0),
)}
# fmt: on

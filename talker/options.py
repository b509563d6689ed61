"""What a user can set, checked when it is made."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from talker.errors import OptionsError
from talker.files import read_json, replaced_when_done

AUTOMATIC_RENDERER = "auto"
RENDERER_CLASSES = {  # what draws the face: name -> module:class (protocol `talker.render.registry.Renderer`)
    "geometry": "talker.render.geometry_renderer:GeometryRenderer",
    "generator": "talker.render.generator_renderer:GeneratorRenderer",
    "generator-all": "talker.render.generator_renderer:ResearchGeneratorRenderer",
    "liveportrait": "talker.render.liveportrait.renderer:LivePortraitRenderer",
}
RENDERERS = (AUTOMATIC_RENDERER, *RENDERER_CLASSES)
RESEARCH_RENDERERS = ("liveportrait", "generator-all")  # whose weights were trained on data that are for research only
LIP_MODELS = {"linear": "motion"}  # what turns speech into lips -> its checkpoint
SIZES = ("native", "crop256", "crop512", "crop1024")
AMOUNTS = ("mouth", "articulation", "pace", "head", "blinks", "gaze", "brows")
MAX_STRENGTH = 1.5
EDIT_STRENGTHS = (-1.0, 2.0)  # of an emotion in a film: away from it, up to twice as strong as it is
MANNERS = ("relative", "absolute")  # how a filmed performance is carried over to a portrait
LONGER_SPEECH = ("loop", "ping-pong", "hold")  # what a dubbed film shows when the new speech is longer


@dataclass(frozen=True)
class SpeakOptions:
    """What a user can set; saved and loaded as JSON. Amounts are 0..2 with 1 as the natural value.

    strength: of the emotion, 0..1.5.
    voice_speed: how fast a typed text is spoken, 0.5..2. plain_voice: it is spoken without the emotion.
    mouth, head, blinks, gaze, brows: amounts of lip motion, head motion, blinking, eye motion and brow emphasis.
    articulation: how clearly single sounds are shaped; 0 mumbles. pace: how fast head, eyes and lids move.
    still: keep the head where it is; blinking goes on.
    wrinkles: strength of folds and shading, 0..1.
    size: `native` puts the face back into the whole picture, `crop…` gives a square of head and shoulders.
    converter: what turns speech into lips.
    face_index: which face when there are several (0 is the largest).
    allow_covered: go on when something covers the mouth; it stays shut.
    permissive: use only weights whose data allow commercial use. label: write "AI-generated" into a corner.
    """

    strength: float = 1.0
    voice_speed: float = 1.0
    plain_voice: bool = False
    mouth: float = 1.0
    articulation: float = 1.0
    pace: float = 1.0
    head: float = 1.0
    blinks: float = 1.0
    gaze: float = 1.0
    brows: float = 1.0
    still: bool = False
    wrinkles: float = 0.5
    size: str = "native"
    fps: float = 25.0
    renderer: str = "auto"
    converter: str = "linear"
    face_index: int = 0
    allow_covered: bool = False
    permissive: bool = False
    label: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {
            "strength": (0, MAX_STRENGTH),
            "voice_speed": (0.5, 2),
            "wrinkles": (0, 1),
            "fps": (10, 60),
        } | dict.fromkeys(AMOUNTS, (0, 2))
        choices = {"size": SIZES, "renderer": RENDERERS, "converter": tuple(LIP_MODELS)}
        for option in dataclasses.fields(self):
            value = getattr(self, option.name)
            wanted = type(option.default)
            accepted = (int, float) if wanted is float else (wanted,)
            if type(value) not in accepted:
                raise OptionsError(f"Option {option.name} must be a {wanted.__name__}, not {value!r}.")
            least, most = limits.get(option.name, (value, value))
            if not least <= value <= most:
                raise OptionsError(f"Option {option.name} must lie between {least} and {most:g}, not {value}.")
            allowed = choices.get(option.name, (value,))
            if value not in allowed:
                raise OptionsError(f"Option {option.name} must be one of {', '.join(allowed)}, not {value!r}.")
        if self.permissive and self.renderer in RESEARCH_RENDERERS:
            raise OptionsError(f"Option renderer can't be {self.renderer!r} when only permissive weights are allowed.")
        if self.face_index < 0 or self.seed < 0:
            raise OptionsError("Options face_index and seed can't be negative.")

    def save(self, path: str | Path) -> None:
        """Write the settings as JSON; OptionsError when that is not possible."""
        try:
            with replaced_when_done(Path(path)) as scratch:
                scratch.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise OptionsError(f"The settings can't be written to {path} ({error}).") from error

    @classmethod
    def load(cls, path: str | Path) -> SpeakOptions:
        """Read settings from JSON; OptionsError names what is wrong in it."""
        values = read_json(path, "settings", error=OptionsError)
        if not isinstance(values, dict):
            raise OptionsError(f"{path} is not a settings file (it holds a {type(values).__name__}).")
        unknown = set(values) - {option.name for option in dataclasses.fields(cls)}
        if unknown:
            raise OptionsError(f"{path} has settings that Talker doesn't know: {', '.join(sorted(unknown))}.")
        return cls(**values)


@dataclass(frozen=True)
class VideoOptions:
    """What a user can set when a film is edited, dubbed or drives a portrait.

    strength: of the emotion, -1..2; 0 leaves the film's own, below the face goes away from it.
    mouth, articulation: of a dubbed mouth, as in `SpeakOptions`.
    longer: what is shown when the new speech is longer than the film: it starts again, runs back, or its end stays.
    face_index, point: which person: 0 is the largest face; or the one nearest to (seconds, x px, y px).
    calm: another video in which the same person shows no emotion; what is filmed is read against it, and against the
    film's own calmest frames when None.
    wrinkles: strength of folds and shading, 0..1.
    permissive: use only weights whose data allow commercial use. label: write "AI-generated" into a corner.
    """

    strength: float = 1.0
    mouth: float = 1.0
    articulation: float = 1.0
    longer: str = "loop"
    face_index: int = 0
    point: tuple[float, float, float] | None = None
    calm: str | None = field(default=None, repr=False)  # options are written into films; paths are nobody's business
    wrinkles: float = 0.5
    permissive: bool = False
    label: bool = False

    def __post_init__(self) -> None:
        limits = {"strength": EDIT_STRENGTHS, "mouth": (0, 2), "articulation": (0, 2), "wrinkles": (0, 1)}
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or not least <= value <= most:
                raise OptionsError(f"Option {name} must lie between {least:g} and {most:g}, not {value}.")
        if self.longer not in LONGER_SPEECH:
            raise OptionsError(f"Option longer must be one of {', '.join(LONGER_SPEECH)}, not {self.longer!r}.")
        if self.face_index < 0:
            raise OptionsError("Option face_index can't be negative.")

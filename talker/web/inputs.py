"""What the page's widgets hold, by name: the one list of inputs that actions, widgets and the API share."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from talker import SpeakOptions

OPTIONS = tuple(option.name for option in dataclasses.fields(SpeakOptions))


@dataclass(frozen=True)
class PageInputs:
    """Everything that a visitor or another program can hand in, with the value that it starts with.

    picture, speech, feeling_picture, feeling_voice, feeling_video: paths. tab: "text" or "speech", which counts.
    source: a name in `talker.emotion.resolve.SOURCES`; emotion, feeling_text, point, mix, timeline: the value of one.
    timeline: rows of start (s), emotion, strength. The rest is the consent, and the fields of `SpeakOptions`.
    """

    picture: str | None = None
    tab: str = "text"
    speech: str | None = None
    text: str = ""
    voice: str = "american"
    source: str = "label"
    emotion: str = "happy"
    feeling_text: str = ""
    feeling_picture: str | None = None
    feeling_voice: str | None = None
    feeling_video: str | None = None
    point: str = "0.6,0.5"
    mix: str = "happy=0.6, fear=0.4"
    timeline: list[list[Any]] | None = None
    consent: bool = False
    subtitled: bool = False
    strength: float = 0.8
    voice_speed: float = 1.0
    plain_voice: bool = False
    head: float = 1.0
    blinks: float = 1.0
    gaze: float = 1.0
    brows: float = 1.0
    mouth: float = 1.0
    articulation: float = 1.0
    pace: float = 1.0
    still: bool = False
    size: str = "native"
    fps: float = 25.0
    wrinkles: float = 0.5
    renderer: str = "auto"
    converter: str = "linear"
    allow_covered: bool = False
    permissive: bool = False
    label: bool = False
    face_index: int = 0
    seed: int = 0

    @property
    def recorded(self) -> bool:
        """Whether the speech is a sound, and not typed."""
        return self.speech is not None and (self.tab == "speech" or not (self.text or "").strip())

    def files(self) -> tuple[str | None, ...]:
        """The paths of what was handed in."""
        return self.picture, self.speech, self.feeling_picture, self.feeling_voice, self.feeling_video

    def options(self) -> SpeakOptions:
        """The settings. Raises OptionsError for values that they don't have."""
        return SpeakOptions(**{name: getattr(self, name) for name in OPTIONS})


START = PageInputs()
INPUTS = tuple(field.name for field in dataclasses.fields(PageInputs))
PREVIEW_INPUTS = tuple(
    name
    for name in INPUTS
    if name not in ("text", "voice", "voice_speed", "plain_voice", "subtitled", "fps", "size", "label", "seed")
)
FEELING_INPUTS = (
    "source",
    "emotion",
    "feeling_text",
    "feeling_picture",
    "feeling_voice",
    "feeling_video",
    "point",
    "mix",
    "timeline",
    "permissive",
)  # fmt: skip; what the first tab says about the emotion
COMPARED_INPUTS = tuple(
    name for name in INPUTS if name not in ("subtitled", "strength", "size", "renderer", "label")
)  # what a comparison has in common; the rest it varies or leaves out


def accepts(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let an action with a parameter `inputs` be called with these of its values one by one, as Gradio does.

    The signature, the types and the list `inputs` of the result name them, and so does the API.
    """
    starts = {field.name: field for field in dataclasses.fields(PageInputs)}
    types = typing.get_type_hints(PageInputs)

    def decorate(action: Callable[..., Any]) -> Callable[..., Any]:
        own = list(inspect.signature(action).parameters.values())
        place = [parameter.name for parameter in own].index("inputs")

        def called(*values: Any) -> Any:
            held = PageInputs(**dict(zip(names, values[place:], strict=False)))
            return action(*values[:place], held, *values[place + len(names) :])

        parameters = [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=starts[name].default)
            for name in names
        ]
        called.__name__, called.__doc__, called.__module__ = action.__name__, action.__doc__, action.__module__
        hints = typing.get_type_hints(action)
        called.__annotations__ = {name: hint for name, hint in hints.items() if name != "inputs"}
        called.__annotations__ |= {name: types[name] for name in names}
        vars(called)["__signature__"] = inspect.Signature([*own[:place], *parameters, *own[place + 1 :]])
        vars(called)["inputs"] = names
        return called

    return decorate


def inputs_of(action: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the inputs that an action of `accepts` is called with, in order."""
    names: tuple[str, ...] = vars(action)["inputs"]
    return names

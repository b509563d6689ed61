"""All tuned numbers of the renderer in one value: each layer's stand beside it, with units and reasons."""

from __future__ import annotations

from dataclasses import dataclass, field

from talker.render.background import BackgroundParams
from talker.render.crease_removal import CreaseParams
from talker.render.eyes import EyeParams
from talker.render.geometry import MotionLimits
from talker.render.glasses import GlassesParams
from talker.render.head_warp import HeadParams
from talker.render.lids import LidParams
from talker.render.light import LightParams
from talker.render.matte import MatteParams
from talker.render.mouth import LipParams
from talker.render.mouth_inside import InsideParams
from talker.render.nostrils import NostrilParams
from talker.render.orbits import OrbitParams
from talker.render.source import RegionParams
from talker.render.teeth import OwnTeethParams
from talker.render.warp import FlowParams


@dataclass(frozen=True)
class RenderParams:
    """What the geometry renderer's layers are made with; experiments and tests replace parts of it.

    colourless: levels between red, green and blue, on average: a picture below is black and white, and stays so.
    colourless_share: the same, of its brightness: in a dark picture a few levels are colour.
    """

    region: RegionParams = field(default_factory=RegionParams)
    limits: MotionLimits = field(default_factory=MotionLimits)
    glasses: GlassesParams = field(default_factory=GlassesParams)
    light: LightParams = field(default_factory=LightParams)
    head: HeadParams = field(default_factory=HeadParams)
    flow: FlowParams = field(default_factory=FlowParams)
    nostrils: NostrilParams = field(default_factory=NostrilParams)
    creases: CreaseParams = field(default_factory=CreaseParams)
    matte: MatteParams = field(default_factory=MatteParams)
    background: BackgroundParams = field(default_factory=BackgroundParams)
    eyes: EyeParams = field(default_factory=EyeParams)
    lids: LidParams = field(default_factory=LidParams)
    orbits: OrbitParams = field(default_factory=OrbitParams)
    lips: LipParams = field(default_factory=LipParams)
    inside: InsideParams = field(default_factory=InsideParams)
    own_teeth: OwnTeethParams = field(default_factory=OwnTeethParams)
    colourless: float = 4.0
    colourless_share: float = 0.1


DEFAULT_PARAMS = RenderParams()

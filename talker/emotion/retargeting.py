"""From the portrait's own emotion to the wanted one.

The renderer takes the photograph's expression out of the mesh, but lit folds and lifted cheeks stay in its skin: a
neutralised smile still looks amused. CEM-Net bridges a strong reference by going from its emotion to the wanted one;
so does this: where the photograph showed something that the wanted face does not, the displacement goes a little past
neutral.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from talker.blendshapes import BLENDSHAPE_NAMES, smile
from talker.emotion.action_units import to_blendshapes
from talker.types import EmotionCode, FloatArray

# Share of the photograph's expression that its skin keeps showing; found with the judge on portraits 1-150.
CARRIED = 0.45
BRIDGED = ("mouthSmile", "mouthFrown", "mouthDimple", "cheekSquint", "browDown", "browInnerUp")
# A face at rest looks a little sad, above all an old one: calm is lips and brows that are not quite slack.
RESTING_LIFT = to_blendshapes({"12": 0.25, "1": -0.3, "7": -0.1, "15": -0.1})
SMILING = 0.3  # fitted mouthSmile from which a photograph needs no such lift
LINGERS_S = 0.3  # how much longer an emotion takes to come where the photograph fully shows another


def retarget_to_portrait(code: EmotionCode, source_expression: FloatArray) -> EmotionCode:
    """The code for a portrait whose photograph shows the expression `source_expression` [52].

    A channel that the wanted face moves at least as far as the photograph did is left alone, so a smile on a smiling
    photograph stays as it is.
    """
    channels = [index for index, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(BRIDGED)]
    shown = np.clip(np.asarray(source_expression, np.float32)[channels], 0.0, 1.0)
    offset = np.array(code.blendshape_offset, np.float32)
    unwanted = np.maximum(shown - np.maximum(offset[:, channels], 0.0), 0.0)  # [T, channels]
    offset[:, channels] -= CARRIED * unwanted
    calm = code.probabilities[:, :1] * (1.0 - np.clip(smile(source_expression) / SMILING, 0.0, 1.0))  # [T, 1]
    offset += calm * RESTING_LIFT
    lingering = LINGERS_S * float(unwanted.mean(0).max(initial=0.0))
    return replace(code, blendshape_offset=offset, onset_s=code.onset_s + lingering)

"""What of a picture's expression is the person's own, and stays whatever the face is asked to show.

Gaze is relative to where the person looks already, narrow eyes stay as narrow as they are, and so does the mouth at
rest: a face model takes full or pushed-out lips, a short upper lip and a long chin partly for an expression, and who
takes all of it out gives every person the same mouth. That share of the mouth passes as other movements of it come.
"""

from __future__ import annotations

import numpy as np

from talker.blendshapes import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, SMILES, expand
from talker.types import BoolArray, FloatArray

OWN_BLINK = 0.5  # up to here, half-shut eyes in the picture are the person's own
# Up to here a shape of the mouth at rest is the person's own. What an emotion uses (smile, frown, brows, pressed lips)
# isn't among them. Found on the London set's build pairs and on shut mouths of SFHQ-T2I.
RESTING = expand(
    {
        "mouthShrugUpper": 0.4, "noseSneer": 0.2, "mouthPucker": 0.3, "mouthClose": 0.15, "mouthShrugLower": 0.15,
        "jawForward": 0.3, "mouthLeft": 0.2, "mouthRight": 0.2,
    }
)  # fmt: skip
ENOUGH = 0.15  # sum of the squares of the mouth's other shapes at which half of what it has at rest is left
# What a face has where a full smile left it, beyond what the fit took for the smile: eyes open wider, lips are thicker,
# the nose lies higher, and the jaw hangs a little while the mouth is at rest. Found on the same pairs, by where each
# part of the mouth lies in people's neutral photographs and by perceptual distance; mouthClose keeps lips together.
WITHOUT_SMILE = expand(
    {
        "eyeWide": 0.2, "mouthShrugUpper": 0.05, "noseSneer": 0.05, "mouthRollUpper": -0.1, "mouthRollLower": -0.1,
        "mouthPress": -0.1, "jawOpen": 0.1, "mouthShrugLower": 0.1, "mouthStretch": 0.08, "mouthClose": 0.1,
    }
)  # fmt: skip
CLOSING = expand({"mouthShrugUpper": 0.15, "noseSneer": 0.09, "mouthPucker": 0.02})  # mouthClose beside each
HANGING = 0.5  # of mouthClose: as far a jaw hangs behind lips that are shut in the picture, which is the person's own
OWN_LIMITS = RESTING + expand({"eyeBlink": OWN_BLINK})  # [52]
GAZE = [row for name, row in BLENDSHAPE_INDEX.items() if name.startswith("eyeLook")]
CLOSE, JAW = BLENDSHAPE_INDEX["mouthClose"], BLENDSHAPE_INDEX["jawOpen"]
# what the person's own share depends on: shapes of which nothing is kept
MOVING = np.array([name.startswith(("mouth", "jaw", "cheek")) for name in BLENDSHAPE_NAMES]) & (RESTING == 0)
JAW_MOVING = MOVING & (WITHOUT_SMILE == 0)  # what a hanging jaw depends on: shapes to which nothing is added, either


def to_absolute_expression(expression: FloatArray, source_expression: FloatArray) -> FloatArray:
    """[52] what a face shall show that is asked for an `expression` [52], given what its picture shows."""
    result = np.array(expression, np.float32)
    own, added = _own(result, source_expression), _added(result, source_expression)
    result[GAZE] += source_expression[GAZE]
    return own + (1.0 - own) * result + added


def to_relative_expression(expression: FloatArray, source_expression: FloatArray) -> FloatArray:
    """[52] the inverse: what to ask for so that a face shows a measured `expression` [52].

    The source expression made relative to itself draws the portrait as it is.
    """
    result = np.array(expression, np.float32)
    result -= _added(result, source_expression)
    own = _own(result, source_expression)
    result[GAZE] -= source_expression[GAZE]
    return (result - own) / (1.0 - own)


def _own(expression: FloatArray, source_expression: FloatArray) -> FloatArray:
    """[52] the person's own share of each shape; depends on such shapes of `expression` alone as have none."""
    own: FloatArray = np.clip(source_expression, 0.0, OWN_LIMITS).astype(np.float32)
    own[CLOSE] = max(own[CLOSE], float(CLOSING @ own))
    own[RESTING > 0] *= _rest(expression, MOVING)
    return own


def _added(expression: FloatArray, source_expression: FloatArray) -> FloatArray:
    """[52] what comes on top: what the picture's smile left where it is not in the `expression` [52], and the jaw of
    shut lips. Depends on such shapes of the expression alone to which nothing is added.
    """
    gone = np.maximum(source_expression[SMILES] - np.maximum(expression[SMILES], 0.0), 0.0)
    added: FloatArray = WITHOUT_SMILE * np.float32(gone.mean())
    shut = float(np.clip(source_expression[CLOSE], 0.0, RESTING[CLOSE]))
    added[JAW] += np.clip(source_expression[JAW], 0.0, HANGING * shut)
    added[JAW] *= _rest(expression, JAW_MOVING)
    return added


def _rest(expression: FloatArray, shapes: BoolArray) -> float:
    """How far a mouth is at rest: 1, and less as it takes some `shapes` [52] in an `expression` [52]."""
    return ENOUGH / (ENOUGH + float(np.square(np.maximum(expression[shapes], 0.0)).sum()))

"""The sizes of LivePortrait's networks; the defaults are those of the published weights."""

from __future__ import annotations

from dataclasses import dataclass

INPUT_PX = 256  # side of the square that the networks look at
OUTPUT_PX = 512  # side of the square that the decoder draws


@dataclass(frozen=True)
class LivePortraitConfig:
    """Sizes of the five networks.

    keypoints: how many implicit keypoints the face has.
    extractor_depths, extractor_widths: blocks and channels of the four stages of the motion extractor.
    pose_bins: how many angles, 3 degrees apart, each pose head chooses from.
    width: channels of the first layer of the appearance extractor and of the decoder's last.
    volume_channels, volume_depth: the feature volume is [volume_channels, volume_depth, 64, 64].
    volume_blocks: residual blocks in three dimensions.
    compressed: channels of the volume from which the dense motion is estimated.
    motion_width, motion_levels, motion_limit: first, number and largest width of that hourglass's levels.
    decoder_blocks: blocks of the decoder at its lowest resolution.
    seed_width: hidden channels of the decoder's spatially adaptive normalisation.
    stitching_widths: hidden layers of the stitching network.
    """

    keypoints: int = 21
    extractor_depths: tuple[int, ...] = (3, 3, 9, 3)
    extractor_widths: tuple[int, ...] = (96, 192, 384, 768)
    pose_bins: int = 66
    width: int = 64
    volume_channels: int = 32
    volume_depth: int = 16
    volume_blocks: int = 6
    compressed: int = 4
    motion_width: int = 32
    motion_levels: int = 5
    motion_limit: int = 1024
    decoder_blocks: int = 6
    seed_width: int = 128
    stitching_widths: tuple[int, ...] = (128, 128, 64)

    @property
    def features(self) -> int:
        """Channels of the feature maps at a quarter of the input's resolution."""
        return 4 * self.width

    @classmethod
    def tiny(cls) -> LivePortraitConfig:
        """The same networks with few channels, for tests."""
        return cls(
            keypoints=5, extractor_depths=(1, 1, 1, 1), extractor_widths=(4, 4, 8, 8), width=4, volume_channels=2,
            volume_depth=4, volume_blocks=1, compressed=2, motion_width=2, motion_levels=2, motion_limit=8,
            decoder_blocks=1, seed_width=4, stitching_widths=(8,),
        )  # fmt: skip

"""Picture files of every common kind become upright RGB arrays."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from talker.errors import ImageError
from talker.media.files import replaced_when_done
from talker.media.provenance import Provenance
from talker.types import ByteArray

MAX_PIXELS = 50_000_000
MIN_SIDE = 64  # px
BACKGROUND = (200, 200, 200)  # what transparent pixels show
ImageSource = str | Path | bytes | Image.Image | NDArray[Any]


def load_image(source: ImageSource) -> ByteArray:
    """A picture as [H,W,3] uint8 sRGB, turned as its EXIF data says; the first frame when it is animated.

    source: a path, the bytes of a file, a Pillow image, or an array [H,W], [H,W,3] or [H,W,4] of uint8.

    Raises ImageError when it is not a picture, damaged, smaller than 64 px or larger than 50 megapixels.
    """
    name = Path(source).name if isinstance(source, str | Path) else "The picture"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = _opened(source)
            _check_size(picture.size, name)
            return np.array(_flattened(_in_srgb(ImageOps.exif_transpose(_in_eight_bits(picture)))))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ImageError(f"There is no picture file {source!s}.") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} is too large: at most {MAX_PIXELS // 1_000_000} megapixels can be used.") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not a picture that can be read; JPEG, PNG, WebP, TIFF, BMP and GIF can."
        ) from error
    except (OSError, SyntaxError, ValueError, TypeError, EOFError) as error:
        raise ImageError(f"{name} is a damaged picture ({error}).") from error


def save_image(image: ByteArray, path: str | Path, provenance: Provenance | None = None) -> None:
    """Write an image [H,W,3] in the format that the file's name ends with; ImageError when it can't be written.

    provenance: of what Talker has drawn, which is then marked; None for everything else.
    """
    path = Path(path)
    arguments: dict[str, Any] = {"quality": 95}
    if provenance is not None:
        marker = provenance.marker((image.shape[1], image.shape[0]))
        image = image if marker is None else marker.add(image)
        arguments |= provenance.for_pillow(path.suffix.lower())
    try:
        with replaced_when_done(path) as scratch:
            Image.fromarray(image).save(scratch, **arguments)
            if provenance is not None:
                provenance.seal(scratch)
    except (OSError, ValueError) as error:
        raise ImageError(f"The picture can't be written to {path} ({error}).") from error


def _opened(source: ImageSource) -> Image.Image:
    """The source as a Pillow image whose pixels are loaded only on demand."""
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8:
            raise ImageError(f"The picture must be an array of bytes (uint8), not {source.dtype}.")
        return Image.fromarray(source)
    return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} is too large: {width}×{height} px; at most {MAX_PIXELS // 1_000_000} megapixels can be used."
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{name} is too small: {width}×{height} px; each side must have {MIN_SIDE} px or more.")


def _in_eight_bits(picture: Image.Image) -> Image.Image:
    """16-bit, 32-bit and floating-point greys scaled to 0..255; every other mode as it is."""
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    values = np.asarray(picture, np.float64)
    if not np.isfinite(values).all():
        raise ImageError("The picture holds values that are not numbers.")
    white = 65535.0 if picture.mode != "F" else max(1.0, float(values.max()))
    return Image.fromarray(np.clip(values / white * 255 + 0.5, 0, 255).astype(np.uint8))


def _in_srgb(picture: Image.Image) -> Image.Image:
    """The picture's own colour profile (phones write Display P3, printers CMYK) turned into sRGB."""
    profile = picture.info.get("icc_profile")
    if profile is None or picture.mode not in ("RGB", "CMYK", "L"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture  # a broken profile is worth less than none
    return converted if converted is not None else picture


def _flattened(picture: Image.Image) -> Image.Image:
    """RGB, with transparent parts over a neutral grey."""
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (*BACKGROUND, 255))
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")

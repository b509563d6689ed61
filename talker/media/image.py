"""Picture files of every common kind become upright RGB arrays."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from talker.errors import ImageError, InputError
from talker.files import existing_file, replaced_when_done
from talker.limits import (
    JPEG_PIXELS,
    PICTURE_BYTES,
    PICTURE_MIN_SIDE,
    PICTURE_PIXELS,
    WORKING_PIXELS,
)
from talker.media.decoding import DECODER_ERRORS
from talker.media.isolation import decoded_once
from talker.media.provenance import Provenance, marked
from talker.types import ByteArray

# Pillow opens dozens more: some run other programs (EPS: Ghostscript), most were never meant for strangers' files.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF")
PROMISED = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP and GIF"
PAGED = ("MPO", "HEIF", "TIFF")  # may hold several pictures, but none that move
LIVE_QUALITY = 88  # of pictures that are sent as they are drawn
JPEG_START = b"\xff\xd8\xff"
BACKGROUND = (200, 200, 200)  # what transparent pixels show
ImageSource = str | Path | bytes | Image.Image | NDArray[Any]

pi_heif.register_heif_opener(thumbnails=False)
Image.MAX_IMAGE_PIXELS = None  # `_check_size` looks before anything is decoded


def load_image(source: ImageSource) -> ByteArray:
    """A picture as [H,W,3] uint8 sRGB, turned as its EXIF data says; the first frame when it is animated.

    source: a path, the bytes of a file, a Pillow image, or an array [H,W], [H,W,3] or [H,W,4] of uint8. What has more
    than 25 megapixels is made smaller by 2, 4 or 8 (JPEGs while they are decoded, which saves memory).

    Raises ImageError when it is not a picture, damaged, or smaller or larger than `talker.limits` allows.
    """
    if isinstance(source, str | Path):
        path = existing_file(source, "picture", error=ImageError, most_bytes=PICTURE_BYTES)
        return np.asarray(decoded_once(read_image_file, str(path), error=ImageError)[0])
    return _read_image(source, "The picture")


def content_key(source: ImageSource) -> str:
    """Tells pictures apart: files by what they hold, without decoding them. ImageError where that can't be read."""
    if isinstance(source, str | Path):
        path = existing_file(source, "picture", error=ImageError, most_bytes=PICTURE_BYTES)
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise ImageError(f"The picture {path} can't be read ({error}).") from error
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    pixels = load_image(source)
    return f"{hashlib.sha256(pixels.tobytes()).hexdigest()} {pixels.shape}"


def read_image_file(path: str) -> Iterator[tuple[ByteArray]]:
    """The picture [H,W,3] in a file: what `load_image` hands to a decoder, which may run in a worker."""
    yield (_read_image(path, Path(path).name),)


def _read_image(source: ImageSource, name: str) -> ByteArray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = _opened(source)
            _check_size(picture, name)
            picture = _reduced(picture)
            return np.array(_flattened(_in_srgb(ImageOps.exif_transpose(_in_eight_bits(picture)))))
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not a picture that can be read; {PROMISED} can.") from error
    except DECODER_ERRORS as error:
        raise ImageError(f"{name} is a damaged picture ({error}).") from error


def is_picture(path: str | Path) -> bool:
    """Whether a file is a still picture; false for moving ones and for everything that can't be read."""
    try:
        path = existing_file(path, "picture", most_bytes=PICTURE_BYTES)
        return bool(decoded_once(read_stillness, str(path))[0])
    except InputError:
        return False


def read_stillness(path: str) -> Iterator[tuple[bool]]:
    """What `is_picture` hands to a decoder, which may run in a worker."""
    try:
        with Image.open(path, formats=FORMATS) as picture:
            yield (getattr(picture, "n_frames", 1) == 1 or picture.format in PAGED,)
    except DECODER_ERRORS:
        yield (False,)


def damage_note(path: str | Path) -> str:
    """A sentence when a JPEG that can be read is damaged inside, which no exception tells; else an empty text.

    Raises ImageError when there is no such file.
    """
    path = existing_file(path, "picture", error=ImageError, most_bytes=PICTURE_BYTES)
    (damaged,) = decoded_once(read_damage, str(path), error=ImageError)
    return f"{path.name} is damaged; parts of it may be shifted or grey." if damaged else ""


def read_damage(path: str) -> Iterator[tuple[bool]]:
    """What `damage_note` hands to a decoder, which may run in a worker."""
    content = Path(path).read_bytes()
    strict = av.CodecContext.create("mjpeg", "r")
    strict.options = {"err_detect": "explode+bitstream+buffer"}
    try:
        if content.startswith(JPEG_START):
            strict.decode(av.Packet(content))
        yield (False,)
    except DECODER_ERRORS:
        yield (True,)


def save_image(image: ByteArray, path: str | Path, provenance: Provenance | None = None) -> None:
    """Write an image [H,W,3] in the format that the file's name ends with; ImageError when it can't be written.

    provenance: of what Talker has drawn, which is then marked; None for everything else.
    """
    path = Path(path)
    arguments: dict[str, Any] = {"quality": 95}
    if provenance is not None:
        image = marked(image, provenance)
        arguments |= provenance.for_pillow(path.suffix.lower())
    try:
        with replaced_when_done(path) as scratch:
            Image.fromarray(image).save(scratch, **arguments)
            if provenance is not None:
                provenance.seal(scratch)
    except (OSError, ValueError) as error:
        raise ImageError(f"The picture can't be written to {path} ({error}).") from error


def as_jpeg(image: ByteArray, provenance: Provenance) -> bytes:
    """A drawn picture [H,W,3], marked already, as a JPEG whose metadata says so, quickly made."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=LIVE_QUALITY, **provenance.for_pillow(".jpg"))
    return buffer.getvalue()


def _opened(source: ImageSource) -> Image.Image:
    """The source as a Pillow image whose pixels are loaded only on demand."""
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8:
            raise ImageError(f"The picture must be an array of bytes (uint8), not {source.dtype}.")
        return Image.fromarray(source)
    return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)


def _check_size(picture: Image.Image, name: str) -> None:
    width, height = picture.size
    most = JPEG_PIXELS if picture.format in ("JPEG", "MPO") else PICTURE_PIXELS
    if width * height > most:
        raise ImageError(
            f"{name} is too large: {width}×{height} px; at most {most // 1_000_000} megapixels can be used. "
            "Please make it smaller."
        )
    if min(width, height) < PICTURE_MIN_SIDE:
        raise ImageError(
            f"{name} is too small: {width}×{height} px; each side must have {PICTURE_MIN_SIDE} px or more."
        )


def _reduced(picture: Image.Image) -> Image.Image:
    """The picture, made smaller by 2, 4 or 8 when it has more than `WORKING_PIXELS`."""
    width, height = picture.size
    factor = next(factor for factor in (1, 2, 4, 8) if width * height <= WORKING_PIXELS * factor**2 or factor == 8)
    if factor == 1:
        return picture
    picture.draft(picture.mode, (width // factor, height // factor))  # nothing but for JPEGs
    remaining = round(width / picture.size[0])
    return picture.reduce(factor // remaining) if remaining < factor else picture


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
    except DECODER_ERRORS:
        return picture  # a broken profile is worth less than none
    return converted if converted is not None else picture


def _flattened(picture: Image.Image) -> Image.Image:
    """RGB, with transparent parts over a neutral grey."""
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (*BACKGROUND, 255))
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")

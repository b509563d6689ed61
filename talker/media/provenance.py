"""Everything that Talker writes says about itself that it is generated: in its metadata, in its pixels, and visibly.

* metadata, always: a sentence, and IPTC's digital source type as XMP (in a GIF both as a comment);
* an invisible mark in the pixels (`talker.media.watermark`), unless $TALKER_MARK is `off`;
* a signed C2PA manifest, where the host has a certificate (`talker.media.manifest`);
* a visible label, where it is asked for.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from talker.errors import InputError
from talker.media import manifest
from talker.media.decoding import DECODER_ERRORS, open_container
from talker.media.isolation import decoded_once
from talker.media.watermark import FILM, STILL, Marker, Payload, Strength
from talker.types import ByteArray
from talker.version import __version__

GENERATED_MARK = "Generated with Talker: an animated portrait. The person shown did not say or do this."
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
# the mark's payload holds the place in this row
MODELS = ("", "geometry", "generator", "liveportrait", "landmarks", "generator-all")
XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # the type that Adobe's XMP specification gives to MP4
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff")  # kinds of files whose metadata Pillow reads
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF")
LABEL, LABEL_HEIGHT = "AI-generated", 0.03  # of the film's shorter side
LABEL_BACKGROUND = (32, 32, 32)


@dataclass(frozen=True)
class Provenance:
    """Where something came from. model: what drew it; settings: of the run, as text, of which a digest is kept.

    made_s: when, in seconds since 1970; by default now.
    """

    model: str = ""
    settings: str = ""
    made_s: int | None = None

    def payload(self) -> Payload:
        """What the invisible mark says; where no time is given it is $SOURCE_DATE_EPOCH (s), or now."""
        major, minor = (int(part) for part in __version__.split(".")[:2])
        seconds = self.made_s or int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
        digest = hashlib.sha256(self.settings.encode()).digest()[:3]
        model = MODELS.index(self.model) if self.model in MODELS else 0
        return Payload(16 * major + minor, model, seconds // 60, digest)

    def marker(self, size: tuple[int, int], strength: Strength = FILM) -> Marker | None:
        """What marks frames of that size (width, height) px; None where the host has switched it off."""
        return Marker(size, self.payload(), strength) if marking() else None

    def xmp(self) -> bytes:
        """The metadata as an XMP packet."""
        return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmp:CreatorTool="Talker {__version__} {escape(self.model)}" Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{GENERATED_MARK}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()

    def for_pillow(self, suffix: str) -> dict[str, Any]:
        """The metadata as arguments of Pillow's `save` for a kind of file."""
        if suffix == ".png":
            text = PngImagePlugin.PngInfo()
            text.add_itxt("XML:com.adobe.xmp", self.xmp().decode())
            return {"pnginfo": text}
        if suffix == ".gif":
            return {"comment": f"{GENERATED_MARK} {SOURCE_TYPE}".encode()}
        return {"xmp": self.xmp()}

    def seal(self, path: Path) -> None:
        """Finish a file: XMP in a box of its own at the end of an mp4; a signature where the host has a certificate.

        Raises ManifestError when it can't be signed.
        """
        if path.suffix.lower() == ".mp4":
            packet = XMP_BOX + self.xmp()
            with open(path, "ab") as file:
                file.write((8 + len(packet)).to_bytes(4, "big") + b"uuid" + packet)
        if manifest.configured():
            manifest.sign(path, GENERATED_MARK, SOURCE_TYPE)


UNNAMED = Provenance()


def marked(image: ByteArray, provenance: Provenance = UNNAMED) -> ByteArray:
    """A drawn picture [H,W,3] with the invisible mark of a still, for what somebody else encodes."""
    marker = provenance.marker((image.shape[1], image.shape[0]), STILL)
    return image if marker is None else marker.add(image)


def is_generated(path: str | Path) -> bool:
    """Whether a file's metadata says that Talker made it; false for everything that can't be read."""
    try:
        (found,) = decoded_once(read_metadata, str(path))
        return bool(found)
    except InputError:
        return False


def read_metadata(path: str) -> Iterator[tuple[bool]]:
    """What `is_generated` hands to a decoder, which may run in a worker."""
    try:
        if Path(path).suffix.lower() in PICTURES:
            with Image.open(path, formats=FORMATS) as picture:
                values = list(picture.info.values())
        else:
            with open_container(Path(path)) as container:
                values = list(container.metadata.values())
    except DECODER_ERRORS:
        values = []
    texts = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in values]
    yield (any(GENERATED_MARK in text or SOURCE_TYPE in text for text in texts),)


def marking() -> bool:
    """Whether pixels are marked: yes, unless $TALKER_MARK is `off`."""
    return os.environ.get("TALKER_MARK", "on").lower() not in ("off", "0", "no")


def labelled(frames: Iterator[ByteArray], size: tuple[int, int]) -> Iterator[ByteArray]:
    """The frames [H,W,3] of a film of `size` (width, height) px with a small label in the lower left corner."""
    font = ImageFont.load_default(max(10, round(LABEL_HEIGHT * min(size))))
    left, top, right, bottom = (round(edge) for edge in font.getbbox(LABEL))
    margin = (bottom - top) // 2
    tag = Image.new("RGB", (right - left + 2 * margin, bottom - top + 2 * margin), LABEL_BACKGROUND)
    ImageDraw.Draw(tag).text((margin - left, margin - top), LABEL, "white", font)
    drawn = np.asarray(tag)[: size[1] - margin, : size[0] - margin]
    rows = slice(size[1] - margin - len(drawn), size[1] - margin)
    columns = slice(margin, margin + drawn.shape[1])
    for frame in frames:
        marked = frame.copy()
        marked[rows, columns] = (drawn.astype(np.uint16) * 3 + marked[rows, columns]) // 4
        yield marked

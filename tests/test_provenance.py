"""Whatever leaves says that it is generated: metadata, invisible mark, signed manifest; `talker verify` finds it."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image
from skimage.data import astronaut, coffee

from talker.cli import main
from talker.errors import ManifestError
from talker.evaluation.watermark import BAD_CRF, encoded
from talker.media.film import write_grid, write_preview
from talker.media.image import save_image
from talker.media.manifest import read_manifest
from talker.media.provenance import SOURCE_TYPE, Provenance, is_generated
from talker.media.verification import verify
from talker.media.video import write_video
from talker.media.video_reader import open_video
from talker.media.watermark import FILM, LEAST_PSNR, STILL, Marker, Payload, Strength
from talker.media.watermark_reader import find_mark
from talker.media.yuv import yuv420
from talker.types import ByteArray, Video

PAYLOAD = Payload(version=2, model=1, minutes=29_800_000, settings=b"abc")
MADE = Provenance("geometry", "strength=1.0")
FRAMES = 24


def film(picture: ByteArray, count: int = FRAMES) -> Video:
    """The picture, swaying sideways: what is its own doesn't add up as the mark does."""
    frames = (np.roll(picture, round(12 * np.sin(index / 4)), axis=1) for index in range(count))
    return Video(frames, count, 25.0, (picture.shape[1], picture.shape[0]), None)


def psnr(one: ByteArray, other: ByteArray) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2)))


def test_frames_for_the_encoder_carry_the_same_mark_and_colours() -> None:
    """One pass converts and marks: against FFmpeg's conversion, and against marking first."""
    picture, marker = np.ascontiguousarray(astronaut()[:254, :250]), Marker((250, 254), PAYLOAD)
    colours = {"dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
    plain = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p", **colours)
    off = np.abs(yuv420(picture).to_ndarray().astype(int) - plain.to_ndarray())
    assert off[:254].max() <= 1  # luma
    assert off.mean() < 0.5
    together, one_by_one = yuv420(picture, marker), yuv420(marker.add(picture))
    np.testing.assert_array_equal(together.to_ndarray(), one_by_one.to_ndarray())


def test_the_mark_carries_its_payload_and_is_hardly_there() -> None:
    picture = astronaut()
    marked = Marker((512, 512), PAYLOAD).add(picture)
    found = find_mark([marked])
    assert found is not None
    assert found.payload == PAYLOAD
    assert psnr(marked, picture) >= 42
    assert find_mark([picture]) is None


def test_stills_of_any_minute_can_be_read() -> None:
    """Their mark is mostly the part that never changes: what a payload says has to be told from little."""
    for minutes in range(29_928_800, 29_929_400, 6):  # by hard decisions one in thirty could not be read
        said = Payload(version=2, model=1, minutes=minutes, settings=MADE.payload().settings)
        found = find_mark([Marker((512, 512), said, STILL).add(astronaut())])
        assert found is not None
        assert found.payload == said


def noise(low: int, high: int) -> ByteArray:
    """Every pixel a grey level of its own."""
    grey = np.random.default_rng(0).integers(low, high, (512, 512, 1))
    return np.repeat(grey, 3, axis=2).astype(np.uint8)


HARD_FRAMES = {
    "photograph": astronaut(),
    "texture": cv2.resize(np.tile(coffee()[:128, :128], (3, 3, 1)), (512, 512), interpolation=cv2.INTER_NEAREST),
    "noise": noise(0, 256),
    "faint noise": noise(90, 130),
    "flat": np.full((512, 512, 3), 128, np.uint8),
    "dark": (astronaut() // 16).astype(np.uint8),
    "black": np.zeros((512, 512, 3), np.uint8),
    "checks": np.kron(np.indices((64, 64)).sum(0) % 2, np.full((8, 8), 255))[..., None].repeat(3, 2).astype(np.uint8),
}


@pytest.mark.parametrize("strength", [FILM, STILL, Strength(floor=9.0, ceiling=60.0, masking=2.0)])
@pytest.mark.parametrize("name", HARD_FRAMES)
def test_no_frame_differs_more_than_it_may(name: str, strength: Strength) -> None:
    """42 dB by construction, whatever the frame, on both ways into a film."""
    picture, marker = np.ascontiguousarray(HARD_FRAMES[name]), Marker((512, 512), PAYLOAD, strength)
    marked = marker.add(picture)
    assert (marked != picture).any()
    assert psnr(marked, picture) >= LEAST_PSNR
    plain, for_encoder = (yuv420(picture, each).to_ndarray()[:512] for each in (None, marker))
    assert psnr(for_encoder, plain) >= LEAST_PSNR


def test_a_still_is_found_after_scaling_cropping_and_a_bad_encoder() -> None:
    """All three; one frame of a film has too little of the mark for that."""
    marked = Marker((512, 512), PAYLOAD, STILL).add(astronaut())
    for row, column in ((0, 0), (17, 40)):
        small = cv2.resize(marked[row : row + 461, column : column + 461], (346, 346), interpolation=cv2.INTER_AREA)
        (left,) = encoded([small], BAD_CRF)
        assert find_mark([left]) is not None
        (plain,) = encoded([cv2.resize(astronaut(), (346, 346), interpolation=cv2.INTER_AREA)], BAD_CRF)
        assert find_mark([plain]) is None


def test_regular_patterns_are_no_mark() -> None:
    for name in ("texture", "noise", "flat", "black", "checks"):
        assert find_mark([HARD_FRAMES[name]]) is None, name


@pytest.mark.parametrize("size", [(240, 240), (512, 640), (1000, 1400), (391, 257)])
def test_frames_of_any_size_are_marked(size: tuple[int, int]) -> None:
    picture = cv2.resize(astronaut(), size, interpolation=cv2.INTER_AREA)
    found = find_mark([Marker(size, PAYLOAD).add(picture)])
    assert found is not None
    assert found.payload == PAYLOAD


@pytest.mark.parametrize("scale", [1.0, 0.75])
@pytest.mark.parametrize("corner", [None, (0, 0), (20, 41), (51, 51)])
def test_the_mark_outlives_scaling_and_cropping(scale: float, corner: tuple[int, int] | None) -> None:
    marked = Marker((512, 512), PAYLOAD).add(astronaut())
    if corner is not None:
        row, column = corner
        marked = marked[row : row + 461, column : column + 461]
    found = find_mark([cv2.resize(marked, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)])
    assert found is not None
    assert found.payload == PAYLOAD


def test_the_mark_is_the_same_in_every_frame_of_a_flat_film() -> None:
    marker = Marker((256, 256), PAYLOAD)
    grey = np.full((256, 256, 3), 90, np.uint8)
    first, later = marker.add(grey), marker.add(grey + np.uint8(10))
    assert np.array_equal(later, first + np.uint8(10))
    assert np.abs(first.astype(int) - grey).max() <= 4


def test_a_secret_key_hides_the_mark_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKER_MARK_KEY", "a host's own secret")
    marked = Marker((512, 512), PAYLOAD).add(astronaut())
    assert find_mark([marked]) is not None
    monkeypatch.delenv("TALKER_MARK_KEY")
    assert find_mark([marked]) is None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film, and everything that is made of films."""
    folder = tmp_path_factory.mktemp("made")
    write_video(film(astronaut()), folder / "film.mp4", provenance=MADE)
    for suffix in (".gif", ".webp"):
        write_preview(folder / "film.mp4", folder / f"preview{suffix}")
    for suffix in (".png", ".jpg", ".webp"):
        save_image(astronaut(), folder / f"still{suffix}", MADE)
    write_grid([("one", folder / "film.mp4"), ("two", folder / "film.mp4")], folder / "grid.mp4", columns=2)
    return folder


KINDS = ("film.mp4", "grid.mp4", "preview.gif", "preview.webp", "still.png", "still.jpg", "still.webp")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_output_says_that_it_is_generated(made: Path, name: str) -> None:
    assert is_generated(made / name)
    assert SOURCE_TYPE.encode() in (made / name).read_bytes()
    evidence = verify(made / name)
    assert evidence.metadata
    assert evidence.mark is not None
    if name != "grid.mp4":  # small and encoded twice: found, but not legible
        assert evidence.mark.payload is not None
        assert evidence.mark.payload.settings == MADE.payload().settings


def test_verify_tells_in_words(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(made / "film.mp4")]) == 0
    words = capsys.readouterr().out
    assert "renderer geometry" in words
    assert "says that it is generated" in words
    Image.fromarray(coffee()).save(tmp_path / "coffee.png")
    assert main(["verify", str(tmp_path / "coffee.png")]) == 1
    assert "none found" in capsys.readouterr().out


def test_a_film_without_its_metadata_is_found_out_by_its_pixels(made: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "stripped.mp4"
    with av.open(str(made / "film.mp4")) as source, av.open(str(stripped), "w") as target:
        picture = source.streams.video[0]
        copied = target.add_stream_from_template(picture)
        for packet in source.demux(picture):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
    evidence = verify(stripped)
    assert not evidence.metadata
    assert evidence.is_generated


def test_the_mark_can_be_switched_off_but_not_the_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKER_MARK", "off")
    save_image(astronaut(), tmp_path / "still.png", MADE)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "still.png")), astronaut())
    assert is_generated(tmp_path / "still.png")


def certificate(name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey) -> bytes:
    """PEM of a certificate that is good for two days."""
    authority = name == issuer
    names = [x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, one)]) for one in (name, issuer)]
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)
    builder = (
        x509.CertificateBuilder(names[1], names[0], key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(usage, critical=True)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host with a certificate of a test authority."""
    root, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = certificate("Host", own, "Authority", root) + certificate("Authority", root, "Authority", root)
    (tmp_path / "chain.pem").write_bytes(chain)
    secret = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(secret)
    monkeypatch.setenv("TALKER_C2PA_CERTIFICATE", str(tmp_path / "chain.pem"))
    monkeypatch.setenv("TALKER_C2PA_KEY", str(tmp_path / "key.pem"))
    yield


@pytest.mark.usefixtures("signer")
def test_a_certificate_signs_what_is_made(tmp_path: Path) -> None:
    write_video(film(astronaut()), tmp_path / "film.mp4", provenance=MADE)
    write_preview(tmp_path / "film.mp4", tmp_path / "preview.gif")
    save_image(astronaut(), tmp_path / "still.png", MADE)
    for name in ("film.mp4", "preview.gif", "still.png"):
        evidence = verify(tmp_path / name)
        assert (evidence.manifest, evidence.metadata) == ("Valid", True)
    assert open_video(tmp_path / "film.mp4").frame_count == FRAMES
    content = (tmp_path / "still.png").read_bytes()
    middle = len(content) // 2
    (tmp_path / "changed.png").write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    tampered = read_manifest(tmp_path / "changed.png")
    assert tampered is not None
    assert tampered["validation_state"] == "Invalid"


@pytest.mark.usefixtures("signer")
def test_a_useless_certificate_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text("nonsense")
    with pytest.raises(ManifestError, match="TALKER_C2PA_CERTIFICATE"):
        save_image(astronaut(), tmp_path / "still.png", MADE)
    assert not (tmp_path / "still.png").exists()

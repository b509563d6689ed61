"""The errors a user of Talker can meet: one family, each message a sentence that says what to do."""

from __future__ import annotations

import zipfile
import zlib

# what zipfile, zlib and NumPy raise for broken archives
ARCHIVE_ERRORS: tuple[type[Exception], ...] = (
    OSError, EOFError, zipfile.BadZipFile, zlib.error, ValueError, TypeError, LookupError, RuntimeError, SyntaxError,
    MemoryError, ArithmeticError,
)  # fmt: skip


class TalkerError(Exception):
    """Base of every error meant for the person using Talker; entry points catch this family and nothing else."""


class InputError(TalkerError):
    """A file, text or value given by the user can't be used; the message names it and says what would work."""


class ImageError(InputError):
    """A picture can't be read or has a size or kind that can't be used."""


class FaceError(InputError):
    """A readable picture holds no face that can be animated."""


class CoveredMouthError(FaceError):
    """Something hides the mouth that shall talk; the person may choose to go on all the same."""


class AudioError(InputError):
    """A sound can't be read, or is silent, empty or too long."""


class VideoError(InputError):
    """A video can't be read or written."""


class EmotionError(InputError):
    """An emotion can't be understood or read from the source that was given."""


class OptionsError(InputError):
    """A setting has a name, type or range that Talker doesn't have."""


class MotionError(InputError):
    """A motion file can't be read or doesn't hold what it should."""


class DataError(InputError):
    """A data folder for training or evaluation lacks what its layout promises."""


class AssetError(TalkerError):
    """Weights can't be had; the message names the asset, the sources tried and where to place the file by hand."""


class ManifestError(TalkerError):
    """What was made can't be signed with the host's certificate."""


class CancelledError(TalkerError):
    """The person who started the work asked for it to stop."""

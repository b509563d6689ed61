"""Signed C2PA manifests ("Content Credentials"), for hosts that have a certificate. Needs the extra `c2pa`.

$TALKER_C2PA_CERTIFICATE and $TALKER_C2PA_KEY are PEM files: the chain of certificates, the signer's own first, and its
private key (ECDSA on P-256). $TALKER_C2PA_TIME is the address of a time-stamping authority, if there is one.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

from talker.errors import ManifestError
from talker.files import replaced_when_done
from talker.version import __version__

CERTIFICATE, KEY, TIME = "TALKER_C2PA_CERTIFICATE", "TALKER_C2PA_KEY", "TALKER_C2PA_TIME"


def configured() -> bool:
    """Whether the host wants what it makes to be signed."""
    return CERTIFICATE in os.environ


def sign(path: Path, description: str, source_type: str) -> None:
    """Put a signed manifest into a finished file, whose last change this must be.

    source_type: IPTC's digital source type. Raises ManifestError when the certificate or the package is of no use.
    """
    if importlib.util.find_spec("c2pa") is None:
        raise ManifestError(f"{CERTIFICATE} is set, but c2pa-python isn't installed: pip install c2pa-python.")
    import c2pa

    action = {"action": "c2pa.created", "digitalSourceType": source_type, "description": description}
    claim = {
        "claim_generator_info": [{"name": "Talker", "version": __version__}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    try:
        chain, key = (Path(os.environ[name]).read_bytes() for name in (CERTIFICATE, KEY))
        info = c2pa.C2paSignerInfo(b"es256", chain, key, os.environ.get(TIME))
        with (
            replaced_when_done(path) as signed,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(claim) as builder,
        ):
            signed.unlink()
            builder.sign_file(path, signed, signer)
    except (KeyError, OSError, c2pa.C2paError) as error:
        raise ManifestError(f"Nothing can be signed with the certificate of {CERTIFICATE} ({error}).") from error


def read_manifest(path: Path) -> dict[str, Any] | None:
    """What C2PA's own reader says of a file: its manifests and whether they hold; None where there are none."""
    if importlib.util.find_spec("c2pa") is None:
        return None
    import c2pa

    try:
        with c2pa.Reader(path) as reader:
            found: dict[str, Any] = json.loads(reader.json())
            return found
    except c2pa.C2paError:
        return None

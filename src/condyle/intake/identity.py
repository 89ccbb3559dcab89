"""Pseudonymous identity: HMACs of patient and study with a key that stays on this machine.

A plain hash of a PatientID can be undone by trying all numbers; an HMAC cannot without the key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

from condyle.errors import InputError, ResourceError

KEY_BYTES = 32


def study_key(study_instance_uid: str) -> str:
    """16 hexadecimal characters: HMAC-SHA256 of StudyInstanceUID with the local key."""
    return _keyed("study", study_instance_uid)


def patient_key(patient_id: str) -> str:
    """16 hexadecimal characters: HMAC-SHA256 of PatientID with the local key."""
    return _keyed("patient", patient_id)


def key_path() -> str:
    """Where the key lies: ``CONDYLE_KEY_FILE``, else ``~/.config/condyle/key``. Raises ``InputError`` - there is no home."""
    path = os.environ.get("CONDYLE_KEY_FILE") or os.path.expanduser("~/.config/condyle/key")
    if path.startswith("~"):
        raise InputError(
            "key-unreadable",
            "The key for pseudonyms has no place.",
            why="This user has no home folder.",
            what_to_do="Set HOME, or point CONDYLE_KEY_FILE to a file of your own.",
        )
    return path


def _keyed(kind: str, text: str) -> str:
    return hmac.new(_key(key_path()), f"{kind}:{text}".encode(), hashlib.sha256).hexdigest()[:16]


@lru_cache(maxsize=8)
def _key(path: str) -> bytes:
    return _read_or_create(Path(path))


def _read_or_create(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return _create(path)
    except OSError as error:
        raise InputError(
            "key-unreadable",
            "The key for pseudonyms cannot be read.",
            where="CONDYLE_KEY_FILE or ~/.config/condyle/key",
            why=f"{error.strerror}.",
            what_to_do="Make the file readable for you, or point CONDYLE_KEY_FILE to another.",
        ) from None
    if len(key) < KEY_BYTES:
        raise InputError(
            "key-damaged",
            "The key for pseudonyms is damaged.",
            where="CONDYLE_KEY_FILE or ~/.config/condyle/key",
            why=f"It has {len(key)} bytes, not {KEY_BYTES}.",
            what_to_do="Restore it from a copy; a new key gives every study a new pseudonym.",
        )
    return key


def _create(path: Path) -> bytes:
    """A new key, readable by its owner only. Of several processes at once, one wins and all use its key."""
    key = secrets.token_bytes(KEY_BYTES)
    own = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
        try:
            os.link(own, path)
        except FileExistsError:
            return path.read_bytes()
        finally:
            own.unlink()
    except OSError as error:
        raise ResourceError(
            "key-not-written",
            "The key for pseudonyms cannot be stored.",
            where="CONDYLE_KEY_FILE or ~/.config/condyle/key",
            why=f"{error.strerror}.",
            what_to_do="Point CONDYLE_KEY_FILE to a place where you may write.",
        ) from None
    return key

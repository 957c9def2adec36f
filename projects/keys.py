"""Secret keys at rest: wrapped by AES-256-GCM under a key derived from the site's master key."""

import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from projects.errors import Conflict, DomainError
from projects.models import Authorisation, Project

KEY_BYTES = 32
NONCE_BYTES = 12


@lru_cache(maxsize=16)
def _derived(master: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(master.encode())


def derived_key(purpose: str) -> bytes:
    """32 bytes of the master key for one purpose; the same master key gives the same bytes."""
    return _derived(settings.MASTER_KEY, f"etron/{purpose}")


def _seal(key: bytes, data: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, None)


def _open(key: bytes, sealed: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
    except (InvalidTag, ValueError):
        raise DomainError(
            "key_mismatch", _("A stored secret cannot be opened with this site's master key."), status=500
        ) from None


def wrap(key: bytes) -> bytes:
    """A key as it is stored."""
    return _seal(derived_key("wrap"), key)


def new_wrapped_key() -> bytes:
    """A fresh random key, wrapped: the only form in which it is stored."""
    return wrap(secrets.token_bytes(KEY_BYTES))


def unwrap(wrapped: bytes) -> bytes:
    return _open(derived_key("wrap"), bytes(wrapped))


def project_key(project: Project) -> bytes:
    """The HMAC key under which both sides' hashed ids are joined in this project."""
    return unwrap(bytes(project.hash_key))


def _data_key(authorisation: Authorisation) -> bytes:
    wrapped = bytes(authorisation.data_key)
    if not wrapped:
        raise Conflict("key_destroyed", _("The values stored under this authorisation were deleted for good."))
    return unwrap(wrapped)


def encrypt(authorisation: Authorisation, data: bytes) -> bytes:
    """``data`` under the authorisation's own key; deleting that key deletes every value stored under it."""
    return _seal(_data_key(authorisation), data)


def decrypt(authorisation: Authorisation, sealed: bytes) -> bytes:
    return _open(_data_key(authorisation), bytes(sealed))

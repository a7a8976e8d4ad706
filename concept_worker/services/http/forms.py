"""Forms that carry a picture, as `multipart/form-data` (RFC 7578)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def multipart(fields: Mapping[str, str], image: bytes, *, name: str = "image") -> tuple[str, bytes]:
    """Return a form of `fields` and one PNG: its content type and its bytes.

    The boundary is a hash of the content, so the same form always gives the same bytes. A hash of the image cannot
    occur in the image.
    """
    digest = hashlib.sha256(image)
    for field, value in fields.items():
        digest.update(f"{field}={value}\0".encode())
    boundary = digest.hexdigest()
    parts = [f'--{boundary}\r\ncontent-disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    head = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"; filename="image.png"\r\n'
        "content-type: image/png\r\n\r\n"
    )
    body = b"".join((*(part.encode() for part in parts), head.encode(), image, f"\r\n--{boundary}--\r\n".encode()))
    return f"multipart/form-data; boundary={boundary}", body

"""Writes PDF 1.7 that meets PDF/A-2b (ISO 19005-2), object by object into a file, without dates or chance in it."""

from __future__ import annotations

import hashlib
import zlib
from array import array
from copy import copy
from functools import cache
from typing import BinaryIO
from xml.sax.saxutils import escape

from PIL import ImageCms

PAGE_WIDTH = 595.276
PAGE_HEIGHT = 841.89
"""A4 in points."""
_DATE_IN_PROFILE = slice(24, 36)
"""Where an ICC profile holds when it was made."""


class PdfWriter:
    """The objects of one PDF. Numbers are given before their objects are written, where one must name another."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self._at = 0
        self._offsets = array("Q", [0])
        self._xmp = self._profile = 0
        self._put(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

    def reserve(self) -> int:
        self._offsets.append(0)
        return len(self._offsets) - 1

    def write(self, number: int, body: str | bytes) -> None:
        self._offsets[number] = self._at
        self._put(b"%d 0 obj\n%b\nendobj\n" % (number, body.encode() if isinstance(body, str) else body))

    def add(self, body: str | bytes) -> int:
        number = self.reserve()
        self.write(number, body)
        return number

    def stream(self, entries: bytes, data: bytes, level: int = 6) -> int:
        """Adds a compressed stream with further dictionary entries."""
        return self.add(deflated(entries, data, level))

    def prepare(self, title: str) -> None:
        """Writes what the catalog of every PDF of this title refers to."""
        metadata = _xmp(title)
        self._xmp = self.add(
            b"<</Type/Metadata/Subtype/XML/Length %d>>stream\n%b\nendstream" % (len(metadata), metadata)
        )
        self._profile = self.stream(b"/N 3", _srgb())

    def continued(self, written: bytes, out: BinaryIO) -> PdfWriter:
        """Another PDF that begins as this one, with what it has `written`."""
        twin = copy(self)
        out.write(written)
        twin._out, twin._digest, twin._offsets = out, self._digest.copy(), self._offsets[:]
        return twin

    def finish(self, pages: int, preferences: str) -> str:
        """Ends the file, after prepare(). Returns the lower hex SHA-256 of all of it."""
        catalog = self.add(
            f"<</Type/Catalog/Pages {pages} 0 R/Metadata {self._xmp} 0 R/Lang(zh-CN)/OutputIntents[<</Type/OutputIntent"
            "/S/GTS_PDFA1/OutputConditionIdentifier(sRGB IEC61966-2.1)/Info(sRGB IEC61966-2.1)"
            f"/DestOutputProfile {self._profile} 0 R>>]/ViewerPreferences<</PrintScaling/None{preferences}>>>>"
        )
        identity = self._digest.hexdigest()[:32]
        start = self._at
        entries = [b"0000000000 65535 f\r\n", *[b"%010d 00000 n\r\n" % offset for offset in self._offsets[1:]]]
        self._put(b"xref\n0 %d\n%b" % (len(entries), b"".join(entries)))
        self._put(
            f"trailer\n<</Size {len(entries)}/Root {catalog} 0 R/ID[<{identity}><{identity}>]>>\n"
            f"startxref\n{start}\n%%EOF\n".encode()
        )
        return self._digest.hexdigest()

    def _put(self, data: bytes) -> None:
        self._out.write(data)
        self._digest.update(data)
        self._at += len(data)


def deflated(entries: bytes, data: bytes, level: int) -> bytes:
    """The body of a compressed stream object."""
    packed = zlib.compress(data, level)
    return b"<</Length %d/Filter/FlateDecode%b>>stream\n%b\nendstream" % (len(packed), entries, packed)


def _xmp(title: str) -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">'
        "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description>\n"
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt>'
        f'<rdf:li xml:lang="x-default">{escape(title)}</rdf:li></rdf:Alt></dc:title></rdf:Description>\n'
        '</rdf:RDF></x:xmpmeta>\n<?xpacket end="r"?>'
    ).encode()


@cache
def _srgb() -> bytes:
    """The sRGB profile, always of the same day."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_DATE_IN_PROFILE] = bytes((0x07, 0xCF, 0, 6, 0, 1, 0, 0, 0, 0, 0, 0))
    return bytes(profile)

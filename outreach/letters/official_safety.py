"""What may not be in a bank's own PDF, because it runs, hides, refers elsewhere or grows without end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO

import pikepdf
from pikepdf import settings

from outreach.domain.errors import Refusal, invalid
from outreach.letters.official_content import ContentError, Contents

MAX_PDF_BYTES = 3_000_000
MAX_PAGES = 10
_MAX_OBJECTS = 5_000
_MAX_DECODED = 40_000_000
_MAX_IMAGE_PIXELS = 20_000_000
_MAX_PARTS = 100_000

# Process-wide and unsynchronized in qpdf, so once, before any PDF is opened: a small file can unpack to gigabytes.
settings.set_qpdf_limits(
    parser_max_nesting=50,
    parser_max_container_size=200_000,
    max_stream_filters=2,
    flate_max_memory=_MAX_DECODED,
    png_max_memory=_MAX_DECODED,
    run_length_max_memory=_MAX_DECODED,
    tiff_max_memory=_MAX_DECODED,
    dct_max_memory=_MAX_DECODED,
)

_DAMAGED = (
    pikepdf.PdfError,
    pikepdf.DataDecodingError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
)
"""What reading a PDF raises whose parts are not what the standard says, such as a page without a size."""

_LZW = re.compile(rb"/LZW(?:Decode)?[\s/\[\]<>]")
"""The one filter for which qpdf has no limit, and PDF/A forbids it."""
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")

_SCRIPT = "含脚本。Holds JavaScript"
_SIGNED = "已签名或含签名域，填写会使签名失效。Is signed or has a signature field, which filling it in would break"
_FILES = "含附件。Holds embedded files"
_ACTION = "含动作。Holds an action (launch, submit, open another file)"
_MEDIA = "含多媒体。Holds multimedia"
_EXTERNAL = "引用外部文件。Refers to content outside of itself"
_LAYERS = "含可隐藏的图层，所见未必即所印。Holds optional layers: what is seen may not be what is printed"

_TILES = "含平铺图案，可无限重复。Holds a tiling pattern, which repeats without end"

_KEYS = {
    "/XFA": "是 XFA 表单，请另存为 AcroForm。Is an XFA form: save it as an AcroForm",
    "/JS": _SCRIPT,
    "/JavaScript": _SCRIPT,
    "/ByteRange": _SIGNED,
    "/Perms": _SIGNED,
    "/EmbeddedFiles": _FILES,
    "/EF": _FILES,
    "/AF": _FILES,
    "/Collection": _FILES,
    "/AA": _ACTION,
    "/RichMediaContent": _MEDIA,
    "/OPI": _EXTERNAL,
    "/OCProperties": _LAYERS,
}
_STREAM_KEYS = {"/F": _EXTERNAL, "/FFilter": _EXTERNAL, "/Ref": _EXTERNAL}
_NAMES: dict[str, dict[str, str]] = {
    "/S": {
        "/JavaScript": _SCRIPT,
        "/Rendition": _MEDIA,
        "/Sound": _MEDIA,
        "/Movie": _MEDIA,
        **dict.fromkeys(
            ("/Launch", "/GoToR", "/GoToE", "/SubmitForm", "/ImportData", "/ResetForm", "/Hide", "/Named", "/Thread"),
            _ACTION,
        ),
    },
    "/FT": {"/Sig": _SIGNED},
    "/Type": {"/Sig": _SIGNED, "/DocTimeStamp": _SIGNED},
    "/Subtype": {
        "/FileAttachment": _FILES,
        "/PS": "含 PostScript。Holds PostScript",
        **dict.fromkeys(("/Movie", "/Sound", "/Screen", "/RichMedia", "/3D"), _MEDIA),
    },
}
_ANNOTATIONS = ("/Widget", "/Link")


def refuse(message: str) -> Refusal:
    """A refusal of the PDF: what is wrong with it, and what the bank is to give instead."""
    return invalid("official_pdf", message)


@contextmanager
def open_safely(data: bytes) -> Iterator[pikepdf.Pdf]:
    """The PDF, in which nothing is left that runs, hides or refers elsewhere. Refusal, with the reason, otherwise."""
    if len(data) > MAX_PDF_BYTES:
        raise refuse(f"PDF 至多 {MAX_PDF_BYTES} 字节。Takes at most {MAX_PDF_BYTES} bytes.")
    if _LZW.search(_ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), data)):
        raise refuse("PDF 用 LZW 压缩，请重新导出。Is compressed with LZW, which PDF/A forbids: export it anew.")
    try:
        with pikepdf.open(BytesIO(data), attempt_recovery=False) as pdf:
            _check(pdf)
            yield pdf
    except pikepdf.PasswordError:
        raise refuse("PDF 已加密，请提供未加密的。Is encrypted: give one that is not.") from None
    except _DAMAGED as error:
        raise refuse("PDF 已损坏或无法读取，请重新导出。Is damaged or no PDF: export it anew.") from error


def _check(pdf: pikepdf.Pdf) -> None:
    if pdf.is_encrypted:
        raise refuse("PDF 已加密，请提供未加密的。Is encrypted: give one that is not.")
    if not 1 <= len(pdf.pages) <= MAX_PAGES:
        raise refuse(f"PDF 须有 1 至 {MAX_PAGES} 页。Must have 1 to {MAX_PAGES} pages.")
    if len(pdf.objects) > _MAX_OBJECTS:
        raise refuse(f"PDF 对象超过 {_MAX_OBJECTS} 个，请精简。Has more than {_MAX_OBJECTS} objects: simplify it.")
    decoded = 0
    for found in _dictionaries(pdf.objects):
        if reason := _forbidden(found):
            raise refuse(f"PDF {reason}. 请提供不含此项的版本。Give a version without it.")
        if isinstance(found, pikepdf.Stream):
            decoded += _decoded_size(found)
            if decoded > _MAX_DECODED:
                raise refuse("PDF 解压后过大。Unpacks to too much.")
    try:
        Contents(pdf)
    except ContentError as error:
        raise refuse(f"PDF {error}") from None
    if any(annotation.get("/Subtype") not in _ANNOTATIONS for page in pdf.pages for annotation in _annotations(page)):
        raise refuse("PDF 含批注，请合并到页面或删除。Holds annotations: flatten or remove them.")


def _annotations(page: pikepdf.Page) -> Iterator[pikepdf.Object]:
    yield from page.get("/Annots", [])


def _dictionaries(objects: Iterable[pikepdf.Object]) -> Iterator[pikepdf.Object]:
    """Every dictionary and stream, however deep it is nested in another object."""
    waiting = list(objects)
    parts = len(waiting)
    while waiting:
        found = waiting.pop()
        if isinstance(found, pikepdf.Dictionary | pikepdf.Stream):
            yield found
            inner = [value for _, value in found.items()]
        elif isinstance(found, pikepdf.Array):
            inner = list(found)
        else:
            continue
        nested = [value for value in inner if isinstance(value, pikepdf.Object) and not value.is_indirect]
        parts += len(inner)
        if parts > _MAX_PARTS:
            raise refuse("PDF 结构过于庞大，请精简。Is built of too many parts: simplify it.")
        waiting += nested


def _forbidden(found: pikepdf.Object) -> str:
    keys = set(found.keys())
    for forbidden in (_KEYS, _STREAM_KEYS) if isinstance(found, pikepdf.Stream) else (_KEYS,):
        for key in keys & forbidden.keys():
            return forbidden[key]
    for key in keys & _NAMES.keys():
        value = found[key]
        if isinstance(value, pikepdf.Name) and (reason := _NAMES[key].get(str(value))):
            return reason
    return _TILES if found.get("/PatternType") == 1 else ""


def _decoded_size(stream: pikepdf.Stream) -> int:
    if stream.get("/Subtype") == "/Image":
        pixels = int(stream.get("/Width", 0)) * int(stream.get("/Height", 0))
        if not 0 < pixels <= _MAX_IMAGE_PIXELS:
            raise refuse("PDF 图像过大。Holds an image that is too large.")
        return 0
    return len(stream.read_bytes())

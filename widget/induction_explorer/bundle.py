"""The built JavaScript, in the form in which it crosses the wire.

Every widget's state carries its module, and a page that is loaded again gets the states of all
widgets in one message, of which 1 MiB is the limit. Packed, the module takes less than half.
"""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

_STATIC = Path(__file__).parent / "static"

# anywidget imports a module's text as a blob; this module does the same with what it unpacks.
_UNPACK = """\
const packed = Uint8Array.from(atob("{data}"), (char) => char.charCodeAt(0));
const text = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
const source = new Blob([await new Response(text).text()], {{ type: "text/javascript" }});
const url = URL.createObjectURL(source);
const module = await import(url).finally(() => URL.revokeObjectURL(url));
export default module.default;
"""


def module() -> str:
    """An ES module that unpacks the bundle and is what the bundle is.

    Raises:
        ImportError: there is no bundle, as in a clone that was not built.
    """
    path = _STATIC / "widget.js"
    if not path.exists():
        raise ImportError(
            f"The widget's bundle {path} is missing. In a clone, build it with `make build` (it "
            "needs Node.js 20 or newer); an installed wheel contains it, so install the package "
            "again."
        )
    packed = gzip.compress(path.read_bytes(), mtime=0)
    return _UNPACK.format(data=base64.b64encode(packed).decode())


def styles() -> str:
    return (_STATIC / "widget.css").read_text()

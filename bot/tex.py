"""TeX to the text a reader sees: formulas, accents and markup as Unicode."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any

_LONGEST = 20_000
"""Characters taken in; the longest abstracts of arXiv have some 2,000."""

_MATH = re.compile(
    r"(?<!\\)(?:\$\$(?P<display>[^$]{1,2000}?)\$\$"
    r"|\$(?P<inline>(?![\s\d])(?:[^$\\]|\\.){1,500}?(?<!\s))\$"
    r"|\$(?P<number>\d(?:(?:[^$\\]|\\.){0,500}?(?<!\s))??)\$(?!\d)"  # $5-$10 is money
    r"|\\\((?P<round>.{1,500}?)\\\)|\\\[(?P<square>.{1,2000}?)\\\])",
    re.DOTALL,
)
_ESCAPES = re.compile(r"\\([%&_#${}])")
_SPACES = re.compile(r"\\[ ,;:!/@>]|\\quad\b|\\-")
_STYLE = re.compile(
    r"\\(?:text(?:bf|it|tt|sf|sc|rm|md|up|sl|normal)?|emph|underline|mbox|hbox|uline|bm|boldsymbol|math(?:rm|sf|tt|it|bf)"
    r"|operatorname\*?|mathop)\s*\{([^{}\\$]*)\}"
)
_COLOUR = re.compile(r"\\(?:textcolor|href|hyperlink)\s*\{[^{}]*\}\s*\{([^{}\\]*)\}")
_ACCENT = re.compile(r"\\([\"'`^~=.])\s*(?:\{\s*(\\?[A-Za-z])\s*\}|(\\[ij](?![A-Za-z])|[A-Za-z]))")
_ACCENT_NAMED = re.compile(
    r"\\([cvuHkrbd])(?:\s*\{\s*(\\?[A-Za-z])\s*\}|\s+([A-Za-z])(?![A-Za-z])|\s+([A-Za-z])(?=[a-z]))"
)
_SPACED = (
    "log", "ln", "lg", "exp", "sin", "cos", "tan", "max", "min", "sup", "inf", "arg", "det", "dim", "lim", "Pr", "gcd",
    "cdot", "ll", "gg", "le", "leq", "ge", "geq", "ne", "neq", "approx", "sim", "simeq", "equiv", "propto",
    "subset", "to", "rightarrow", "Rightarrow", "mapsto", "pm", "cup", "cap", "iff", "implies", "land", "lor",
    "oplus", "otimes", "odot",
)  # fmt: skip
"""Operators and relations, which are spaced off from what follows."""
_SYMBOL_TABLE = """
alpha=α beta=β gamma=γ delta=δ epsilon=ϵ varepsilon=ε zeta=ζ eta=η theta=θ kappa=κ lambda=λ mu=μ nu=ν xi=ξ pi=π rho=ρ
sigma=σ tau=τ phi=ϕ varphi=φ chi=χ psi=ψ omega=ω Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Phi=Φ Psi=Ψ Omega=Ω
times=× pm=± sim=∼ approx=≈ leq=≤ geq=≥ le=≤ ge=≥ neq=≠ ll=≪ gg=≫ cdot=· infty=∞ ell=ℓ in=∈ to=→ rightarrow=→ circ=∘
deg=° partial=∂ nabla=∇ forall=∀ exists=∃ cup=∪ cap=∩ subset=⊂ equiv=≡
sum=∑ prod=∏ int=∫ bigcup=⋃ bigcap=⋂ oplus=⊕ otimes=⊗ odot=⊙ iff=⇔ implies=⇒ neg=¬ land=∧ lor=∨
"""
_SYMBOLS = dict(pair.split("=") for pair in _SYMBOL_TABLE.split())
_NAMED = "|".join(sorted(_SYMBOLS, key=len, reverse=True))
_SYMBOL = re.compile(rf"\{{\s*\\({_NAMED})\s*\}}()|\\({_NAMED})(?![A-Za-z])(\s*)")
"""What most formulas need, without the parser."""
_COMBINING = {
    '"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a", "b": "\u0331",
    "d": "\u0323",
}  # fmt: skip
_NORM = re.compile(r"(?<!\\)\\(?:\||[lr]?Vert(?![A-Za-z]))")
_GROUP = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
_SCRIPT = re.compile(rf"([_^])\s*({_GROUP}|\\[A-Za-z]+(?:\s*{_GROUP})?|[^\s\\{{}}])")
_DEFINITION = re.compile(
    rf"\\(?:re|provide)?newcommand\*?\s*(?:\{{\s*\\[A-Za-z]+\s*\}}|\\[A-Za-z]+)\s*(?:\[[^\]]*\]\s*)*{_GROUP}"
)
"""An author's own macro being made; what it would have shown is lost to us."""
_UP = dict(zip("0123456789+-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ−*′",
               "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ⁻*′", strict=True))  # fmt: skip
_DOWN = dict(zip("0123456789+-=()aehijklmnoprstuvxβγρφχ−", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ₋", strict=True))
_HOLE = 0xE000
"""Finished formulas stand as private-use characters while the text around them is read."""
_HOLES = 6_400
_FILLED = re.compile("[\ue000-\uf8ff]")


def readable(text: str) -> str:
    r"""``text`` as a reader should see it, and as it is analyzed: ``$\mathcal{O}(n^2)$`` is ``𝒪(n²)``.

    Runs of white space are one space. A dollar sign goes only where it encloses a formula (``$5 and $10`` stays).
    At most 20,000 characters are taken. Never raises; what cannot be read stays as it was.
    """
    if "\\" in text or "$" in text:
        return _read_once(text[:_LONGEST])
    return " ".join(text[:_LONGEST].split())


@lru_cache(2048)
def _read_once(text: str) -> str:
    try:
        text = _read(text)
    except Exception:  # foreign text through a foreign parser: the source is better than nothing
        text = text.replace("\ue000", "")
    return " ".join(text.split())


def _read(text: str) -> str:
    filled: list[str] = []

    def hole(shown: str) -> str:
        if len(filled) >= _HOLES:
            return shown
        filled.append(shown)
        return chr(_HOLE + len(filled) - 1)

    text = _FILLED.sub("", text)
    if "newcommand" in text:
        text = _DEFINITION.sub("", text)
    text = _MATH.sub(lambda m: hole(_formula(next(g for g in m.groups() if g is not None))), text)
    if "\\" in text:
        text = _ESCAPES.sub(lambda m: hole(m[1]), text)
        text = _markup(text).replace("---", "—").replace("--", "–")
        if "\\" not in text:
            text = text.replace("{", "").replace("}", "")
    if "\\" in text:
        # pylatexenc would let a bare % eat its line, and take ~ and $ for markup.
        text = re.sub(r"[%&#$~^_]", lambda m: hole(m[0]), text)
        text = _latex(text)
    for _ in range(3):  # a formula may hold a formula: \text{$x$}
        if not _FILLED.search(text):
            break
        text = _FILLED.sub(lambda m: filled[ord(m[0]) - _HOLE] if ord(m[0]) - _HOLE < len(filled) else "", text)
    return unicodedata.normalize("NFC", text)


def _markup(text: str) -> str:
    """Accents, styles and spaces, the bulk of what occurs, without the parser."""
    text = _ACCENT.sub(_accented, text)
    text = _ACCENT_NAMED.sub(_accented, text)
    for _ in range(4):
        text, changed = _STYLE.subn(r"\1", text)
        text, more = _COLOUR.subn(r"\1", text)
        if not changed + more:
            break
    text = _SYMBOL.sub(_symbol, text)
    return _SPACES.sub(lambda m: "" if m[0] in (r"\-", r"\!", r"\/", r"\@") else " ", text)


def _symbol(match: re.Match[str]) -> str:
    name = match[1] or match[3]
    return _SYMBOLS[name] + (match[4] if match[3] in _SPACED else "")


def _accented(match: re.Match[str]) -> str:
    letter = next(g for g in match.groups()[1:] if g).removeprefix("\\")
    return unicodedata.normalize("NFC", letter + _COMBINING[match[1]])


@lru_cache(8192)
def _formula(source: str) -> str:
    """The inside of a formula."""
    return _inner(source, 0).strip()


def _inner(source: str, depth: int) -> str:
    def script(match: re.Match[str]) -> str:
        inside = match[2][1:-1] if match[2].startswith("{") else match[2]
        shown = (_inner(inside, depth + 1) if depth < 4 else inside).strip()
        table = _UP if match[1] == "^" else _DOWN
        if shown in ("∘", "°") and match[1] == "^":
            return "°"
        if shown and all(c in table for c in shown):
            return "".join(map(table.__getitem__, shown))
        return match[1] + (shown if len(shown) == 1 else f"({shown})" if shown else "")

    source = _NORM.sub("‖", source)
    text = _SCRIPT.sub(script, source) if "^" in source or "_" in source else source
    if "\\" in text:
        text = _markup(_ESCAPES.sub(r"\1", text) if not re.search(r"\\[{}]", text) else text)
    if "\\" in text:
        text = re.sub(r"(?<!\\)[%&#$]", r"\\\g<0>", text)
        text = _latex(text)
    else:
        text = text.replace("{", "").replace("}", "")
    return text.replace("~", " ")


def _latex(text: str) -> str:
    from pylatexenc.latexwalker import LatexWalker

    walker, to_text = _machinery()
    nodes, _, _ = LatexWalker(text, latex_context=walker, tolerant_parsing=True).get_latex_nodes()
    shown: str = to_text.nodelist_to_text(nodes)
    return shown if "%s" in text else shown.replace("%s", "")  # a macro without its arguments leaves its template


@cache
def _machinery() -> tuple[Any, Any]:
    """pylatexenc's tables with what it lacks (https://pylatexenc.readthedocs.io/en/latest/latex2text/)."""
    import logging

    from pylatexenc import latex2text, latexwalker, macrospec

    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it warns of every unknown macro of strangers' text
    shows = {
        "href": "{{", "url": "{", "textcolor": "{{", "textsuperscript": "{", "textsubscript": "{", "texttt": "{",
        "mbox": "{", "textsf": "{", "textsc": "{", "verb": "{", "operatorname": "{", "bm": "{", "boldsymbol": "{",
        "mathring": "{", "cite": "{", "citep": "{", "citet": "{", "color": "{", "footnote": "{", "ref": "{",
        "label": "{", "unicode": "{", "hyperlink": "{{",
    }  # fmt: skip
    walker = latexwalker.get_default_latex_context_db()
    walker.add_context_category("ours", [macrospec.MacroSpec(name, args) for name, args in shows.items()], prepend=True)

    def argument(number: int) -> Any:
        def show(node: Any, l2tobj: Any) -> str:
            found = node.nodeargd.argnlist if node.nodeargd else []
            return str(l2tobj.nodelist_to_text([found[number]])) if len(found) > number and found[number] else ""

        return show

    def script(table: dict[str, str]) -> Any:
        def show(node: Any, l2tobj: Any) -> str:
            text = argument(0)(node, l2tobj)
            return "".join(table.get(c, c) for c in text) if all(c in table for c in text) else text

        return show

    def character(node: Any, l2tobj: Any) -> str:
        code = re.fullmatch(r"x([0-9A-Fa-f]{2,5})", argument(0)(node, l2tobj).strip())
        return chr(int(code[1], 16)) if code else ""

    def unknown(node: Any, l2tobj: Any) -> str:
        # An author's own macro, \\ours or \\modelname: its name says more than nothing.
        found = [n for n in (node.nodeargd.argnlist if node.nodeargd else []) or [] if n is not None]
        name = node.macroname + node.macro_post_space if node.macroname.isalpha() else ""
        return name + str(l2tobj.nodelist_to_text(found))

    def spaced(shown: str) -> Any:
        # TeX sets its own space around these; what was typed after them is the nearest to it.
        return lambda node, l2tobj: shown + node.macro_post_space

    spec = latex2text.MacroTextSpec
    declarations = ("bf", "it", "em", "tt", "rm", "sc", "sf", "small", "large", "left", "right", "xspace")
    gone = ("cite", "citep", "citet", "color", "label", "ref")
    last = ("url", "texttt", "mbox", "textsf", "textsc", "verb", "operatorname", "bm", "boldsymbol", "footnote")
    db = latex2text.get_default_latex_context_db()
    known = {name: db.get_macro_spec(name) for name in _SPACED}
    shown = {name: one.simplify_repl for name, one in known.items() if one and isinstance(one.simplify_repl, str)}
    db.add_context_category(
        "ours",
        prepend=True,
        macros=[
            *(spec(name, simplify_repl="") for name in gone),
            *(spec(name, simplify_repl=argument(0)) for name in last),
            *(spec(name, simplify_repl=argument(1)) for name in ("href", "textcolor", "hyperlink")),
            *(spec(name, simplify_repl="") for name in declarations),
            *(spec(name, simplify_repl=spaced(text)) for name, text in shown.items()),
            spec("textsuperscript", simplify_repl=script(_UP)),
            spec("textsubscript", simplify_repl=script(_DOWN)),
            spec("unicode", simplify_repl=character),
            spec("deg", simplify_repl="°"),
            spec("eg", simplify_repl="e.g."),
            spec("ie", simplify_repl="i.e."),
            spec("etal", simplify_repl="et al."),
        ],
    )
    db.set_unknown_macro_spec(spec("", simplify_repl=unknown))
    shower = latex2text.LatexNodes2Text(latex_context=db, math_mode="text", keep_comments=True)
    return walker, shower

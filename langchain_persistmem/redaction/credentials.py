"""Keys, tokens and passwords; pure. The patterns of the vendors are in ``vendors.py``."""

import base64
import binascii
import json
import re
from collections.abc import Iterator

from langchain_persistmem.redaction.spans import Span
from langchain_persistmem.redaction.vendors import RUN, TOKENS, UNPREFIXED, has_valid_checksum

_BEGIN = re.compile(
    r"-----BEGIN (?P<kind>(?:[A-Z0-9]{1,20} ){0,5}PRIVATE KEY(?: BLOCK)?)-----|PuTTY-User-Key-File-[23]: "
)
_LONGEST_KEY = 20_000
_PUTTY_END = re.compile(r"Private-MAC: [0-9a-f]{40,64}")
_JWT = re.compile(
    r"eyJ(?<![\w\-.]eyJ)([\w\-]{5,8192}+)\.([\w\-]{2,65536}+)\.([\w\-]{0,8192}+)(?:\.[\w\-]{0,65536}+\.[\w\-]{0,8192}+)?"
)
_USER_INFO = re.compile(r"://(?P<user>[^\s:/@\"'<>?#]{0,256}):(?P<password>[^\s@/\"'<>]{1,256})@(?=[\w\[\-.%]+)")
_WORD = (
    r"(?:pass(?:word|wd|phrase)?|pwd|\bpw|passwort|kennwort|contraseña|senha|mot[_ ]de[_ ]passe|wachtwoord|hasło|пароль|密码|パスワ-ド"
    r"|secret(?:[_-]?key)?|client[_-]?secret|api[_-]?key|apikey|access[_-]?key|secret[_-]?access[_-]?key|account[_-]?key"
    r"|shared[_-]?access[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|private[_-]?key)"
)
_ROOTS = (
    "pass", "pwd", "pw", "kennwort", "contraseña", "senha", "wachtwoord", "hasło", "пароль", "密码", "パスワ-ド", "secret",
    "key", "token",
)  # fmt: skip
"""Each word of ``_WORD`` contains one of these; folding has made a dash of the Japanese long vowel sign."""
_ASSIGNMENT = re.compile(
    rf"{_WORD}[\"']?[ \t]{{0,3}}(?:=|:|：|=>)[ \t]{{0,3}}(?:[\"'](?P<quoted>[^\"'\n]{{4,256}})[\"']"
    r"|(?P<bare>[^\s\"'<>(){}\[\],;&|]{4,256}+)(?![(\[{]))",
    re.IGNORECASE,
)
_STATEMENT = re.compile(
    rf"{_WORD}[ \t]{{1,3}}(?:is|was|now|lautet|ist|est|es|è|é|jest|är|er)[ \t:]{{1,3}}[\"'«“„]?(?=[^\s]{{0,63}}[0-9])"
    r"(?=[^\s]{0,63}[^\W\d])(?P<value>[^\s\"'«»“”<>]{5,64}+)",
    re.IGNORECASE,
)
"""In a sentence only a value with both letters and digits: "my password is wrong" has none."""
_BEARER = re.compile(r"\b(?:Bearer|Basic|token)[ \t]{1,3}(?P<token>[A-Za-z0-9+/_\-.~]{16,4096}+={0,2})")
_NO_SECRET = re.compile(
    r"(?i:none|null|nil|true|false|undefined|str|string|bytes|int|optional|required|changeme|redacted|hidden|secret|password"
    r"|passwd|pwd|token|your\w*|example|placeholder|env|input|getpass|args?|self|this|config|settings|os|process|request|req"
    r"|prompt|user|data|value|empty|unset|missing|incorrect|wrong|invalid|expired|here|there|reset|optional)"
    r"(?:[.\-_]\S*|[!?.,]*)|[*x•.\-_#]+|\$.*|%.*|\{.*|\[[A-Z_]+.*|https?:.*|@.*",
)
_SENTENCE = re.compile(r"[a-zà-ÿа-я]+[.,!?]?")


def private_keys(text: str) -> Iterator[Span]:
    """Find blocks of a private key, from BEGIN to END; without an END, to the end of the lines of base64."""
    end = 0
    for match in _BEGIN.finditer(text):
        if match.start() < end:
            continue
        if match["kind"] is None:
            closing = _PUTTY_END.search(text, match.end(), match.end() + _LONGEST_KEY)
            end = closing.end() if closing else match.end()
        else:
            footer = f"-----END {match['kind']}-----"
            start = text.find(footer, match.end(), match.end() + _LONGEST_KEY)
            end = start + len(footer) if start >= 0 else _BODY.match(text, match.end()).end()  # pyright: ignore[reportOptionalMemberAccess]
        yield Span(match.start(), end, "PRIVATE_KEY")


_BODY = re.compile(r"(?:\s|\\n|[A-Za-z0-9+/=]{16,}|[A-Za-z\-]{1,20}: [^\n]{0,200}){0,2000}+")
"""Matches the empty string too."""


def web_tokens(text: str) -> Iterator[Span]:
    """Find JSON web tokens. The first two parts are JSON in base64; the third, the signature, is empty for "none"."""
    for match in _JWT.finditer(text):
        header = _decode("eyJ" + match[1])
        if isinstance(header, dict) and ("alg" in header or "typ" in header):
            is_encrypted = "enc" in header
            if is_encrypted or isinstance(_decode(match[2]), (dict, list)):
                yield Span(*match.span(), "JWT")


def api_keys(text: str) -> Iterator[Span]:
    """Find keys and tokens by the prefixes of their vendors, and values behind ``Bearer`` or ``Basic``."""
    for run in RUN.finditer(text):
        for pattern in (TOKENS, UNPREFIXED):
            for match in pattern.finditer(text, *run.span()):
                if has_valid_checksum(match[0]):
                    yield Span(*match.span(), "API_KEY")
    if any(map(text.__contains__, ("Bearer", "Basic", "token"))):
        for match in _BEARER.finditer(text):
            if any(map(str.isdigit, match["token"])):
                yield Span(*match.span("token"), "API_KEY")


def passwords(text: str) -> Iterator[Span]:
    """Find passwords in URLs, connection strings, assignments such as ``"api_key": "..."``, and "my password is ..."."""
    for match in _USER_INFO.finditer(text):
        if not _NO_SECRET.fullmatch(match["password"]):
            yield Span(*match.span("password"), "PASSWORD")
    # The patterns are slow and most texts have none of these words: a plain search of the roots goes first.
    low = text.casefold()
    for match in _ASSIGNMENT.finditer(text) if any(map(low.__contains__, _ROOTS)) else ():
        name = "quoted" if match["quoted"] is not None else "bare"
        value = match[name]
        if name == "bare":  # the full stop ends the sentence around it
            value = value.rstrip(".。")
        if len(value) >= 4 and not _NO_SECRET.fullmatch(value) and not _is_prose(value, name):  # noqa: PLR2004
            yield Span(match.start(name), match.start(name) + len(value), "PASSWORD")
    for match in _STATEMENT.finditer(text) if any(map(low.__contains__, _ROOTS)) else ():
        value = match["value"].rstrip(".,;:。")
        if not _NO_SECRET.fullmatch(value):
            yield Span(match.start("value"), match.start("value") + len(value), "PASSWORD")


def _is_prose(value: str, how: str) -> bool:
    """Recognise a word of a sentence, as in ``password: please``; a password of one short word looks the same."""
    return how == "bare" and _SENTENCE.fullmatch(value) is not None and len(value) < 8  # noqa: PLR2004


def _decode(part: str) -> object:
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None

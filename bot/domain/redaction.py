"""Takes secrets out of text: those of known form, those behind a telling name, and those of our own configuration.

One redactor, `redact`, stands before everything that is kept or shown: chat, ledger, log, audit and terminal.
"""

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from urllib.parse import quote, unquote

from bot.domain.invisible import without_unseen, without_zero_width

STARS = "•••"
_NO_WORD = 16
"""So many letters behind "bearer" are a token: "authentication" has 14."""

Replacement = str | Callable[[re.Match[str]], str]

_SHORTEST = 6
"""A configured value shorter than this is too common a text to be starred wherever it stands."""

# Names whose values are secrets, as they end: `PGPASSWORD`, `x-api-key`, `aws_secret_access_key`.
# `plain`: the name is that of a secret and of nothing else. `other`: it may as well be that of a system or a check.
# The look ahead is for speed: how any of the names begins.
_NAME = r"""(?=[acdehijlmoprstwx_][acdehilnoprstuw-])(?:
  (?:pass(?:w(?:or)?d|phrase|code)|pwd|(?<![a-z0-9])pw(?![a-z])|secret|\botp|\bpass(?:key)?(?![a-z])
  |credential|(?:api|access|private|account|routing|signing|encryption|integration|license|master|shared|session|auth|service|ssh
     |deploy|admin|client|storage|webhook|host)[ _-]?key)(?P<plain>(?![\w-]))?
  |token(?!iz)|session[_-]?id|jsessionid|phpsessid|x-amz-signature
  |(?:signature|\bsig(?![a-z])|\b_?auth(?!or))(?P<other>))"""
# ... unless the name goes on like this: `tokens: 4096`, `token_type=bearer`, `secret_name`.
_TAIL = r"""(?!(?:s\b(?<!credentials)(?!\\*["'`]?\s*(?:=(?!\s*\d+\b)|:\s*\[?\\*["']))
  |less|[_-]?(?:type|count|name|expir|expiry|at\b|ttl|url|length|limit|version|policy
  |file|path|field|required|set\b)))[\w-]{0,24}"""
# Where a value ends, so that "none" is an absence and "none-shall-pass" is not.
_END = r"""(?=\.?(?:[\s"'`&<>|)\]}\\]|[,;:](?:[\s"'\\]|$|[\w.-]+=)|$))"""
# What is said of a secret, and what stands for one: the value is not there.
_SAID = rf"""(?!(?:required|missing|expired|invalid|incorrect|wrong|empty|unset|none|null|nil|true|false|not|is|was|must
  |has|authentication
  |(?:\[|(?:%2[027])+)?•••|\*{{3,}}){_END}|\$\{{\w+\}}|(?-i:\$[A-Z_][A-Z0-9_]*\b)|UNSET_)"""
# What is read of a system with such a name, after a blank: `auth: critical`, `auth: v41`, `auth: 503 since 02:41`.
# A number is a reading unless the name is plain; an ordinary word is one where the name may be another thing's.
_READING = rf"""(?!(?<=\s)(?:(?:ok|okay|up|down|critical|warning|normal|(?:un)?healthy|degraded|fail(?:ed|ing|s)?|passed
  |passing|error|unknown|(?:un)?reachable|unavailable|running|stopp(?:ed|ing)|start(?:ed|ing)|restarting|exited|dead
  |paused|ready|pending|waiting|idle|busy|slow|silent|stale|late|valid|verified|accepted|rejected|refused|denied|revoked
  |rotated|renewed|changed|unchanged|done|skipped|cancelled|resolved|acknowledged|deployed|rolled|added|removed
  |v\d[\d.]*(?:-[a-z]+[\d.]*)?|[\u2010-\u2015\u2026\u2190-\u2bff\U0001f300-\U0001faff]+
  |(?(plain)(?!)|(?:[-+~<>]?\d[\d,.:/%-]{{0,11}}[a-z%]{{0,3}}|[^\s"'`]{{1,60}}(?=\ (?:→|\\+u2192))))
  |(?(other)(?-i:\(?[A-Za-z][a-z]{{0,13}}|[A-Z]{{1,5}}|~)|(?!))){_END}
  |(?:gave|took|takes|answers|answered|timed|no|lost|cannot|could|did|does|will|would|had|are|were)\ [a-z]))"""
_BARE = r"""(?:[^\s"'`,;&<>]|[,;](?!\s|$|[\w.-]+=))+"""
_VALUE = rf"""{_SAID}(?:(?P<q1>[bru]?")(?:\\.|[^"\\]|"(?=\w))+|(?P<q2>[bru]?')(?:\\.|[^'\\]|'(?=\w))+
  |(?P<q3>\\+["'])(?:(?!(?<!\\)(?P=q3)).)+|(?P<list>\[\s*\\*["'][^\]]+)|(?P<bare>{_BARE}))"""


def _behind(match: re.Match[str]) -> str:
    """The name and the quotes stay, and brackets that only close what stands around."""
    found = match.groupdict("")
    opening = found["q1"] + found["q2"] + found["q3"] + found["list"][:1]
    bare = found["bare"]
    return f"{found['head']}{opening}{STARS}{bare[len(bare.rstrip(')]}')) :]}"


def _userinfo(match: re.Match[str]) -> str:
    """All to the last @: a password may hold one, and a slash, a quote or a blank too."""
    _, at, behind = match[0].rpartition("@")
    if at:
        return f"{STARS}@{behind}"
    return STARS if match["blank"] else match[0]


def _bearer(match: re.Match[str]) -> str:
    """All but a word of prose."""
    word = match[2].rstrip(".")
    return match[0] if word.isalpha() and word.islower() and len(word) < _NO_WORD else match[1] + STARS


def _basic(match: re.Match[str]) -> str:
    """Only what decodes to `user:password`: "basic settings" is prose."""
    try:
        pair = base64.b64decode(match[2] + "==")
    except ValueError:
        return match[0]
    return match[1] + STARS if b":" in pair else match[0]


@dataclass(frozen=True, slots=True)
class _Form:
    """One form of secret. `hints`: of these, in lower case, every text with the form holds at least one."""

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: Replacement = STARS


def _form(hints: str, pattern: str, replacement: Replacement = STARS) -> _Form:
    return _Form(tuple(hints.split()), re.compile(pattern, re.IGNORECASE | re.VERBOSE), replacement)


_FORMS = (
    _form(
        "private",
        r"""-----BEGIN\ [A-Z0-9 ]*PRIVATE\ KEY(?:\ BLOCK)?-----
        (?:(?:(?!-----BEGIN)[\s\S])*?-----END\ [A-Z0-9 ]*-----|[^"']*)""",
    ),
    # user:password of an address; the password reaches to the last @, and a token may stand alone.
    # The port of a page is no password, and the next address has its own.
    _form(
        "://",
        r"""(?<=://)(?:(?<!http://)(?<!https://)|(?![^\s/@:]*:\d{1,5}[/?\#,;"'<>|)\]]))[^\s/@:"'<>\[]*:
        (?:(?![,;|>][a-z][\w+.-]{0,20}://)[^\s"])+(?P<blank>\ [^\s"@/:]+(?=@))?""",
        _userinfo,
    ),
    _form(
        "%3a%2f%2f",
        r"""(?<=%3a%2f%2f)(?:(?!%2f|%40|%3a)[^\s"'&])*%3a(?!\d{1,5}(?:%2f|[^\w%]|$))[^\s"'&]{1,500}(?=%40)""",
    ),
    _form("://", r"(?<=://)[A-Za-z0-9_.~%-]{16,}(?=@)"),
    # Addresses that are themselves the right to post.
    _form(
        "hooks.",
        r"((?:https?://[\w.-]*\bhooks\.[\w.-]+|\bhooks\.[\w-]+\.(?:com|io|net|dev))/)[^\s\"'<>|)\\]+",
        rf"\g<1>{STARS}",
    ),
    _form("webhook", r"(https?://[^\s\"'<>\\]*?webhooks?(?:b2)?(?:\.[\w.-]+)?/)[^\s\"'<>|)\\]{16,}", rf"\g<1>{STARS}"),
    _form("pagerduty", r"(events\.(?:eu\.)?pagerduty\.com/integration/)\w{16,}", rf"\g<1>{STARS}"),
    _form("telegram bot", r"\b(?:bot)?\d{8,10}:[A-Za-z0-9_-]{35}\b"),
    # What a header says.
    _form(
        "authorization",
        r"""(authorization\\*["']?\s*[:=]\s*(?:[bru](?=["']))?\\*["']?\s*
        (?:(?:bearer|basic|token|digest|apikey|key|negotiate|flyv1|splunk|genieKey
        |aws4-hmac-sha256\ credential=|aws)\s*)?)
        [^\s"',;&<>\\]+""",
        rf"\g<1>{STARS}",
    ),
    _form("bearer", r"\b(bearer[\ \t]+)([A-Za-z0-9._~+/=-]{6,})", _bearer),
    _form("basic", r"\b(basic[\ \t]+)([A-Za-z0-9+/]{6,}={0,2})", _basic),
    _form("cookie", r"""\b((?:set-)?cookie\\*["']?\s*:\s*\\*["']?)[^\s"';\\]+(?:;\s*[^\s"';\\]+)*""", rf"\g<1>{STARS}"),
    _form("flyv1", r"\bFlyV1\ \S+"),
    # What a name says: key=value, YAML, JSON (escaped too), headers, query, shell flags, XML, SQL.
    _form(
        "pass pw secret token key credential session sessid sig auth otp",
        rf"""(?P<head>{_NAME}{_TAIL}(?:\\*["'`]?\s*(?:=>|:=|=|:)\s*(?:[|>][-+]?\s+|\{{\s*\\*["'](?:value|data)\\*["']\s*:\s*)?
        |(?:%(?:25)?2[27])?(?:%20)*%(?:25)?3[ad](?:%2[027])*)){_READING}{_VALUE}""",
        _behind,
    ),
    # A pair of a program, and a name with its value beside it: ("password", "x"), {"name": "password", "value": "x"}.
    _form(
        """(' (" (b' (b" (\\""",
        rf"""(?P<head>\(\s*b?\\*["'][\w.-]{{0,40}}?(?:{_NAME}|authorization|cookie){_TAIL}\\*["']\s*,\s*
        (?=b?\\*["'])){_VALUE}""",
        _behind,
    ),
    _form(
        "value",
        rf"""(?P<head>\b(?:key|name|id)\\*["']?\s*[:=]\s*\\*["']?[\w.-]{{0,40}}?{_NAME}{_TAIL}\\*["']?[\s,]+
        \\*["']?value\\*["']?\s*[:=]\s*){_VALUE}""",
        _behind,
    ),
    _form(
        "secret token passw _key",
        r"""((?-i:\b[A-Z][A-Z0-9_]{0,60}(?:SECRET|TOKEN|PASSWORD|PASSWD|_KEY)[A-Z0-9_]{0,24})[\ \t]+\\*["']?)
        (?=[^\s"'\\]*\d)[^\s"'\\]{8,}""",
        rf"\g<1>{STARS}",
    ),
    _form(
        "passw secret token credential key",
        r"""(\b(?:passw(?:or)?d|secret|token|credential|(?:api|access|auth)[ _-]?key)(?:\s+(?:is|was))?[\s:=]+[\\"'`]*)
        [0-9a-f]{32}\b""",
        rf"\g<1>{STARS}",
    ),
    _form(
        "--pass --secret --token --api --auth --access --client -password -token -secret -key",
        rf"""(?P<head>(?<![\w-])--?[\w-]{{0,24}}?(?:{_NAME})[\w-]{{0,24}}\s+(?!-)){_VALUE}""",
        _behind,
    ),
    _form("</", rf"(<[\w:.-]{{0,24}}?(?:{_NAME})[\w:.-]{{0,24}}>)[^<]+(?=</)", rf"\g<1>{STARS}"),
    _form(
        "password identified",
        r"""(\b(?:password|identified\s+by)\s+(?:e|n|u&)?)(['"])(?:(?!\2).)+\2""",
        rf"\g<1>\g<2>{STARS}\g<2>",
    ),
    _form(
        "mysql mariadb sshpass docker podman",
        r"""(\b(?:mysql\w*|mariadb\w*|sshpass|(?:docker|podman)\b[^|;&\n]{0,80}?\ login)\b[^|;&\n]{0,200}?\s-p\s?["']?)
        (?!\d+\b)[^\s"']+""",
        rf"\g<1>{STARS}",
    ),
    _form(
        "redis-cli valkey-cli", r"(\b(?:redis|valkey)-cli\b[^|;&\n]{0,200}?\s-a\s+)[\"']?[^\s\"']+", rf"\g<1>{STARS}"
    ),
    _form("curl wget", r"(\bcurl\b[^|;\n]{0,200}?\s(?:-u|--user)[\s=]?[\"']?[^\s:\"']*:)[^\s\"']+", rf"\g<1>{STARS}"),
    _form(
        "auth",
        r"(?-i:((?:^|[\s\"'>])AUTH\s+(?:[\w-]+\s+)?)(?!\w+\s+(?:failed|error)|[a-z]+\b\s)[^\s\"']{6,}$)",
        rf"\g<1>{STARS}",
    ),
    _form(
        "auth",
        r"""((?-i:\bAUTH)(?:\s+default\s+\\*["']?|\\*["']\s+\\*["']|\s+(?=[^\s"']*\d[^\s"']*(?<=\S{6}))))[^\s"'\\]+(?:\\*["']\s+\\*["'][^\s"'\\]+)?""",
        rf"\g<1>{STARS}",
    ),
    _form(
        "requirepass masterauth",
        rf"""(\b(?:requirepass|masterauth)\\*["']?\s+\\*["']?){_SAID}[^\s"'\\]+""",
        rf"\g<1>{STARS}",
    ),
)
# Prefixes that vendors give their tokens, so that they are recognised; case counts.
_VENDORS = re.compile(
    r"""(?<![A-Za-z0-9])(?:
    xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]+ | xapp-[A-Za-z0-9-]+                                   # Slack
  | (?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])                       # AWS
  | (?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]+ | whsec_[A-Za-z0-9+/=]{8,}                           # Stripe, Svix
  | gh[pousr]_[A-Za-z0-9]{16,} | github_pat_[A-Za-z0-9_]{16,}                                    # GitHub
  | gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_-]{16,}                                     # GitLab
  | AIza[A-Za-z0-9_-]{30,} | ya29\.[A-Za-z0-9._-]{16,} | GOCSPX-[A-Za-z0-9_-]{16,}               # Google
  | npm_[A-Za-z0-9]{30,} | pypi-[A-Za-z0-9_-]{16,} | dckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}         # registries
  | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,} | key-[0-9a-f]{32} | re_[A-Za-z0-9_]{8,}          # mail
  | (?:SK|AC)[0-9a-f]{32}                                                                        # Twilio
  | nf[pcou]_[A-Za-z0-9]{8,} | f[mo][12]r?_[A-Za-z0-9+/=,_-]{16,} | vc[pika]_[A-Za-z0-9]{16,}    # hosts
  | sbp_[a-z0-9]+ | sb_(?:secret|publishable)_[A-Za-z0-9_-]+ | napi_[a-z0-9]{16,}                # databases
  | sk-[A-Za-z0-9_-]{16,} | hf_[A-Za-z0-9]{16,}                                                  # models
  | shp(?:at|ss|ca|pa)_[a-fA-F0-9]{16,} | sq0(?:atp|csp)-[A-Za-z0-9_-]{16,}                      # shops
  | do[opr]_v1_[a-f0-9]{16,} | HRKU-[A-Za-z0-9_-]{16,} | hv[sbr]\.[A-Za-z0-9_-]{16,}
  | [A-Za-z0-9]{8,}\.atlasv1\.[A-Za-z0-9_-]{16,} | pul-[a-f0-9]{16,} | dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9]{16,}
  | AGE-SECRET-KEY-1[A-Z0-9]{16,}
  | lin_api_[A-Za-z0-9]{16,} | ntn_[A-Za-z0-9]{16,} | sntry[su]_[A-Za-z0-9_=+/-]{16,} | NRAK-[A-Z0-9]{16,}
  | gls?[ac]_[A-Za-z0-9_=+/-]{16,} | eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?  # Grafana, JWT
  )""",
    re.VERBOSE,
)

_LONG = 32
_WORD = re.compile(r"[A-Za-z0-9_-]{32,}")
_BASE64 = re.compile(r"(?i)(?<![a-z0-9+/%])(?=[a-z0-9]*(?:[+/]|%2[bf]))(?:[a-z0-9+/]|%2[bf]){40,}(?:=|%3d){0,2}")
# Ids that look like keys: a commit, a trace or a digest in hexadecimal, ULID, cuid.
_ID = re.compile(
    r"[0-9a-f]{24}|[0-9a-f]{32}|[0-9A-F]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9A-HJKMNP-TV-Z]{26}|c[a-z0-9]{24}"
)


def _changes(text: str, kinds: Callable[[str], object]) -> float:
    """How often the kind of character changes, of 1. Words change seldom, keys all the time."""
    row = [kinds(character) for character in text]
    return sum(a != b for a, b in pairwise(row)) / (len(row) - 1)


def _kind(character: str) -> tuple[bool, bool, bool]:
    return character.islower(), character.isupper(), character.isdigit()


def _word(match: re.Match[str]) -> str:
    """A long word is a key where a piece of it mixes letters and digits, or all of it mixes everything."""
    for piece in re.split("[-_]", match[0]):
        mixed = len(piece) >= 20 and not piece.isalpha() and not piece.isdigit()
        if mixed and not _ID.fullmatch(piece) and _changes(piece, lambda it: it.isdigit()) >= 0.12:
            return STARS
    letters = re.sub("[-_]", "", match[0])
    if letters.islower() or letters.isupper() or letters.isalpha() or letters.isdigit():
        return match[0]
    return STARS if _changes(letters, _kind) >= 0.4 else match[0]


def _base64(match: re.Match[str]) -> str:
    return STARS if _changes(match[0], _kind) >= 0.4 else match[0]


_OFTEN, _REMEMBERED = 128, 512
"""How long a text is at most, in characters, that is remembered with what became of it, and how many such."""


class Redactor:
    """Stars secrets in text: those of the forms above, and the values that it was told to keep."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.keep(secrets)

    def keep(self, secrets: Iterable[str]) -> None:
        """Star exactly these values from now on, also as they are written in an address."""
        kept = {form for value in secrets for form in (value, quote(value, safe=""), unquote(value))}
        self._values = sorted((value for value in kept if len(value) >= _SHORTEST), key=len, reverse=True)
        # A log and the bot's own sentences say the same few words again and again.
        self._often = lru_cache(_REMEMBERED)(self._starred)

    def __call__(self, text: str) -> str:
        """The text with every secret starred, also one that is split by what nobody sees."""
        if (
            not text.isascii()
            and (bare := without_zero_width(text)) != text
            and (starred := self._starred(bare)) != bare
        ):
            return starred
        return self._often(text) if len(text) <= _OFTEN else self._starred(text)

    def _starred(self, text: str) -> str:
        for value in self._values:
            if value in text:
                text = text.replace(value, STARS)
        low = text.lower()
        for form in _FORMS:
            for hint in form.hints:
                if hint in low:
                    text = form.pattern.sub(form.replacement, text)
                    break
        text = _VENDORS.sub(STARS, text)
        if len(text) >= _LONG:
            text = _BASE64.sub(_base64, _WORD.sub(_word, text))
        return text


redact = Redactor()
"""The one of this process; the start tells it the configured secrets."""


def presentable(text: str) -> str:
    """The text as it may be kept and shown: without secrets, and without characters that nobody sees."""
    return redact(without_unseen(text))


_WHOLE_NAME = re.compile(rf"{_NAME}{_TAIL}$", re.IGNORECASE | re.VERBOSE)
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSPHRASE|PASSWD|CREDENTIAL|_KEY($|_)|API_?KEY|ROUTING|HEARTBEAT_URL"
)
_NO_SECRET_NAME = re.compile(r"_(ID|FILE|PATH|NAME|TYPE)$")
_PASSWORD = re.compile(r"://[^\s/@:]*:(.+)@", re.DOTALL)
_NEXT_ADDRESS = re.compile(r"[\s,;|](?=[A-Za-z][\w+.-]*://)")


@cache
def is_secret_name(name: str) -> bool:
    """Whether a value of this name is a secret, whatever it looks like."""
    return _WHOLE_NAME.search(name) is not None


def secrets_of(environment: Iterable[tuple[str, str]]) -> list[str]:
    """The secret values among environment variables, by their names, and the passwords in their addresses."""
    found = []
    for name, value in environment:
        if _SECRET_NAME.search(name) and not _NO_SECRET_NAME.search(name):
            found.append(value)
        found += passwords_of(value)
    return found


def passwords_of(address: str) -> list[str]:
    """The password of an address, to its last @, where it holds one; of each, where several stand in a row."""
    return [match[1] for part in _NEXT_ADDRESS.split(address) if (match := _PASSWORD.search(part))]

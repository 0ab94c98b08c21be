"""Secrets never reach a channel, a log or the audit; ids that people need to read stay."""

import base64
import json
import sys
import time
import unicodedata
import weakref
from collections.abc import Callable
from importlib.util import find_spec, module_from_spec
from urllib.parse import quote

import pytest

from bot.domain.invisible import without_zero_width
from bot.domain.redaction import STARS, Redactor, passwords_of, presentable, redact, secrets_of
from tests.domain.secret_forms import BARE, INNOCENT, NAMED, NAMES, PEM

_BEFORE, _AFTER = "worker-3 said", "on attempt 2"


def _json(text: str) -> str:
    return json.dumps({"before": _BEFORE, "message": text, "after": _AFTER})


def _json_in_json(text: str) -> str:
    return json.dumps({"body": _json(text)})


def _yaml(text: str) -> str:
    return f"first: {_BEFORE}\nnote: {text}\nlast: {_AFTER}\n"


def _shell(text: str) -> str:
    return f"echo {_BEFORE} && run-it {text} 2>&1 | tee {_AFTER}"


def _log_line(text: str) -> str:
    return f"2026-10-19T03:02:11Z ERROR {_BEFORE}: {text}\n  {_AFTER}"


def _header(text: str) -> str:
    return f"Host: db.example\r\nX-Note: {text}\r\nX-From: {_BEFORE}, {_AFTER}\r\n"


def _traceback(text: str) -> str:
    return f'Traceback (most recent call last):\n  File "a.py", line 3, in {_BEFORE}\nValueError: {text}\n\n{_AFTER}'


def _python(text: str) -> str:
    return repr({"before": _BEFORE, "value": text, "after": _AFTER})


CONTEXTS = (_json, _json_in_json, _yaml, _shell, _log_line, _header, _traceback, _python)


def _query(token: str) -> str:
    return f"GET https://api.example/v1/items?state={_BEFORE}&x={quote(token, safe='')}&page=2 {_AFTER}"


def _assignment(token: str) -> str:
    return f"{_BEFORE} VALUE={token} {_AFTER}"


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda it: it.__name__.strip("_"))
@pytest.mark.parametrize(("text", "secret"), [*BARE, *NAMED])
def test_a_secret_is_starred_in_every_context(context: Callable[[str], str], text: str, secret: str) -> None:
    """In JSON, JSON in JSON, YAML, a shell line, a log line, a header, a traceback, a value of Python."""
    given = context(text)

    shown = Redactor()(given)

    assert secret not in shown
    assert STARS in shown
    assert "worker-3" in shown
    assert "attempt" in shown


@pytest.mark.parametrize("context", [_query, _assignment], ids=["an address's query", "an assignment"])
@pytest.mark.parametrize(("text", "secret"), BARE)
def test_a_secret_of_known_form_needs_no_name(context: Callable[[str], str], text: str, secret: str) -> None:
    """Its form alone tells it, also where the parameter's name says nothing."""
    shown = Redactor()(context(text))

    assert secret not in shown
    assert quote(secret, safe="") not in shown
    assert "worker-3" in shown


def test_the_corpus_is_as_large_as_promised() -> None:
    """At least 60 forms in at least 5 contexts."""
    assert len(BARE) + len(NAMED) >= 60
    assert len(CONTEXTS) >= 5


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda it: it.__name__.strip("_"))
@pytest.mark.parametrize("text", INNOCENT)
def test_what_people_need_to_read_stays(context: Callable[[str], str], text: str) -> None:
    """Commits, ids of deploys, UUIDs, versions, digests, plain prose about passwords."""
    given = context(text)

    assert given == Redactor()(given)


@pytest.mark.parametrize(("text", "secret"), [*BARE, *NAMED])
def test_starring_twice_is_starring_once(text: str, secret: str) -> None:
    """A text passes several places that redact."""
    once = Redactor()(text)

    assert secret not in once
    assert once == Redactor()(once)


def test_an_address_loses_its_password() -> None:
    """User and password go, host and database stay, since they tell which one."""
    assert f"postgresql://{STARS}@db:5432/app" == Redactor()("postgresql://app:hunter2@db:5432/app")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("correct/horse+1", id="as it is"),
        pytest.param("correct%2Fhorse%2B1", id="as an address writes it"),
    ],
)
def test_a_configured_value_is_starred_wherever_it_stands(written: str) -> None:
    """Even where its form says nothing."""
    assert f"routing {STARS} refused" == Redactor(["correct/horse+1"])(f"routing {written} refused")


def test_short_values_are_not_starred() -> None:
    """A secret of three letters would star half of every sentence; six are the fewest that are starred."""
    assert "the app is up" == Redactor(["app"])("the app is up")
    assert "route is up" == Redactor(["route"])("route is up")
    assert f"{STARS} is up" == Redactor(["router"])("router is up")


@pytest.mark.parametrize("inner", ["horse-1", "battery"])
def test_a_configured_value_within_another_leaves_nothing_of_it(inner: str) -> None:
    """The longer one goes first, whichever of them comes first in the alphabet."""
    assert f"with {STARS} sent" == Redactor([inner, f"correct-{inner}-x"])(f"with correct-{inner}-x sent")
    assert f"with {STARS} sent" == Redactor([f"{inner}-x"])(f"with {inner}-x sent")


class _Said(str):
    """A text of which one can see whether anybody still holds it."""

    __slots__ = ("__weakref__",)


@pytest.mark.parametrize(("length", "held"), [(128, True), (129, False)])
def test_only_short_texts_are_remembered(length: int, held: bool) -> None:
    """A log repeats its short texts; long ones would fill the memory."""
    redactor, said = Redactor(), _Said("-" * length)
    seen = weakref.ref(said)

    redactor(said)
    del said

    assert held is (seen() is not None)


def test_what_was_said_long_ago_is_forgotten() -> None:
    """A process that runs for months holds no more than its last few hundred texts."""
    redactor, said = Redactor(), _Said("job 0 done")
    seen = weakref.ref(said)

    redactor(said)
    del said
    for number in range(1, 1000):
        redactor(f"job {number} done")

    assert seen() is None


def test_characters_that_nobody_sees_hide_no_secret() -> None:
    """A name that is written backwards, or a key with a gap of no width."""
    assert f"gpj.exe and {STARS}" == presentable("\u202egpj.exe\u202c and xoxb-12\u200b34-abcdef")


@pytest.mark.parametrize("sign", ["\u00ad", "\u200c", "\u200d", "\u2064", "\ufe0f", "\U000e0020", "\U000e0100"])
def test_a_sign_of_no_width_hides_no_secret(sign: str) -> None:
    """Soft hyphens, joiners, invisible operators, variation selectors and tags, in a key and in a kept value."""
    assert f"key {STARS}" == presentable(f"key xoxb-12{sign}34-abcdef")
    assert f"key {STARS}" == Redactor(["hunter22"])(f"key hunt{sign}er22")


def test_joined_emoji_stay_joined_where_there_is_no_secret() -> None:
    """A joiner and a variation selector are meant there."""
    family = "\U0001f468\u200d\U0001f469 \u26a0\ufe0f"

    assert family == presentable(family)


def test_every_format_character_is_of_no_width() -> None:
    """As the Unicode database of this Python has them."""
    formats = [sign for sign in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(sign) == "Cf"]

    assert "" == without_zero_width("".join(formats))


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("postgres://app:pa/ss22w0rd@db/x", ["pa/ss22w0rd"]),
        ("postgres://app:p@'<s s@db/x", ["p@'<s s"]),
        ("redis://:one-11@a,redis://:two-22@b", ["one-11", "two-22"]),
        ("http://app:8080", []),
    ],
)
def test_the_password_of_an_address_reaches_to_its_last_at(address: str, found: list[str]) -> None:
    """Whatever stands in it; each of several addresses has its own."""
    assert found == passwords_of(address)


def test_a_key_without_its_end_takes_what_follows() -> None:
    """A cut text: nobody knows where the key ends."""
    assert f"key: {STARS}" == Redactor()(f"key: {PEM[:100]}")


_AROUND = [
    ("PASSWORD=hunter22", f"PASSWORD={STARS}"),
    ("connect(password=hunter22) failed", f"connect(password={STARS}) failed"),
    ('password="hunter22"', f'password="{STARS}"'),
    ("password='hunter22'", f"password='{STARS}'"),
    (r"{\"password\": \"hunter22\"}", rf"{{\"password\": \"{STARS}\"}}"),
    ('{"password": ["hunter22", "hunter33"]}', f'{{"password": [{STARS}]}}'),
]


@pytest.mark.parametrize(("given", "shown"), _AROUND)
def test_what_stands_around_a_secret_stays(given: str, shown: str) -> None:
    """The name, and the quotes and brackets, so that the text reads and parses as before."""
    assert shown == Redactor()(given)


def test_a_process_that_starts_puts_the_forms_together() -> None:
    """The module, read anew, stars as this one does."""
    spec = find_spec("bot.domain.redaction")
    assert spec is not None
    assert spec.loader is not None
    anew = module_from_spec(spec)

    spec.loader.exec_module(anew)

    assert [shown for _, shown in _AROUND] == [anew.redact(given) for given, _ in _AROUND]


@pytest.mark.parametrize(
    ("piece", "is_key"),
    [
        pytest.param("a1b2c3d4e5f6g7h8i9j0", True, id="20 characters"),
        pytest.param("a1b2c3d4e5f6g7h8i9j", False, id="19 characters"),
        pytest.param("abcdefgh12ijklmnopqrstuv34", True, id="3 changes in 26 characters"),
        pytest.param("abcdefgh12ijklmnopqrstuvw34", False, id="3 changes in 27 characters"),
    ],
)
def test_a_long_piece_that_mixes_letters_and_digits_is_a_key(piece: str, is_key: bool) -> None:
    """Of 20 characters or more, and with a change at every eighth or so."""
    word = f"{piece}-on-worker-three"

    assert f"got {STARS if is_key else word}" == Redactor()(f"got {word}")


@pytest.mark.parametrize(
    "word",
    [
        "aaAAA-" * 7 + "1",
        "11AAA-" * 7 + "a",
        "11aaa-" * 7 + "A",
        "aa///" * 8 + "a",
        "AA///" * 8 + "A",
        "11///" * 8 + "1",
    ],
)
def test_what_changes_its_kind_twice_in_five_characters_is_a_key(word: str) -> None:
    """Small and capital letters, digits and signs are four kinds; with one character more it changes too seldom."""
    longer = word + word[-1]

    assert f"got {STARS}" == Redactor()(f"got {word}")
    assert f"got {longer}" == Redactor()(f"got {longer}")


def test_a_key_needs_no_sentence_around_it() -> None:
    """The shortest that is known by its mixture alone has 32 characters."""
    key = "aB3-" * 8

    assert STARS == Redactor()(key)
    assert key[:-1] == Redactor()(key[:-1])


@pytest.mark.parametrize("pair", [b"app:hunt", b"app:hunte", b"app:hunter"])
def test_a_basic_credential_is_one_whatever_its_padding(pair: bytes) -> None:
    """Some programs leave it out, and a cut or doubled text has the wrong one."""
    written = base64.b64encode(pair).decode().rstrip("=")

    for padding in ("", "=", "=="):
        assert f"with Basic {STARS} sent" == Redactor()(f"with Basic {written}{padding} sent")


def test_a_short_token_needs_no_sentence_around_it() -> None:
    """Its prefix tells it, alone as well as among words."""
    assert STARS == Redactor()("xoxb-1")
    assert f"with {STARS} sent" == Redactor()("with xoxb-1 sent")


def test_basic_is_a_word_too() -> None:
    """Only what decodes to a user and a password is a credential."""
    pair = base64.b64encode(b"app:hunter2").decode()

    assert f"Basic {STARS}; basic settings" == Redactor()(f"Basic {pair}; basic settings")


def test_secret_values_are_found_by_name_and_in_addresses() -> None:
    """Tokens, keys and passwords of the environment; addresses give up their password only."""
    environment = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "APP_URL": "http://app:8080",
        "DATABASE_URL": "postgresql://app:hunter2@db/app",
        "R2_ACCESS_KEY_ID": "id",
        "TLS_KEY_FILE": "/etc/tls/key.pem",
        "STEWARD_HEARTBEAT_URL": "https://watch.example/ping/abc",
    }

    assert ["xoxb-1", "hunter2", "https://watch.example/ping/abc"] == secrets_of(environment.items())


@pytest.mark.parametrize(
    "part",
    [
        "password ",
        "curl -u ",
        "mysql ",
        "--a",
        "<pass",
        "://",
        "\\",
        '"',
        "eyJ",
        "aA1+",
        "https://hooks.",
        "://a:",
        "%3a%2f%2fa%3a",
        "-----BEGIN PRIVATE KEY-----",
        "http://a:b,",
        "password: [",
        "('password', ",
        "name=password ",
        "A_KEY ",
        '"AUTH" ',
        "AUTH a1",
        "docker ",
        "%22password%3A",
        "\u200d",
        "a b_",
        "- ",
    ],
)
def test_no_text_takes_long(part: str) -> None:
    """Every form is read in one pass: 50 kB of its beginning take tenths of a second, not minutes."""
    text = part * (50_000 // len(part))

    before = time.perf_counter()
    Redactor()(text)

    assert time.perf_counter() - before < 5


@pytest.mark.parametrize("name", NAMES)
def test_every_name_tells_a_secret(name: str) -> None:
    """Alone, at the end of a longer name, and in capitals."""
    for written in (name, f"x-{name}", name.upper()):
        assert f"{written}={STARS}" == redact(f"{written}=hunter22")


def test_a_signed_review_is_no_signature() -> None:
    """Prose about signing keeps its next word; a signature behind its name does not stay."""
    said = "The review was not signed: approving needs the role approver."

    assert said == redact(said)
    assert "a1b2c3d4e5f6" not in redact("https://storage.example/x?sig=a1b2c3d4e5f6")

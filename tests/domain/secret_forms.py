"""The corpus of the redactor: secrets that must go, with the text that holds each, and innocents that must stay.

Values are made up at import, so that no scanner of repositories takes one of them for a lost key.
"""

import base64
import json
import random
import string

import pytest

_DRAW = random.Random(20261019)  # noqa: S311 - the same made-up values in every run
_ALNUM = string.ascii_letters + string.digits


def _some(length: int, letters: str = _ALNUM) -> str:
    """Random characters, every kind of `letters` among them."""
    return "".join(_DRAW.choice(letters) for _ in range(length))


def _hex(length: int) -> str:
    return _some(length, "0123456789abcdef")


def _case(name: str, text: str, secret: str = "") -> object:
    return pytest.param(text, secret or text, id=name)


_UPPER = string.ascii_uppercase + string.digits
_JWT = ".".join(
    base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
    for part in ('{"alg":"HS256","typ":"JWT"}', '{"sub":"1234567890","iat":1516239022}', _some(24))
)
_AWS_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY" + _some(10)
_BODY = _some(64, _ALNUM + "+/")
_HEX = "0a1b2c3d" * 3 + "4e5f6a7b"

BARE = [
    _case("Slack bot token", "xoxb-" + f"{_some(11, '0123456789')}-{_some(24)}"),
    _case("Slack user token", "xoxp-" + f"{_some(11, '0123456789')}-{_some(24)}"),
    _case("Slack refresh token", "xoxe-1-" + _some(40)),
    _case("Slack rotated token", "xoxe.xoxp-1-" + _some(40)),
    _case("Slack app token", "xapp-1-" + f"A{_some(9, _UPPER)}-{_some(12, '0123456789')}-{_hex(40)}"),
    _case("AWS access key", "AKIA" + _some(16, _UPPER)),
    _case("AWS temporary key", "ASIA" + _some(16, _UPPER)),
    _case("AWS secret, alone", _AWS_SECRET),
    _case("Stripe secret key", "sk_" + "live_" + _some(24)),
    _case("Stripe restricted key", "rk_" + "test_" + _some(24)),
    _case("Stripe webhook secret", "whsec_" + _some(32)),
    _case("GitHub personal token", "ghp_" + _some(36)),
    _case("GitHub server token", "ghs_" + _some(36)),
    _case("GitHub fine-grained token", "github_pat_" + _some(22) + "_" + _some(59)),
    _case("GitLab token", "glpat-" + _some(20)),
    _case("Google API key", "AIza" + _some(35)),
    _case("Google access token", "ya29." + _some(60)),
    _case("Google client secret", "GOCSPX-" + _some(28)),
    _case("npm token", "npm_" + _some(36)),
    _case("PyPI token", "pypi-" + _some(60)),
    _case("Docker Hub token", "dckr_pat_" + _some(27)),
    _case("SendGrid key", f"SG.{_some(22)}.{_some(43)}"),
    _case("Resend key", "re_" + _some(9)),
    _case("Mailgun key", "key-" + _hex(32)),
    _case("Twilio key", "SK" + _hex(32)),
    _case("Netlify token", "nfp_" + _some(36)),
    _case("Fly token", "fm2_" + _some(80)),
    _case("Supabase token", "sbp_" + _hex(40)),
    _case("Supabase secret key", "sb_secret_" + _some(31)),
    _case("Neon key", "napi_" + _some(64, string.ascii_lowercase + string.digits)),
    _case("model vendor's key", "sk-" + "proj-" + _some(48)),
    _case("Shopify token", "shpat_" + _hex(32)),
    _case("Vault token", "hvs." + _some(90)),
    _case("Terraform token", f"{_some(14)}.atlasv1.{_some(60)}"),
    _case("Linear key", "lin_api_" + _some(40)),
    _case("Sentry token", "sntrys_" + _some(60)),
    _case("Grafana token", "glsa_" + _some(32) + "_" + _hex(8)),
    _case("New Relic key", "NRAK-" + _some(27, _UPPER)),
    _case("JWT", _JWT),
    _case("age key", "AGE-SECRET-KEY-1" + _some(58, _UPPER)),
    _case("key of random letters and digits", _some(43)),
    _case("key in base64url", "Ab3_dE-9xK2" + _some(32, _ALNUM + "-_")),
    _case("line of a PEM body", _BODY[:31] + "+/" + _BODY[31:]),
]

_PASSWORD = "hunter2!x"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{_BODY}\n{_BODY}\n-----END RSA PRIVATE KEY-----"
_BASIC = base64.b64encode(b"app:hunter2!x").decode()

NAMED = [
    _case("password of a connection string", f"postgresql://app:{_PASSWORD}@db:5432/app", _PASSWORD),
    _case("password with an @", "postgresql://app:p@ss@9x@db:5432/app", "ss@9x"),
    _case("password without a user", f"redis://:{_PASSWORD}@cache:6379/0", _PASSWORD),
    _case("password of SRV address", f"mongodb+srv://app:{_PASSWORD}@cluster0.example.net/app", _PASSWORD),
    _case("token as user of an address", "https://" + "f00dcafef00dcafef00d@git.example/a.git", "f00dcafef00dcafef00d"),
    _case("libpq connection string", f"host=db user=app password={_PASSWORD} dbname=app", _PASSWORD),
    _case("libpq with quotes", "host=db password='hunter 2!x' dbname=app", "hunter 2!x"),
    _case("JDBC address", f"jdbc:postgresql://db/app?user=app&password={_PASSWORD}", _PASSWORD),
    _case("environment variable", f"PGPASSWORD={_PASSWORD} psql -h db", _PASSWORD),
    _case("exported secret", f"export SECRET_KEY_BASE={_PASSWORD}", _PASSWORD),
    _case("password with a comma", "password=hun,ter;2x", "ter;2x"),
    _case("password in YAML", f"password: {_PASSWORD}", _PASSWORD),
    _case("password in JSON", json.dumps({"user": "app", "password": _PASSWORD}), _PASSWORD),
    _case("JSON with a quote in it", json.dumps({"password": 'hunt"er2'}), "er2"),
    _case("client secret", f"client_secret={_PASSWORD}&grant_type=password", _PASSWORD),
    _case("passphrase", f"passphrase: {_PASSWORD}", _PASSWORD),
    _case("API key header", f"X-Api-Key: {_PASSWORD}", _PASSWORD),
    _case("AWS secret by name", f"aws_secret_access_key = {_PASSWORD}", _PASSWORD),
    _case("camel case name", f"secretAccessKey={_PASSWORD}", _PASSWORD),
    _case("routing key", f"routing_key={_PASSWORD}", _PASSWORD),
    _case("Azure account key", f"AccountName=a;AccountKey={_PASSWORD};EndpointSuffix=x", _PASSWORD),
    _case("signature of an address", f"https://s3.example/b?X-Amz-Expires=60&X-Amz-Signature={_PASSWORD}", _PASSWORD),
    _case("access token of a query", f"https://api.example/v1?access_token={_PASSWORD}&x=1", _PASSWORD),
    _case("signature of a shared address", f"https://a.example/c?sv=2024&sig={_PASSWORD}", _PASSWORD),
    _case("bearer", "Authorization: Bearer abc.def-123456", "abc.def-123456"),
    _case("bearer without its header", "sent bearer abc.def-123456 to it", "abc.def-123456"),
    _case("basic", f"Authorization: Basic {_BASIC}", _BASIC),
    _case("basic without its header", f"with Basic {_BASIC}", _BASIC),
    _case("another scheme", f"Authorization: Token {_PASSWORD}", _PASSWORD),
    _case("cookie", f"Cookie: theme=dark; sid={_PASSWORD}", _PASSWORD),
    _case("set-cookie", f"Set-Cookie: sid={_PASSWORD}; HttpOnly", _PASSWORD),
    _case("session id", f"session_id={_PASSWORD}", _PASSWORD),
    _case("Slack webhook", "https://hooks.slack.com/services/T01/B02/" + _some(12), "B02"),
    _case("Discord webhook", "https://discord.com/api/webhooks/123456789012/" + _some(20), "123456789012"),
    _case("PagerDuty address", "https://events.pagerduty.com/integration/r0ut1ngk3yr0ut1ngk3y/enqueue", "r0ut1ngk3y"),
    _case("Telegram bot", "https://api.telegram.org/bot123456789:" + "A" + _some(34) + "/getMe", "123456789:A"),
    _case("PEM key", PEM, _BODY),
    _case("shell flag", f"login --user app --password {_PASSWORD} --verbose", _PASSWORD),
    _case("shell flag with =", f"login --api-key={_PASSWORD} --verbose", _PASSWORD),
    _case("mysql's flag", f"mysql -h db -u app -p{_PASSWORD} app", _PASSWORD),
    _case("redis-cli's flag", f"redis-cli -h cache -a {_PASSWORD} ping", _PASSWORD),
    _case("curl's flag", f"curl -u app:{_PASSWORD} https://api.example", _PASSWORD),
    _case("XML", f"<password>{_PASSWORD}</password>", _PASSWORD),
    _case("SQL", f"alter role app with password '{_PASSWORD}'", _PASSWORD),
    _case("value of Python", repr({"password": _PASSWORD}), _PASSWORD),
    _case("bytes of Python", repr({"password": _PASSWORD.encode()}), _PASSWORD),
    _case("password with a slash", "postgres://app:pa/ss22w0rd@db/x", "ss22w0rd"),
    _case("password that begins like a port", "postgres://app:12/ss22w0rd@db/x", "ss22w0rd"),
    _case("password with an apostrophe", "postgres://app:pa'ss22w0rd@db/x", "ss22w0rd"),
    _case("password with a bracket", "postgres://app:pa<ss22w0rd@db/x", "ss22w0rd"),
    _case("password with a blank", "postgres://app:pa ss22w0rd@db/x", "ss22w0rd"),
    _case("second of two addresses", "redis://:a@one:6379,redis://:ss22w0rd@two:6379", "ss22w0rd"),
    _case("password after an address with a port", "http://app:80/x,redis://:ss22w0rd@two:6379", "ss22w0rd"),
    _case("password of an encoded address", "next=redis%3A%2F%2Fu%3Ass22w0rd%40h%3A6379", "ss22w0rd"),
    _case("password of Redis", "CONFIG SET requirepass hunter22", "hunter22"),
    _case("password of Redis in quotes", '"CONFIG" "SET" "requirepass" "hunter22"', "hunter22"),
    _case("password of Redis for its primary", "masterauth hunter22", "hunter22"),
    _case("SQL with escapes", "ALTER ROLE a PASSWORD E'hunter22'", "hunter22"),
    _case("bearer of letters that ends a sentence", "sent Bearer abcdefghX.", "abcdefghX"),
    _case("AUTH as MONITOR shows it", '1339518083.1 [0 127.0.0.1:60866] "AUTH" "hunter22"', "hunter22"),
    _case("AUTH of a user as MONITOR shows it", '"AUTH" "app" "hunter22"', "hunter22"),
    _case("AUTH of the default user", "AUTH default hunter22", "hunter22"),
    _case("AUTH of the default user in quotes", "AUTH default 'hunter22'", "hunter22"),
    _case("AUTH in a sentence", "sent AUTH hunter22 to it", "hunter22"),
    _case("docker's flag behind another", "docker -H there login -u app -p hunter22 ghcr.io", "hunter22"),
    _case("variable and a quoted value", "AWS_SECRET_ACCESS_KEY 'wJalrXUtnFEMI/K7MDENG'", "wJalrXUtnFEMI"),
    _case("twice encoded =", "next=password%253Dhunter22", "hunter22"),
    _case("docker's flag", "docker login -u app -p hunter22 ghcr.io", "hunter22"),
    _case("mariadb's flag", "mariadb -u app -phunter22 app", "hunter22"),
    _case("password that begins like a denial", "password=not-a-hunter22", "hunter22"),
    _case("password that begins like an absence", "password=none-shall-pass-99", "shall-pass"),
    _case("password that begins like a truth", "password=true-blue-9931", "blue-9931"),
    _case("password that begins with stars", "password=***hunter22", "hunter22"),
    _case("pw", "pw=hunter22", "hunter22"),
    _case("pw in a name", "DB_PW=hunter22", "hunter22"),
    _case("secrets", "secrets=hunter22", "hunter22"),
    _case("tokens", "tokens=hunter22", "hunter22"),
    _case("API keys", "api_keys=hunter22", "hunter22"),
    _case("API key in words", "api key: hunter22", "hunter22"),
    _case("password in a list", '{"password":["one-1","hunter22"]}', "hunter22"),
    _case("password in an object", '{"password":{"value":"hunter22"}}', "hunter22"),
    _case("password in a pair", "('password', 'hunter22')", "hunter22"),
    _case("header in a pair of bytes", "(b'authorization', b'Bearer hunter22')", "hunter22"),
    _case("password as key and value", 'key="password" value="hunter22"', "hunter22"),
    _case("password as name and value", '{"name": "DB_PASSWORD", "value": "hunter22"}', "hunter22"),
    _case("encoded =", "next=password%3Dhunter22", "hunter22"),
    _case("encoded JSON", "q=%7B%22password%22%3A%22hunter22%22%7D", "hunter22"),
    _case("Slack webhook without scheme", "hooks.slack.com/services/T01/B02/hunter22", "hunter22"),
    _case("bearer of letters", "Bearer abcdefghijklmnop", "abcdefghijklmnop"),
    _case("variable and a blank", "AWS_SECRET_ACCESS_KEY wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI"),
    _case("32 hexadecimal digits of a secret's name", f"api_key={_HEX}", _HEX),
    _case("32 hexadecimal digits of a secret, said", f"the token is {_HEX}", _HEX),
    _case("PEM key with a quote in a header", PEM.replace("\n", '\nComment: "mine"\n\n', 1), _BODY),
    _case("auth of Redis", "auth: hunter22", "hunter22"),
    _case("number as a key", "api_key: 84812345", "84812345"),
    _case("number as a password", "password: 84812345", "84812345"),
    _case("words as a password", "passphrase: correct horse", "correct"),
]

NAMES = [
    *("password", "passwd", "passphrase", "passcode", "pwd", "pw", "secret", "otp", "pass", "passkey", "token", "auth"),
    *("credential", "session_id", "jsessionid", "phpsessid", "x-amz-signature", "signature", "sig"),
    *(
        f"{kind}_key"
        for kind in (
            *("api", "access", "private", "account", "routing", "signing", "encryption", "integration", "license"),
            *("master", "shared", "session", "auth", "service", "ssh", "deploy", "admin", "client", "storage"),
            *("webhook", "host"),
        )
    ),
]

INNOCENT = [
    pytest.param("5f1c0de5f1c0de5f1c0de5f1c0de5f1c0de5f1c0", id="git commit"),
    pytest.param("fix the import (5f1c0de)", id="short commit"),
    pytest.param("65f2c0b9d7e1a400081c2b3d", id="Netlify deploy"),
    pytest.param("65f2c0b9d7e1a400081c2b3d--shop.netlify.app", id="Netlify's address of a deploy"),
    pytest.param("123e4567-e89b-42d3-a456-426614174000", id="UUID"),
    pytest.param("01ARZ3NDEKTSV4RRFFQ69G5FAV", id="ULID"),
    pytest.param("v41.2.0-rc.1+build.20261019", id="version"),
    pytest.param("41, 8812345, 8812346", id="job ids of BullMQ"),
    pytest.param("repeat:5d41402abc4b:1760842800000", id="repeated job of BullMQ"),
    pytest.param("app@sha256:" + "0a1b2c3d" * 8, id="image digest"),
    pytest.param("0a1b2c3d4e5f", id="short container id"),
    pytest.param("ghcr.io/acme/newsletter-app:2026-10-19-142233-5f1c0de", id="image tag"),
    pytest.param("newsletter-campaign-worker-7d9f8b6c5d-x2x8z", id="pod"),
    pytest.param("Release-2026-10-19-HotfixCheckoutFlow-v2", id="release name"),
    pytest.param("event-loop-blocked-for-a-very-long-time-42", id="long word"),
    pytest.param("src/components/ComparativeReports2/QueueDepthView/index3", id="path"),
    pytest.param("password authentication failed for user app", id="prose about a password"),
    pytest.param("token expired, secret missing", id="prose about a token"),
    pytest.param("password: required", id="what a form says"),
    pytest.param("max_tokens=4096, token_type=bearer", id="counts of tokens"),
    pytest.param("password is ${DATABASE_PASSWORD}", id="name of a variable"),
    pytest.param("https://api.example/v1/items?page=2&state=failed", id="address"),
    pytest.param("GET http://127.0.0.1:8080/path?email=a@b.example", id="address with a port and an @ in its query"),
    pytest.param("basic settings of the bearer service", id="prose about schemes"),
    pytest.param("503 since 02:41, 1,240 waiting (critical > 200)", id="a reading"),
    pytest.param("POST /pagerduty/webhook", id="our own path"),
    pytest.param("redis://cache:6379/0", id="address of Redis without a password"),
    pytest.param("basic something, asked of the bearer service.", id="prose about schemes that ends a sentence"),
    pytest.param("A1B2C3D4-E5F6-4A7B-8C9D-0E1F2A3B4C5D", id="UUID in capitals"),
    pytest.param("getVmIdOfAwsEcAsWeDoInUsEuAfSaOrMe", id="name in camel case"),
    pytest.param("a-1-b-2-c-3-d-4-e-5-f-6-g-7-h-8-i", id="row of single signs"),
    pytest.param("arn:aws:s3:::acme-exports/2026/10/19/export-1.csv", id="ARN"),
    pytest.param("password-reset-emails: 1,240 waiting", id="reading of a queue named after passwords"),
    pytest.param("auth: critical", id="state of a system named auth"),
    pytest.param("token: unhealthy", id="state of a check named token"),
    pytest.param("auth: gave no answer within 4 s", id="silence of a system named auth"),
    pytest.param("newsletter-auth-1: exited (137)", id="state of a container named auth"),
    pytest.param("Roll back newsletter/auth: v41 → v40", id="rollback of a service named auth"),
    pytest.param("auth: 503 since 02:41", id="answer of a system named auth"),
    pytest.param("auth: 12% of 4 GiB", id="share of a system named auth"),
    pytest.param("auth: HTTP 503, database is slow (no answer)", id="words about a system named auth"),
    pytest.param("auth: -3 ~ … — 🔴", id="signs about a system named auth"),
    pytest.param("newsletter/auth: 2026-10-19-142233-5f1c0de → 41aa02b", id="tags of a service named auth"),
    pytest.param("deploy key: added", id="what was done with a key"),
    pytest.param("passed: 12", id="count of what passed"),
    pytest.param("passenger: Smith", id="word that begins like pass"),
    pytest.param("signature: ok", id="state of a signature"),
    pytest.param("tokens: 4096 of 8192", id="count of tokens in words"),
    pytest.param("secrets: rotate them twice a year", id="prose about secrets"),
    pytest.param(_HEX, id="md5"),
    pytest.param(f"trace_id={_HEX} span=1", id="trace"),
    pytest.param(f"repeat:{_HEX}:1760842800000", id="repeated job of BullMQ with its digest"),
    pytest.param("http://app:8080/@scope/package", id="@ in a path after a port"),
    pytest.param("http%3A%2F%2Fapp%3A8080%2Fa%40b", id="encoded @ in a path after a port"),
    pytest.param("src/hooks.d/pre-commit", id="path with hooks"),
    pytest.param("docker run -p hunter:80 app", id="port of docker"),
    pytest.param("password is the key; AUTH is required here", id="prose about AUTH"),
    pytest.param("token: expired.", id="end of a sentence about a token"),
]

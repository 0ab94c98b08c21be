"""Health of a bucket, against a real S3 server in its states."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters import s3
from adapters.s3 import S3Bucket
from bot.domain.errors import TargetError, Unauthorized, Unreachable
from bot.local.lab.storage import Bucket
from tests.adapters.serving import silent, speaking


@pytest.fixture
async def vendor(tmp_path: Path, port: int) -> AsyncIterator[Bucket]:
    """A bucket of one object."""
    made = Bucket(tmp_path, "newsletter-assets", port, objects=1)
    await made.enter("up")
    yield made
    await made.enter("down")


def opened(address: str, name: str = "newsletter-assets", key: str = "k", secret: str = "s" * 20) -> S3Bucket:
    """The adapter, as wiring opens it."""
    fields = {"s3": address, "bucket": name, "access_key_id": key, "secret_access_key": secret}
    return s3.open(s3.Config.model_validate(fields))


async def test_a_bucket_in_its_states(vendor: Bucket) -> None:
    """It is there and ours; not ours (our own trouble); not there; and its server is down."""
    bucket = opened(vendor.url, key=vendor.access_key_id, secret=vendor.secret_access_key)

    up = await bucket.bucket()
    await vendor.enter("forbidden")
    with pytest.raises(Unauthorized, match=r"may not look at bucket newsletter-assets \(403\)"):
        await bucket.bucket()
    await vendor.enter("up")
    missing = opened(vendor.url, "no-such-bucket")
    with pytest.raises(Unreachable, match="there is no bucket no-such-bucket"):
        await missing.bucket()
    await vendor.enter("down")
    with pytest.raises(Unreachable, match="refuses the connection"):
        await bucket.bucket()

    assert "ms" == up.unit
    await bucket.close()
    await missing.close()


@pytest.mark.parametrize(
    ("said", "text"),
    [
        pytest.param(b"\x00\xff garbage\r\n\r\n", "broke off the connection", id="garbage"),
        pytest.param(b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\n\r\n", "answered 503", id="503"),
        pytest.param(b"", "broke off the connection", id="a closed connection"),
    ],
)
async def test_a_server_that_answers_badly_is_one_of_our_errors(said: bytes, text: str) -> None:
    """boto3's own errors go no further, and neither does the key."""
    async with speaking(said) as port:
        bucket = opened(f"http://127.0.0.1:{port}", key="AKIAHUNTER2")
        with pytest.raises(TargetError, match=text) as caught:
            await bucket.bucket()
        await bucket.close()

    assert "HUNTER2" not in str(caught.value)


async def test_a_server_that_never_answers_holds_neither_the_loop_nor_other_buckets(
    vendor: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bucket has threads of its own, so a silent one delays nobody, and it ends in time."""
    monkeypatch.setattr(s3, "SECONDS", 1.0)
    async with silent() as port:
        slow = opened(f"http://127.0.0.1:{port}")
        quick = opened(vendor.url, key=vendor.access_key_id, secret=vendor.secret_access_key)
        waiting = [asyncio.create_task(slow.bucket()) for _ in range(6)]

        await quick.bucket()

        assert not any(task.done() for task in waiting)
        for task in waiting:
            with pytest.raises(Unreachable, match="no answer within 1 s"):
                await task
        await slow.close()
        await quick.close()


async def test_the_default_executor_is_not_used(vendor: Bucket) -> None:
    """The loop resolves names there, which blocked calls would stall."""
    bucket = opened(vendor.url, key=vendor.access_key_id, secret=vendor.secret_access_key)

    await bucket.bucket()

    assert getattr(asyncio.get_running_loop(), "_default_executor", None) is None
    await bucket.close()


async def test_boto3_is_loaded_by_the_first_call_alone() -> None:
    """Starting the bot and `steward --help` must not pay for it."""
    code = (
        "import sys, adapters.s3 as s3, adapters.bullmq, adapters.compose, adapters.netlify, adapters.postgres;"
        "s3.open(s3.Config(s3='http://h', bucket='b', access_key_id='k', secret_access_key='s'));"
        "print(sorted({'boto3', 'botocore', 'bullmq'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()

    assert b"[]\n" == out

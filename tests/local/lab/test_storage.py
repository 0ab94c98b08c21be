"""Object storage: a real S3 server in each of its states, by the client that the bot uses."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from bot.local.lab.storage import Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
async def bucket(tmp_path: Path, port: int) -> AsyncIterator[Bucket]:
    """A bucket of twelve objects."""
    made = Bucket(tmp_path, "newsletter-assets", port, objects=12)
    await made.enter("up")
    yield made
    await made.enter("down")


def client_of(bucket: Bucket) -> "S3Client":
    """With the keys that the bot is given."""
    return boto3.client(
        "s3",
        endpoint_url=bucket.url,
        aws_access_key_id=bucket.access_key_id,
        aws_secret_access_key=bucket.secret_access_key,
        region_name="auto",
        config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}),
    )


async def status(bucket: Bucket) -> int:
    """The HTTP status of `HeadBucket`."""
    client = client_of(bucket)
    try:
        answer = await asyncio.to_thread(client.head_bucket, Bucket=bucket.name)
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    finally:
        client.close()
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


async def test_each_state_and_the_way_back(bucket: Bucket) -> None:
    """Forbidden is not missing, and "up" heals both, objects included."""
    seen = []
    for state in ("up", "forbidden", "up", "missing_bucket", "up"):
        await bucket.enter(state)
        seen.append(await status(bucket))

    assert seen == [200, 403, 200, 404, 200]
    client = client_of(bucket)
    listing = await asyncio.to_thread(client.list_objects_v2, Bucket=bucket.name)
    client.close()
    assert listing["KeyCount"] == 12


async def test_down_refuses_the_connection_and_up_is_healthy(bucket: Bucket) -> None:
    """The server really ends, and really starts again."""
    await bucket.enter("down")

    with pytest.raises(EndpointConnectionError):
        await status(bucket)
    await bucket.enter("up")

    assert await status(bucket) == 200


async def test_objects_can_be_set(bucket: Bucket) -> None:
    """More and fewer."""
    seen = []
    for wanted in (15, 3):
        await bucket.apply({"set": {"objects": wanted}})
        client = client_of(bucket)
        seen.append((await asyncio.to_thread(client.list_objects_v2, Bucket=bucket.name))["KeyCount"])
        client.close()

    assert seen == [15, 3]

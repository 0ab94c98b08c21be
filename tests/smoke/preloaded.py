"""What a bot imports until it has made its first round, for `forked.py`."""

import encodings.idna
import gc

import anyio._backends._asyncio
import boto3.s3
import botocore.signers
import httpcore
import psycopg

import adapters.kinds
import bot.cli
import bot.store.postgres
import bot.store.sqlite
import bot.wiring

gc.freeze()

"""What a bot has imported after its first round, for `forked.py`, and kept out of the way of the collector."""

import gc
import importlib

_NAMES = ("bot.cli", "bot.wiring", "bot.store.postgres", "bot.store.sqlite", "adapters.kinds")
_LATER = ("httpcore", "anyio._backends._asyncio", "boto3.s3.inject", "botocore.signers", "encodings.idna")

for name in (*_NAMES, *_LATER):
    importlib.import_module(name)
gc.freeze()

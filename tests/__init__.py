"""Tests, mirrored to the code; `tests/smoke` is what people see."""

"""A validation error in our words, at its line, with the nearest key that exists."""

from typing import cast

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bot.config.source import Place, Problem, Source
from bot.domain.nearest import did_you_mean


def explained(detail: ErrorDetails, above: Place, model: type[BaseModel], source: Source) -> Problem:
    """A pydantic error in our words, at its line; a value that came from the environment is never repeated."""
    place = (*above, *detail["loc"])
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        valid = _keys_at(model, detail["loc"][:-1])
        hint = did_you_mean(key, valid, f"known keys: {', '.join(sorted(valid))}")
        return source.problem(place, f"unknown key {key}; {hint}")
    if detail["type"] == "missing":
        return source.problem(place, f"the key {key} is missing; add it")
    name = ".".join(str(part) for part in place if part != "[key]")
    if detail["type"] == "too_short":
        return source.problem(place, f"{name} is empty; name at least one")
    if any(place[:length] in source.secret for length in range(len(place) + 1)):
        return source.problem(
            place, f"the value of {name}, read from the environment, is not valid ({detail['type']}); correct it"
        )
    return source.problem(place, f"{name}: {detail['msg'].removeprefix('Value error, ')}")


def _keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that the model allows at a place, found by walking the JSON Schema."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolved(node: dict[str, object]) -> dict[str, object]:
        for option in cast("list[dict[str, object]]", node.get("anyOf", [])):
            if "$ref" in option:
                node = option
        while "$ref" in node:
            node = definitions[str(node["$ref"]).rsplit("/", 1)[-1]]
        return node

    node = resolved(schema)
    for part in place:
        properties = cast("dict[str, dict[str, object]]", node.get("properties", {}))
        onward = (
            properties.get(str(part))
            or node.get("items")
            or node.get("additionalProperties")
            or node.get("patternProperties")
        )
        if isinstance(onward, dict) and "patternProperties" in node and onward is node["patternProperties"]:
            onward = next(iter(onward.values()), {})
        if not isinstance(onward, dict):
            return []
        node = resolved(onward)
    return list(cast("dict[str, object]", node.get("properties", {})))

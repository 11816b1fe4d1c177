"""Holds the schemas of nextflow/ and snakemake/ to good and bad input, to each other, and to chain.sh.

    python3 tests/check_schemas.py CHECKOUT
"""

import csv
import json
import re
import sys
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

root = Path(sys.argv[1])


def schema(path):
    text = (root / path).read_text()
    loaded = json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
    Draft202012Validator.check_schema(loaded)
    return Draft202012Validator(loaded), loaded


def good(validator, value):
    errors = [error.message for error in validator.iter_errors(value)]
    assert not errors, (value, errors)


def bad(validator, value):
    assert not validator.is_valid(value), f"{value} was taken"


sheet, _ = schema("nextflow/assets/schema_input.json")
with open(root / "nextflow/assets/samplesheet.csv", newline="") as file:
    good(sheet, list(csv.DictReader(file)))
bad(sheet, [])
for row in (
    {"counts": "a.h5ad"},
    {"sample": "a"},
    {"sample": "a b", "counts": "a.h5ad"},
    {"sample": "-a", "counts": "a.h5ad"},
    {"sample": "a", "counts": ""},
    {"sample": "a", "counts": "a.h5ad", "modalities": "spliced=table/x"},
    {"sample": "a", "counts": "a.h5ad", "modalities": "spliced"},
):
    bad(sheet, [row])

params, loaded = schema("nextflow/nextflow_schema.json")
properties = {key: value for part in loaded["$defs"].values() for key, value in part["properties"].items()}
defaults = {key: value["default"] for key, value in properties.items() if "default" in value}
good(params, defaults | {"input": "sheet.csv", "outdir": "out"})
for wrong in ({"epochs": -1}, {"preset": "huge"}, {"shards": 0}, {"velocity": "yes"}, {"device": "tpu"}, {"input": "a.h5ad"}):
    bad(params, defaults | {"input": "sheet.csv", "outdir": "out"} | wrong)
bad(params, defaults)
good(params, defaults | {"input": "my sheet.csv", "outdir": "out"})
# parameters.nf says what a pattern wants in the words that are here.
assert all("errorMessage" in value for value in properties.values() if "pattern" in value)

# The same parameters and defaults in all three.
config, loaded = schema("snakemake/workflow/schemas/config.schema.yaml")
own = {"stream"}
assert set(loaded["properties"]) - own == set(properties), set(loaded["properties"]) ^ set(properties)
for key, value in properties.items():
    assert loaded["properties"][key].get("default") == value.get("default"), key
written = yaml.safe_load((root / "snakemake/config/config.yaml").read_text())
assert written == {key: value.get("default") for key, value in loaded["properties"].items()}, written
good(config, written)
bad(config, written | {"epoch": 3})

chain = (root / "workflows/chain.sh").read_text()
flags = {flag.replace("-", "_") for flag in re.findall(r"^  --([a-z-]+) ", chain, re.M)}
assert flags == set(properties), flags ^ set(properties)
for key, value in defaults.items():
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    assert re.search(rf"^  --{key.replace('_', '-')} .*\[default: {shown}\]$", chain, re.M), (key, shown)
    assert re.search(rf"\b{key}={shown}\b", chain), (key, shown)

config_text = (root / "nextflow/nextflow.config").read_text()
for key, value in defaults.items():
    shown = f"'{value}'" if isinstance(value, str) else str(value).lower()
    assert re.search(rf"^    {key} = {re.escape(shown)}$", config_text, re.M), (key, shown)

line, _ = schema("snakemake/workflow/schemas/samples.schema.yaml")
row = {"sample": "a", "counts": "/a.h5ad", "dataset": "a", "modalities": "", "kind": "", "measured": "expression", "cells": "7"}
good(line, row | {"donor": "x"})
bad(line, row | {"cells": "many"})
bad(line, row | {"measured": ""})

# Every module says what it is, and what it says is what it has.
for folder in sorted((root / "nextflow/modules/local/mfdoom").iterdir()):
    meta = yaml.safe_load((folder / "meta.yml").read_text())
    main = (folder / "main.nf").read_text()
    assert meta["name"] == f"mfdoom_{folder.name}", folder
    emitted = set(re.findall(r"emit: (\w+)", main))
    assert emitted == set(meta["output"]), (folder.name, emitted, set(meta["output"]))
    process = re.findall(r"^process (\w+)", main, re.M)
    assert process == [f"MFDOOM_{folder.name.upper()}"], process
    for part in ("stub:", "topic: versions", "task.ext.args", "tag ", "label ", "conda ", "container "):
        assert part in main, (folder.name, part)
    yaml.safe_load((folder / "environment.yml").read_text())

print("schemas hold")

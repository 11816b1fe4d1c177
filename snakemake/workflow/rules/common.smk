# Configuration, the checked sample sheet, and what the rules ask of both.

import csv
import re
import shlex
import subprocess
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

# Of --config, Snakemake takes only True and False as booleans, and as a number all that Python does, a folder named
# 2024_01 too: names are put back as they were written.
written = dict(entry.split("=", 1) for entry in workflow.config_settings.config_args)
for key in ("input", "outdir", "model", "decoder", "label", "start"):
    if isinstance(config.get(key), (int, float)):
        config[key] = written.get(key, str(config[key]))
for key in ("velocity", "generate", "stream"):
    config[key] = {"true": True, "false": False}.get(
        str(config.get(key)), config.get(key)
    )
    if config[key] is None:
        del config[key]
validate(config, schema="../schemas/config.schema.yaml")

for key in ("input", "outdir"):
    if not config[key]:
        raise WorkflowError(f"no {key}: --config input=sheet.csv outdir=out")

OUT = config["outdir"].rstrip("/")
SHARDS = int(config["shards"])


def checked_sheet():
    """Returns the lines of the sheet, checked and completed by mfdoom-preprocess; jobs read what was checked."""
    checked = Path(OUT, "pipeline_info", "samples.tsv")
    if workflow.is_main_process or not checked.exists():
        checked.parent.mkdir(parents=True, exist_ok=True)
        command = ["mfdoom-preprocess", "-q", "--force", "--sheet-only"]
        command += ["--sheet", config["input"], "-o", str(checked)]
        try:
            ran = subprocess.run(
                command, stderr=subprocess.PIPE, text=True, check=False
            )
        except FileNotFoundError:
            raise WorkflowError(
                "mfdoom-preprocess is not on the PATH: cargo build --release --workspace"
            )
        if ran.returncode != 0:
            raise WorkflowError(ran.stderr.strip())
    with open(checked, encoding="utf-8", newline="\n") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        validate(row, schema="../schemas/samples.schema.yaml", set_default=False)
    return {row["sample"]: row for row in rows}


SAMPLES = checked_sheet()
PAIRED = [
    name
    for name, row in SAMPLES.items()
    if {"spliced", "unspliced"} <= set(row["measured"].split(","))
]
# Without a sample to fit and without a decoder there are no velocities.
VELOCITY = config["velocity"] and bool(config["decoder"] or PAIRED)
if config["generate"] and not config["velocity"]:
    raise WorkflowError("generate=true needs velocity=true: trajectories run along velocities")
if config["start"] and not (config["generate"] and config["label"]):
    raise WorkflowError(
        f"start={config['start']} needs generate=true and label: it is a value of that column"
    )
GENERATE = config["generate"] and VELOCITY
MODEL = (config["model"] or f"{OUT}/model").rstrip("/")
DECODER = (config["decoder"] or f"{OUT}/decoder/velocity").rstrip("/")
# Where a model is given nothing waits for all tokens: they go from preprocess to embed by a pipe. Shards are taken
# of the table: only there is known which cells lie beside theirs.
STREAM = bool(config["model"]) and config["stream"] and SHARDS == 1


wildcard_constraints:
    sample="|".join(map(re.escape, SAMPLES)),
    i="[0-9]+",


def results(path, samples=None):
    """Returns a result of every sample."""
    return expand(f"{OUT}/{path}", sample=SAMPLES if samples is None else samples)


def shards(path):
    """Returns the shards of a result of one sample."""
    return expand(
        f"{OUT}/shards/{{i}}-of-{SHARDS}/{path}",
        i=range(1, SHARDS + 1),
        allow_missing=True,
    )


def counts(wildcards):
    """Returns the files of a sample: the cells are those of the first one."""
    return SAMPLES[wildcards.sample]["counts"].split(";")


def start(wildcards):
    """Returns where trajectories begin and what they carry along."""
    words = ["--obs", config["label"]] if config["label"] else []
    if config["start"]:
        words += ["--start", f"{config['label']}={config['start']}"]
    return shlex.join(words)


def modalities(wildcards, input):
    """Returns --with, --dataset and --modality of a sample."""
    row = SAMPLES[wildcards.sample]
    words = ["--dataset", row["dataset"]]
    for file in list(input.counts)[1:]:
        words += ["--with", file]
    for modality in filter(None, row["modalities"].split(";")):
        words += ["--modality", modality]
    return shlex.join(words)


def columns(wildcards):
    """Returns --kind, and --set for the further columns of the sheet that have a value."""
    own = {"sample", "counts", "dataset", "modalities", "kind", "measured", "cells"}
    kind = SAMPLES[wildcards.sample]["kind"]
    words = ["--kind", kind] if kind else []
    for name, value in SAMPLES[wildcards.sample].items():
        if name not in own and value:
            words += ["--set", f"{name}={value}"]
    return shlex.join(words)


def option(flag, key):
    """Returns a flag with the value of a setting, or nothing where it is not set."""
    value = config[key]
    return f"{flag} {shlex.quote(str(value))}" if value is not None else ""


def growing(base, per_mb, parts=1):
    """Returns a request that grows with the size of the inputs (in MB), of which a shard has its part, and the attempt."""

    def request(wildcards, input, attempt):
        return int((base + per_mb * input.size_mb / parts) * attempt)

    return request


def pipe_threads(wildcards):
    """Returns the threads of either end of a pipe, which run at the same time."""
    if workflow.resource_settings.cores == 1:
        raise WorkflowError(
            "a given model reads tokens from a pipe, which takes --cores 2; or use --config stream=false"
        )
    return 1


def gpus():
    return 1 if str(config["device"]).startswith("cuda") else 0


def velocities(wildcards):
    """Returns the velocity folders of a sample, its fit first."""
    if not VELOCITY:
        return []
    kinds = (["fit"] if wildcards.sample in PAIRED else []) + ["predict"]
    return [f"{OUT}/velocity/{wildcards.sample}/{kind}" for kind in kinds]

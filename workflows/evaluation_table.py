#!/usr/bin/env python3
"""Draws the scores that workflows/evaluation.sh wrote as Markdown: evaluation_table.py OUT."""

import json
import sys
from pathlib import Path

NAMES = ["accuracy", "accuracy_logistic", "accuracy_retention", "balanced_accuracy", "nmi", "ari", "asw_label", "clisi", "avg_bio", "avg_bio_retention", "graph_connectivity", "asw_batch",
         "pcr_comparison", "ilisi", "kbet", "total"]
PAIRS = ["recall_at_1", "recall_at_10", "median_rank", "foscttm", "nearest_same_label", "alignment"]


def shown(row, best):
    if row is None or row["value"] is None:
        return "-"
    text = f"{row['value']:.3f}".replace("0.", ".", 1) if abs(row["value"]) < 1 else f"{row['value']:.3g}"
    return f"**{text}**" if best else text


def table(rows, names, label):
    """Things in rows, scores in columns; columns without a value are left out, the best value is bold."""
    lines, found = [], {}
    for row in rows:
        key = label(row)
        if key not in lines:
            lines.append(key)
        found[key, row["name"]] = row
    names = [name for name in names if any((found.get((line, name)) or {}).get("value") is not None for line in lines)]
    lines = [line for line in lines if any((found.get((line, name)) or {}).get("value") is not None for name in names)]
    low = {"median_rank", "foscttm", "alignment", "pcr"}
    best = {}
    for name in names:
        values = [found[line, name]["value"] for line in lines if (found.get((line, name)) or {}).get("value") is not None]
        best[name] = (min if name in low else max)(values) if len(values) > 1 else None
    if not lines:
        return
    print("| | " + " | ".join(name.replace("_", " ") for name in names) + " |")
    print("|---|" + "---|" * len(names))
    for line in lines:
        cells = [(found.get((line, name))) for name in names]
        print(f"| {line} | " + " | ".join(shown(c, c and c["value"] == best[n]) for c, n in zip(cells, names)) + " |")
    print()


def origin(row):
    return f"{row['head']} from {' + '.join(row['from'])}"


def named(row, model):
    """The name of a head with that of its model; baselines have their own."""
    name = {"anchor": "closed form", "network": "blend"}[model]
    if row["kind"] == "baseline":
        return row["head"]
    return name if row["head"] == "fusion" else f"{name}, {row['head']}"


def main():
    out = Path(sys.argv[1])
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        rows = []
        for model in ("anchor", "network"):
            path = folder / f"{model}.json"
            document = json.loads(path.read_text()) if path.exists() else {"scores": []}
            # Baselines are the same for every model, and the head called global that of fusion in a closed form.
            wanted = [row for row in document["scores"] if model == "anchor" or row["kind"] == "head"]
            rows += [{**row, "head": named(row, model)} for row in wanted if row["head"] != "global"]
        if not rows:
            continue
        print(f"### {folder.name}\n")
        for part in dict.fromkeys(row["set"] for row in rows):
            own = [row for row in rows if row["set"] == part and row["against"] is None]
            if own:
                print(f"{part}, {own[0]['n']} cells:\n")
                several = lambda row: len({tuple(other["from"]) for other in own if other["head"] == row["head"]}) > 1
                table(own, NAMES, lambda row: origin(row) if several(row) else row["head"])
        pairs = [row for row in rows if row["against"] is not None and row["set"] == "all"]
        table(pairs, PAIRS, lambda row: f"{origin(row)} to {row['against']}")


if __name__ == "__main__":
    main()

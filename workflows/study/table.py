#!/usr/bin/env python3
"""Sums up the study: one table and one figure from the scores of all runs that there are.

    python3 table.py STUDY study.md study.png [SETTING]        STUDY holds scores/ and seconds/; needs matplotlib

A figure is the mean over the seeds, with half the range over them. SETTING is what the runs were told, for the heading.
"""
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# the head that is compared; a system without fusion has its modalities only
HEADS = ("fusion", "expression")
STUDY, TABLE, FIGURE = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
SETTING = sys.argv[4] if len(sys.argv) > 4 else ""
NAMES = ["accuracy", "AvgBIO", "accuracy from one", "least retention", "R@10", "alignment", "uniformity", "iLISI", "CPU s"]
# what the systems are compared by over all sets
COMPARED = ["accuracy", "AvgBIO", "accuracy from one", "R@10"]
REFERENCE = "default"


def rows_of(path):
    """scores of all cells and of those with some modalities, none of single donors"""
    return [r for r in json.loads(path.read_text())["scores"] if r.get("value") is not None and "=" not in r["set"]]


def scores(rows):
    """What is compared of one run: from all modalities, and the least and the mean over single ones."""
    of = lambda name, set_: [r for r in rows if r["name"] == name and r["head"] in HEADS and r["set"] == set_]
    widest = max((len(r["from"]) for r in of("accuracy", "all")), default=1)
    # of a mosaic the cells that have a modality are a set of their own
    sets = list(dict.fromkeys(r["set"] for r in rows))

    def single(name):
        found = {}
        for r in (r for set_ in sets for r in of(name, set_) if len(r["from"]) == 1 < widest):
            found.setdefault(r["from"][0], r["value"])
        return list(found.values())

    whole = lambda name: [r["value"] for r in of(name, "all") if len(r["from"]) == widest]
    if all(r["head"] == HEADS[1] for r in rows if r["head"] in HEADS):
        # a modality's own head says nothing of cells that are embedded from others
        rows = [r for r in rows if r["head"] not in HEADS or r["from"] == [HEADS[1]] or len(r["from"]) == widest]
        rows = [r for r in rows if r["against"] is None and not r["name"].endswith("_retention")]
    average = lambda values: mean(values) if values else None
    # between cells embedded from one modality and from another
    pairs = lambda name: [r["value"] for r in of(name, "all") if len(r["from"]) == 1 and " + " not in (r["against"] or "")]
    return {
        "accuracy": average(whole("accuracy")),
        "AvgBIO": average(whole("avg_bio")),
        "accuracy from one": average(single("accuracy")),
        "least retention": min(single("accuracy_retention"), default=None),
        "R@10": average(pairs("recall_at_10")),
        "alignment": average(pairs("alignment")),
        "uniformity": average(whole("uniformity")),
        "iLISI": average(whole("ilisi")),
    }


def before(rows):
    """Scores of plain embeddings of the counts, which every run's file has: label accuracy, AvgBIO and R@10."""
    named = {"accuracy": "accuracy", "avg_bio": "AvgBIO", "recall_at_10": "R@10"}
    found = defaultdict(dict)
    for r in rows:
        if r["head"] not in HEADS and r["name"] in named and r["kind"] != "head":
            side = f" from {'+'.join(r['from'])}" if r["head"].startswith("cca") and r["name"] != "recall_at_10" else ""
            # the first of the sets that have it is the largest
            found[r["head"] + side].setdefault(named[r["name"]], r["value"])
    return found


def seconds(path):
    return sum(float(x) for x in path.read_text().split()) if path.exists() else None


def read():
    """Scores by (trained on, scored on), system, score and seed; and those of plain embeddings by what is scored."""
    runs, plain = defaultdict(lambda: defaultdict(lambda: defaultdict(dict))), {}
    for path in sorted((STUDY / "scores").glob("*/*/*.json")):
        system, seed = path.stem.rsplit(".", 1)
        trained, on = path.parts[-3], path.parts[-2]
        rows = rows_of(path)
        plain[on] = before(rows) or plain.get(on, {})
        found = scores(rows) | {"CPU s": seconds(STUDY / "seconds" / trained / f"{path.stem}.txt")}
        for name, value in found.items():
            if value is not None:
                runs[trained, on][system][name][seed] = value
    return runs, plain


def cell(values, name):
    values = list(values)
    if not values:
        return "-"
    digits = 1 if name == "CPU s" else 3
    spread = f" +- {(max(values) - min(values)) / 2:.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"


def by_set(runs):
    text = []
    for (trained, on), systems in runs.items():
        text += [f"**{trained}**, scored on {on}", "", "| system | seeds | " + " | ".join(NAMES) + " |", "|---" * (len(NAMES) + 2) + "|"]
        for system, of in systems.items():
            text.append(f"| {system} | {len(of['accuracy'])} | " + " | ".join(cell(of[n].values(), n) for n in NAMES) + " |")
        text.append("")
    return text


def plainly(plain):
    text = ["**Plain embeddings of the counts**", "", "| set | embedding | accuracy | AvgBIO | R@10 |", "|---|---|---|---|---|"]
    for on, embeddings in plain.items():
        for name, of in embeddings.items():
            text.append(f"| {on} | {name} | " + " | ".join(cell([of[n]] if n in of else [], n) for n in ("accuracy", "AvgBIO", "R@10")) + " |")
    return [*text, ""]


def against_reference(runs):
    """Mean differences to the reference over runs on the same cells with the same seed, with twice the standard error."""
    systems = list(dict.fromkeys(s for of in runs.values() for s in of))
    text = [f"**Differences to `{REFERENCE}`**, runs on the same cells with the same seed: mean, and twice its standard error", ""]
    text += ["| system | runs | " + " | ".join(COMPARED) + " | CPU s, times |", "|---" * (len(COMPARED) + 3) + "|"]
    for system in systems:
        if system == REFERENCE:
            continue
        line, n = [], 0
        for name in [*COMPARED, "CPU s"]:
            pairs = []
            for of in runs.values():
                ours, theirs = of.get(system, {}).get(name, {}), of.get(REFERENCE, {}).get(name, {})
                pairs += [(ours[seed], theirs[seed]) for seed in ours if seed in theirs]
            if name == "CPU s":
                line.append(f"{mean(a for a, _ in pairs) / mean(b for _, b in pairs):.2f}" if pairs else "-")
                continue
            gaps = [a - b for a, b in pairs]
            n = max(n, len(gaps))
            spread = f" +- {2 * stdev(gaps) / len(gaps) ** 0.5:.3f}" if len(gaps) > 1 else ""
            line.append(f"{mean(gaps):+.3f}{spread}" if gaps else "-")
        text.append(f"| {system} | {n} | " + " | ".join(line) + " |")
    return [*text, ""]


def draw(runs):
    shown = {key: of for key, of in runs.items() if "+" not in key[0] and len(of) > 4}
    systems = list(dict.fromkeys(s for of in shown.values() for s in of))[::-1]
    columns = min(max(len(shown), 1), 4)
    lines = -(-max(len(shown), 1) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(2.6 * columns + 1.2, 2.6 * lines), sharey=True, squeeze=False)
    for axis in axes.flat[len(shown):]:
        axis.set_visible(False)
    for axis, ((trained, on), of) in zip(axes.flat, shown.items()):
        for y, system in enumerate(systems):
            for name, color in (("accuracy", "black"), ("accuracy from one", "tab:orange")):
                values = list(of.get(system, {}).get(name, {}).values())
                axis.plot(values, [y] * len(values), "o", color=color, ms=4)
        axis.set_yticks(range(len(systems)), systems)
        axis.grid(axis="x", lw=0.4)
        axis.tick_params(labelsize=8)
        set_, share = trained.rsplit("-", 1)
        axis.set_title(set_ if share == "0" else f"{set_}, {share} % of one modality", fontsize=9)
        axis.set_xlabel("label accuracy", fontsize=8)
    figure.suptitle("from all modalities (black), from one alone, mean (orange)", fontsize=9)
    figure.tight_layout()
    figure.savefig(FIGURE, dpi=130)


def main():
    runs, plain = read()
    heading = [f"Setting: {SETTING}.", ""] if SETTING else []
    TABLE.write_text("\n".join([*heading, *against_reference(runs), *by_set(runs), *plainly(plain)]))
    draw(runs)


main()

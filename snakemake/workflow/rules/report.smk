rule report:
    input:
        embeddings=results("embeddings/{sample}.parquet", sorted(SAMPLES)),
        model=MODEL,
    output:
        metrics=f"{OUT}/report/metrics.json",
        page=report(
            f"{OUT}/report/report.html",
            caption="../report/scores.rst",
            category="Scores",
        ),
        multiqc=f"{OUT}/report/mfdoom_mqc.json",
    log:
        f"{OUT}/pipeline_info/logs/report.log",
    benchmark:
        f"{OUT}/pipeline_info/benchmarks/report.tsv"
    conda:
        "../envs/mfdoom.yaml"
    threads: 4
    resources:
        mem_mb=growing(2048, 1),
        runtime=growing(60, 0.1),
    params:
        label=option("--label", "label"),
        seed=config["seed"],
    shell:
        "mfdoom-evaluate embedding {input.embeddings:q} --batch-key dataset {params.label} --model {input.model:q}"
        " --max-cells 10000 --seed {params.seed} --threads {threads} --report {output.page:q}"
        " --multiqc {output.multiqc:q} -o {output.metrics:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

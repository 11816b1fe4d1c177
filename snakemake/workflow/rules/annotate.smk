rule annotate:
    input:
        counts=counts,
        embeddings=f"{OUT}/embeddings/{{sample}}.parquet",
        velocities=velocities,
    output:
        f"{OUT}/h5ad/{{sample}}.h5ad",
    params:
        velocities=lambda wildcards, input: [f"--velocity={folder}" for folder in input.velocities],
    log:
        f"{OUT}/pipeline_info/logs/annotate/{{sample}}.log",
    benchmark:
        f"{OUT}/pipeline_info/benchmarks/annotate/{{sample}}.tsv"
    conda:
        "../envs/mfdoom.yaml"
    group:
        "annotate"
    resources:
        mem_mb=memory(1024, 2),
        runtime=minutes(60, 0.1),
    shell:
        "mfdoom-annotate {input.counts:q} --embeddings {input.embeddings} {params.velocities:q}"
        " -o {output} --force 2> {log} || {{ cat {log} >&2; exit 1; }}"

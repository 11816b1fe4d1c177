rule annotate:
    input:
        counts=counts,
        embeddings=f"{OUT}/embeddings/{{sample}}.parquet",
        velocities=velocities,
    output:
        f"{OUT}/h5ad/{{sample}}.h5ad",
    log:
        f"{OUT}/pipeline_info/logs/annotate/{{sample}}.log",
    benchmark:
        f"{OUT}/pipeline_info/benchmarks/annotate/{{sample}}.tsv"
    group:
        "annotate"
    conda:
        "../envs/mfdoom.yaml"
    resources:
        mem_mb=growing(1024, 2),
        runtime=growing(60, 0.1),
    params:
        velocities=lambda wildcards, input: [
            f"--velocity={folder}" for folder in input.velocities
        ],
    shell:
        "mfdoom-annotate {input.counts[0]:q} --embeddings {input.embeddings:q} {params.velocities:q}"
        " -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

rule generate:
    input:
        tokens=f"{OUT}/tokens/{{sample}}.parquet",
        model=MODEL,
        decoder=DECODER,
    output:
        directory(f"{OUT}/trajectories/{{sample}}"),
    log:
        f"{OUT}/pipeline_info/logs/generate/{{sample}}.log",
    benchmark:
        f"{OUT}/pipeline_info/benchmarks/generate/{{sample}}.tsv"
    conda:
        "../envs/mfdoom.yaml"
    threads: 4
    resources:
        mem_mb=growing(2048, 4),
        runtime=growing(60, 1),
        gpu=gpus(),
    params:
        seed=config["seed"],
        start=start,
        device=config["device"],
    shell:
        "mfdoom-generate {input.tokens:q} --model {input.model:q} --decoder {input.decoder:q}"
        " {params.start} --seed {params.seed} --device {params.device}"
        " --threads {threads} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

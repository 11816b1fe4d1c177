rule velocity_fit:
    input:
        counts=counts,
    output:
        directory(f"{OUT}/velocity/{{sample}}/fit"),
    log:
        f"{OUT}/pipeline_info/logs/velocity_fit/{{sample}}.log",
    benchmark:
        f"{OUT}/pipeline_info/benchmarks/velocity_fit/{{sample}}.tsv"
    conda:
        "../envs/mfdoom.yaml"
    threads: 4
    resources:
        mem_mb=growing(2048, 4),
        runtime=growing(60, 1),
    params:
        modalities=modalities,
    shell:
        "mfdoom-velocity fit {input.counts[0]:q} {params.modalities}"
        " --threads {threads} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"


if not config["decoder"]:

    rule finetune_decoder:
        input:
            tokens=results("tokens/{sample}.parquet", PAIRED),
            fits=results("velocity/{sample}/fit", PAIRED),
            model=MODEL,
        output:
            directory(f"{OUT}/decoder/velocity"),
        log:
            f"{OUT}/pipeline_info/logs/finetune_decoder.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/finetune_decoder.tsv"
        conda:
            "../envs/mfdoom.yaml"
        threads: 8
        resources:
            mem_mb=growing(2048, 8),
            runtime=growing(240, 10),
            gpu=gpus(),
        params:
            targets=lambda wildcards, input: [f"--targets={fit}" for fit in input.fits],
            epochs=option("--epochs", "epochs"),
            seed=config["seed"],
            device=config["device"],
        shell:
            "mfdoom-finetune-decoder {input.tokens:q} --model {input.model:q} --task velocity"
            " {params.targets:q} {params.epochs} --seed {params.seed} --device {params.device}"
            " --threads {threads} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"


if SHARDS > 1:

    rule velocity_predict_shard:
        input:
            tokens=f"{OUT}/tokens/{{sample}}.parquet",
            model=MODEL,
            decoder=DECODER,
        output:
            temp(
                directory(
                    f"{OUT}/shards/{{i}}-of-{SHARDS}/velocity/{{sample}}/predict"
                )
            ),
        log:
            f"{OUT}/pipeline_info/logs/velocity_predict/{{sample}}.{{i}}-of-{SHARDS}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/velocity_predict/{{sample}}.{{i}}-of-{SHARDS}.tsv"
        conda:
            "../envs/mfdoom.yaml"
        threads: 4
        resources:
            mem_mb=growing(2048, 4, SHARDS),
            runtime=growing(60, 1, SHARDS),
            gpu=gpus(),
        params:
            device=config["device"],
            shard=f"{{i}}/{SHARDS}",
        shell:
            "mfdoom-velocity predict {input.tokens:q} --model {input.model:q} --decoder {input.decoder:q}"
            " --device {params.device} --shard {params.shard}"
            " --threads {threads} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

    rule gather_predictions:
        input:
            shards("velocity/{sample}/predict"),
        output:
            directory(f"{OUT}/velocity/{{sample}}/predict"),
        log:
            f"{OUT}/pipeline_info/logs/gather_predictions/{{sample}}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/gather_predictions/{{sample}}.tsv"
        conda:
            "../envs/mfdoom.yaml"
        resources:
            mem_mb=growing(512, 0),
            runtime=growing(30, 0.01),
        shell:
            "mfdoom-gather {input:q} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

else:

    rule velocity_predict:
        input:
            tokens=f"{OUT}/tokens/{{sample}}.parquet",
            model=MODEL,
            decoder=DECODER,
        output:
            directory(f"{OUT}/velocity/{{sample}}/predict"),
        log:
            f"{OUT}/pipeline_info/logs/velocity_predict/{{sample}}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/velocity_predict/{{sample}}.tsv"
        conda:
            "../envs/mfdoom.yaml"
        threads: 4
        resources:
            mem_mb=growing(2048, 4),
            runtime=growing(60, 1),
            gpu=gpus(),
        params:
            device=config["device"],
        shell:
            "mfdoom-velocity predict {input.tokens:q} --model {input.model:q} --decoder {input.decoder:q}"
            " --device {params.device}"
            " --threads {threads} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

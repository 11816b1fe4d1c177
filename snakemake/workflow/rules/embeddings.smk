if STREAM:
    # The pipe has the name that the table would have, as the embeddings keep the name of what they are made from.

    rule stream_tokens:
        input:
            counts=counts,
            vocabulary=f"{OUT}/vocab.json",
        output:
            pipe(f"{OUT}/pipes/{{sample}}.parquet"),
        params:
            modalities=modalities,
            columns=columns,
        log:
            f"{OUT}/pipeline_info/logs/stream_tokens/{{sample}}.log",
        conda:
            "../envs/mfdoom.yaml"
        resources:
            mem_mb=memory(1024, 0.25),
            runtime=minutes(60, 0.02),
        shell:
            "mfdoom-preprocess {input.counts:q} --vocab {input.vocabulary} {params.modalities}"
            " {params.columns}"
            " --threads {threads} -o {output} 2> {log} || {{ cat {log} >&2; exit 1; }}"


if SHARDS > 1:

    rule embed_shard:
        input:
            tokens=f"{OUT}/tokens/{{sample}}.parquet",
            model=MODEL,
        output:
            temp(f"{OUT}/shards/{{i}}-of-{SHARDS}/embeddings/{{sample}}.parquet"),
        params:
            device=config["device"],
            shard=f"{{i}}/{SHARDS}",
        log:
            f"{OUT}/pipeline_info/logs/embed/{{sample}}.{{i}}-of-{SHARDS}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/embed/{{sample}}.{{i}}-of-{SHARDS}.tsv"
        conda:
            "../envs/mfdoom.yaml"
        threads: 4
        resources:
            mem_mb=memory(2048, 0.25),
            runtime=minutes(60, 1),
            gpu=gpus(),
        shell:
            "mfdoom-embed {input.tokens} --model {input.model:q} --device {params.device} --shard {params.shard}"
            " --threads {threads} -o {output} --force 2> {log} || {{ cat {log} >&2; exit 1; }}"

    rule gather_embeddings:
        input:
            shards("embeddings/{sample}.parquet"),
        output:
            f"{OUT}/embeddings/{{sample}}.parquet",
        log:
            f"{OUT}/pipeline_info/logs/gather_embeddings/{{sample}}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/gather_embeddings/{{sample}}.tsv"
        conda:
            "../envs/mfdoom.yaml"
        resources:
            mem_mb=memory(512, 0),
            runtime=minutes(30, 0.01),
        shell:
            "mfdoom-gather {input} -o {output} --force 2> {log} || {{ cat {log} >&2; exit 1; }}"

else:

    rule embed:
        input:
            tokens=f"{OUT}/pipes/{{sample}}.parquet" if STREAM else f"{OUT}/tokens/{{sample}}.parquet",
            model=MODEL,
        output:
            f"{OUT}/embeddings/{{sample}}.parquet",
        params:
            device=config["device"],
        log:
            f"{OUT}/pipeline_info/logs/embed/{{sample}}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/embed/{{sample}}.tsv"
        conda:
            "../envs/mfdoom.yaml"
        threads: 1 if STREAM else 4
        resources:
            mem_mb=memory(2048, 0.25),
            runtime=minutes(60, 1),
            gpu=gpus(),
        shell:
            "mfdoom-embed {input.tokens} --model {input.model:q} --device {params.device}"
            " --threads {threads} -o {output} --force 2> {log} || {{ cat {log} >&2; exit 1; }}"

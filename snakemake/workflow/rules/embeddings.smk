if STREAM:
    # The pipe has the name that the table would have, as the embeddings keep the name of what they are made from.
    # Who fails opens it for a moment, or the other end would wait for ever.

    rule stream_tokens:
        input:
            counts=counts,
            vocabulary=f"{OUT}/vocab.json",
        output:
            pipe(f"{OUT}/pipes/{{sample}}.parquet"),
        log:
            f"{OUT}/pipeline_info/logs/stream_tokens/{{sample}}.log",
        conda:
            "../envs/mfdoom.yaml"
        threads: pipe_threads
        resources:
            mem_mb=growing(1024, 0.25),
            runtime=growing(60, 0.02),
        params:
            modalities=modalities,
            columns=columns,
            label=option("--obs", "label"),
        shell:
            "mfdoom-preprocess {input.counts[0]:q} --vocab {input.vocabulary:q} {params.modalities}"
            " {params.columns} {params.label}"
            " --threads {threads} -o {output:q} 2> {log:q}"
            " || {{ cat {log:q} >&2; [ ! -p {output:q} ] || sleep 1 <> {output:q}; exit 1; }}"


if SHARDS > 1:

    rule embed_shard:
        input:
            tokens=f"{OUT}/tokens/{{sample}}.parquet",
            model=MODEL,
        output:
            temp(f"{OUT}/shards/{{i}}-of-{SHARDS}/embeddings/{{sample}}.parquet"),
        log:
            f"{OUT}/pipeline_info/logs/embed/{{sample}}.{{i}}-of-{SHARDS}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/embed/{{sample}}.{{i}}-of-{SHARDS}.tsv"
        conda:
            "../envs/mfdoom.yaml"
        threads: 4
        resources:
            mem_mb=growing(2048, 0.25, SHARDS),
            runtime=growing(60, 1, SHARDS),
            gpu=gpus(),
        params:
            device=config["device"],
            shard=f"{{i}}/{SHARDS}",
        shell:
            "mfdoom-embed {input.tokens:q} --model {input.model:q} --device {params.device} --shard {params.shard}"
            " --threads {threads} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

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
            mem_mb=growing(512, 0),
            runtime=growing(30, 0.01),
        shell:
            "mfdoom-gather {input:q} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

else:

    rule embed:
        input:
            tokens=(
                f"{OUT}/pipes/{{sample}}.parquet"
                if STREAM
                else f"{OUT}/tokens/{{sample}}.parquet"
            ),
            model=MODEL,
        output:
            f"{OUT}/embeddings/{{sample}}.parquet",
        log:
            f"{OUT}/pipeline_info/logs/embed/{{sample}}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/embed/{{sample}}.tsv"
        conda:
            "../envs/mfdoom.yaml"
        threads: pipe_threads if STREAM else 4
        resources:
            mem_mb=growing(2048, 0.25),
            runtime=growing(60, 1),
            gpu=gpus(),
        params:
            device=config["device"],
        shell:
            "mfdoom-embed {input.tokens:q} --model {input.model:q} --device {params.device}"
            " --threads {threads} -o {output:q} --force 2> {log:q}"
            " || {{ cat {log:q} >&2; [ ! -p {input.tokens:q} ] || sleep 1 <> {input.tokens:q}; exit 1; }}"

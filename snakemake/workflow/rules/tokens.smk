if config["model"]:

    rule vocabulary_of_model:
        input:
            f"{MODEL}/vocab.json",
        output:
            f"{OUT}/vocab.json",
        log:
            f"{OUT}/pipeline_info/logs/vocabulary.log",
        conda:
            "../envs/mfdoom.yaml"
        shell:
            "cp {input:q} {output:q} 2> {log:q}"

else:

    rule vocabulary:
        input:
            [file for row in SAMPLES.values() for file in row["counts"].split(";")],
        output:
            f"{OUT}/vocab.json",
        log:
            f"{OUT}/pipeline_info/logs/vocabulary.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/vocabulary.tsv"
        conda:
            "../envs/mfdoom.yaml"
        threads: 2
        resources:
            mem_mb=growing(1024, 0.5),
            runtime=growing(60, 0.1),
        params:
            sheet=config["input"],
            samples=[
                (row["counts"], row["modalities"], row["kind"])
                for row in SAMPLES.values()
            ],
            top_genes=option("--top-genes", "top_genes"),
        shell:
            "mfdoom-preprocess --sheet {params.sheet:q} --vocab-only {params.top_genes}"
            " --threads {threads} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"


if SHARDS > 1:

    rule preprocess_shard:
        input:
            counts=counts,
            vocabulary=f"{OUT}/vocab.json",
        output:
            temp(f"{OUT}/shards/{{i}}-of-{SHARDS}/tokens/{{sample}}.parquet"),
        log:
            f"{OUT}/pipeline_info/logs/preprocess/{{sample}}.{{i}}-of-{SHARDS}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/preprocess/{{sample}}.{{i}}-of-{SHARDS}.tsv"
        group:
            "preprocess"
        conda:
            "../envs/mfdoom.yaml"
        threads: 2
        resources:
            mem_mb=growing(1024, 0.25, SHARDS),
            runtime=growing(60, 0.02, SHARDS),
        params:
            modalities=modalities,
            columns=columns,
            label=option("--obs", "label"),
            shard=f"{{i}}/{SHARDS}",
        shell:
            "mfdoom-preprocess {input.counts[0]:q} --vocab {input.vocabulary:q} {params.modalities}"
            " {params.columns} {params.label} --shard {params.shard}"
            " --threads {threads} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

    rule gather_tokens:
        input:
            shards("tokens/{sample}.parquet"),
        output:
            f"{OUT}/tokens/{{sample}}.parquet",
        log:
            f"{OUT}/pipeline_info/logs/gather_tokens/{{sample}}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/gather_tokens/{{sample}}.tsv"
        conda:
            "../envs/mfdoom.yaml"
        resources:
            mem_mb=growing(512, 0),
            runtime=growing(30, 0.01),
        shell:
            "mfdoom-gather {input:q} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

else:

    rule preprocess:
        input:
            counts=counts,
            vocabulary=f"{OUT}/vocab.json",
        output:
            f"{OUT}/tokens/{{sample}}.parquet",
        log:
            f"{OUT}/pipeline_info/logs/preprocess/{{sample}}.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/preprocess/{{sample}}.tsv"
        group:
            "preprocess"
        conda:
            "../envs/mfdoom.yaml"
        threads: 2
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
            " --threads {threads} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

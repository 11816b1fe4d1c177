if not config["model"]:

    rule pretrain:
        input:
            results("tokens/{sample}.parquet"),
        output:
            report(
                directory(f"{OUT}/model"),
                patterns=["{name}.md"],
                caption="../report/model.rst",
                category="Model",
            ),
        log:
            f"{OUT}/pipeline_info/logs/pretrain.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/pretrain.tsv"
        conda:
            "../envs/mfdoom.yaml"
        threads: 8
        resources:
            mem_mb=growing(2048, 8),
            runtime=growing(240, 10),
            gpu=gpus(),
        params:
            preset=option("--preset", "preset"),
            epochs=option("--epochs", "epochs"),
            max_tokens=option("--max-tokens", "max_tokens"),
            seed=config["seed"],
            device=config["device"],
        shell:
            "mfdoom-pretrain {input:q} {params.preset} {params.epochs} {params.max_tokens}"
            " --seed {params.seed} --device {params.device}"
            " --threads {threads} -o {output:q} --force 2> {log:q} || {{ cat {log:q} >&2; exit 1; }}"

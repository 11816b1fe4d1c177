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
        params:
            preset=config["preset"],
            epochs=config["epochs"],
            max_tokens=option("--max-tokens", "max_tokens"),
            seed=config["seed"],
            device=config["device"],
        log:
            f"{OUT}/pipeline_info/logs/pretrain.log",
        benchmark:
            f"{OUT}/pipeline_info/benchmarks/pretrain.tsv"
        conda:
            "../envs/mfdoom.yaml"
        threads: 8
        resources:
            mem_mb=memory(2048, 8),
            runtime=minutes(240, 10),
            gpu=gpus(),
        shell:
            "mfdoom-pretrain {input} --preset {params.preset} --epochs {params.epochs} {params.max_tokens}"
            " --seed {params.seed} --device {params.device}"
            " --threads {threads} -o {output} --force 2> {log} || {{ cat {log} >&2; exit 1; }}"

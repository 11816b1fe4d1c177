process MFDOOM_PRETRAIN {
    tag "${tokens instanceof List ? tokens.size() : 1} tables"
    label 'process_high'
    label 'process_gpu'
    memory { (2.GB + 8.MB * ([tokens].flatten().sum { table -> table.size() } >> 20)) * task.attempt }
    time { (4.h + 10.m * ([tokens].flatten().sum { table -> table.size() } >> 20)) * task.attempt }

    conda "${moduleDir}/environment.yml"
    container "${task.accelerator ? 'mfdoom-cuda:0.1.0' : 'mfdoom:0.1.0'}"

    input:
    path tokens

    output:
    path "model", emit: model
    tuple val("${task.process}"), val('mfdoom-pretrain'), eval("mfdoom-pretrain --version | sed 's/.* //'"), emit: versions_mfdoom_pretrain, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    """
    mfdoom-pretrain \\
        ${tokens} \\
        ${args} \\
        --threads ${task.cpus} \\
        -o model
    """

    stub:
    """
    mkdir model
    touch model/config.json model/model.safetensors model/vocab.json model/metrics.parquet model/manifest.json model/README.md
    """
}

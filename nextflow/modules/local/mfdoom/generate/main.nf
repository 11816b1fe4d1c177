process MFDOOM_GENERATE {
    tag "${meta.id}"
    label 'process_medium'
    label 'process_gpu'
    memory { (2.GB + 4.MB * (tokens.size() >> 20)) * task.attempt }
    time { (1.h + 1.m * (tokens.size() >> 20)) * task.attempt }

    conda "${moduleDir}/environment.yml"
    container "${task.accelerator ? 'mfdoom-cuda:0.1.0' : 'mfdoom:0.1.0'}"

    input:
    tuple val(meta), path(tokens)
    path model, stageAs: 'given/model/*'
    path decoder, stageAs: 'given/decoder/*'

    output:
    tuple val(meta), path("trajectories/${prefix}"), emit: trajectories
    tuple val("${task.process}"), val('mfdoom-generate'), eval("mfdoom-generate --version | sed 's/.* //'"), emit: versions_mfdoom_generate, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir -p trajectories
    mfdoom-generate \\
        ${tokens} \\
        --model ${model} --decoder ${decoder} \\
        ${args} \\
        --threads ${task.cpus} \\
        -o trajectories/${prefix}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir -p trajectories/${prefix}
    touch trajectories/${prefix}/states.parquet trajectories/${prefix}/manifest.json
    """
}

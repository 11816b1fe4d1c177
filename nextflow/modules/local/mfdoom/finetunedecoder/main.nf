process MFDOOM_FINETUNEDECODER {
    tag "velocity"
    label 'process_high'
    label 'process_gpu'
    memory { (2.GB + 8.MB * ([tokens].flatten().sum { table -> table.size() } >> 20)) * task.attempt }
    time { (4.h + 10.m * ([tokens].flatten().sum { table -> table.size() } >> 20)) * task.attempt }

    conda "${moduleDir}/environment.yml"
    container "${task.accelerator ? 'mfdoom-cuda:0.1.0' : 'mfdoom:0.1.0'}"

    input:
    tuple path(tokens), path(fits, stageAs: 'fits?/*')
    path model, stageAs: 'given/model/*'

    output:
    path "decoder/velocity", emit: decoder
    tuple val("${task.process}"), val('mfdoom-finetune-decoder'), eval("mfdoom-finetune-decoder --version | sed 's/.* //'"), emit: versions_mfdoom_finetune_decoder, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def targets = [fits].flatten().collect { fit -> "--targets ${fit}" }.join(' ')
    """
    mkdir -p decoder
    mfdoom-finetune-decoder \\
        ${tokens} \\
        --model ${model} \\
        --task velocity ${targets} \\
        ${args} \\
        --threads ${task.cpus} \\
        -o decoder/velocity
    """

    stub:
    """
    mkdir -p decoder/velocity
    touch decoder/velocity/config.json decoder/velocity/model.safetensors decoder/velocity/manifest.json
    """
}

process MFDOOM_GATHER {
    tag "${meta.id}"
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container 'mfdoom:0.1.0'

    input:
    tuple val(meta), path(parts, stageAs: 'part?/*')

    output:
    tuple val(meta), path("${prefix}"), emit: whole
    tuple val("${task.process}"), val('mfdoom-gather'), eval("mfdoom-gather --version | sed 's/.* //'"), emit: versions_mfdoom_gather, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${task.ext.before ?: ''}${meta.id}${task.ext.after ?: ''}"
    """
    mkdir -p "\$(dirname ${prefix})"
    mfdoom-gather \\
        ${parts} \\
        ${args} \\
        -o ${prefix}
    """

    stub:
    prefix = task.ext.prefix ?: "${task.ext.before ?: ''}${meta.id}${task.ext.after ?: ''}"
    """
    mkdir -p "\$(dirname ${prefix})"
    touch ${prefix}
    """
}

// Returns a value as one word of a shell.
def quote(value) {
    return "'" + value.toString().replace("'", "'\\''") + "'"
}

// Returns the bytes of files of counts.
def bytes(counts) {
    return [counts].flatten().sum { file -> file.size() }
}

process MFDOOM_VELOCITYFIT {
    tag "${meta.id}"
    label 'process_medium'
    memory { (2.GB + 4.MB * (bytes(counts) >> 20)) * task.attempt }
    time { (1.h + 1.m * (bytes(counts) >> 20)) * task.attempt }

    conda "${moduleDir}/environment.yml"
    container 'mfdoom:0.1.0'

    input:
    tuple val(meta), path(counts, stageAs: 'given?/*')

    output:
    tuple val(meta), path("velocity/${prefix}/fit"), emit: velocity
    tuple val("${task.process}"), val('mfdoom-velocity'), eval("mfdoom-velocity --version | sed 's/.* //'"), emit: versions_mfdoom_velocity, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def files = [counts].flatten()
    def more = files.tail().collect { file -> "--with ${file}" }.join(' ')
    def modalities = meta.modalities.collect { modality -> "--modality ${quote(modality)}" }.join(' ')
    """
    mkdir -p velocity/${prefix}
    mfdoom-velocity fit \\
        ${files.first()} ${more} \\
        --dataset ${quote(meta.dataset)} ${modalities} \\
        ${args} \\
        --threads ${task.cpus} \\
        -o velocity/${prefix}/fit
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir -p velocity/${prefix}/fit
    touch velocity/${prefix}/fit/velocity.parquet velocity/${prefix}/fit/manifest.json
    """
}

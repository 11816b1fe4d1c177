// Returns the bytes of files of counts. For a job array, asked for before there are inputs, a file of 1 GB stands:
// a task that dies of more is tried again alone, with what its own files need.
def bytes(counts) {
    return counts ? [counts].flatten().sum { file -> file.size() } : 1.GB.toBytes()
}

process MFDOOM_ANNOTATE {
    tag "${meta.id}"
    label 'process_low'
    memory { (1.GB + 2.MB * (bytes(counts) >> 20)) * task.attempt }
    time { (1.h + 1.m * (bytes(counts) >> 24)) * task.attempt }

    conda "${moduleDir}/environment.yml"
    container 'mfdoom:0.1.0'

    input:
    tuple val(meta), path(counts, stageAs: 'given?/*'), path(embeddings), path(velocities)

    output:
    tuple val(meta), path("h5ad/${prefix}.h5ad"), emit: h5ad
    tuple val("${task.process}"), val('mfdoom-annotate'), eval("mfdoom-annotate --version | sed 's/.* //'"), emit: versions_mfdoom_annotate, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def folders = velocities ? [velocities].flatten().collect { folder -> "--velocity ${folder}" }.join(' ') : ''
    """
    mkdir -p h5ad
    mfdoom-annotate \\
        ${[counts].flatten().first()} \\
        --embeddings ${embeddings} \\
        ${folders} \\
        ${args} \\
        -o h5ad/${prefix}.h5ad
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir -p h5ad
    touch h5ad/${prefix}.h5ad
    """
}

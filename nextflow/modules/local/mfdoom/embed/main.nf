// Returns the bytes of a table that a task works on: of all of it, or of one shard of N.
def own(table, meta) {
    return table.size().intdiv(meta.shard ? meta.shard.tokenize('/').last().toInteger() : 1)
}

process MFDOOM_EMBED {
    tag "${meta.id}${meta.shard ? " ${meta.shard}" : ""}"
    label 'process_medium'
    label 'process_gpu'
    memory { (2.GB + 1.MB * (own(tokens, meta) >> 22)) * task.attempt }
    time { (1.h + 1.m * (own(tokens, meta) >> 20)) * task.attempt }

    conda "${moduleDir}/environment.yml"
    container "${task.accelerator ? 'mfdoom-cuda:0.1.0' : 'mfdoom:0.1.0'}"

    input:
    tuple val(meta), path(tokens)
    path model, stageAs: 'given/model/*'

    output:
    tuple val(meta), path("${folder}embeddings/${prefix}.parquet"), emit: embeddings
    tuple val("${task.process}"), val('mfdoom-embed'), eval("mfdoom-embed --version | sed 's/.* //'"), emit: versions_mfdoom_embed, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    folder = meta.shard ? "shards/${meta.shard.replace('/', '-of-')}/" : ''
    def shard = meta.shard ? "--shard ${meta.shard}" : ''
    """
    mkdir -p ${folder}embeddings
    mfdoom-embed \\
        ${tokens} \\
        --model ${model} ${shard} \\
        ${args} \\
        --threads ${task.cpus} \\
        -o ${folder}embeddings/${prefix}.parquet
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    folder = meta.shard ? "shards/${meta.shard.replace('/', '-of-')}/" : ''
    """
    mkdir -p ${folder}embeddings
    touch ${folder}embeddings/${prefix}.parquet
    """
}

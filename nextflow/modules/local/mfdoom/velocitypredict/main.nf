// Returns the bytes of a table that a task works on: of all of it, or of one shard of N.
def own(table, meta) {
    return table.size().intdiv(meta.shard ? meta.shard.tokenize('/').last().toInteger() : 1)
}

process MFDOOM_VELOCITYPREDICT {
    tag "${meta.id}${meta.shard ? " ${meta.shard}" : ""}"
    label 'process_medium'
    label 'process_gpu'
    memory { (2.GB + 4.MB * (own(tokens, meta) >> 20)) * task.attempt }
    time { (1.h + 1.m * (own(tokens, meta) >> 20)) * task.attempt }

    conda "${moduleDir}/environment.yml"
    container "${task.accelerator ? 'mfdoom-cuda:0.1.0' : 'mfdoom:0.1.0'}"

    input:
    tuple val(meta), path(tokens)
    path model, stageAs: 'given/model/*'
    path decoder, stageAs: 'given/decoder/*'

    output:
    tuple val(meta), path("${folder}velocity/${prefix}/predict"), emit: velocity
    tuple val("${task.process}"), val('mfdoom-velocity'), eval("mfdoom-velocity --version | sed 's/.* //'"), emit: versions_mfdoom_velocity, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    folder = meta.shard ? "shards/${meta.shard.replace('/', '-of-')}/" : ''
    def shard = meta.shard ? "--shard ${meta.shard}" : ''
    """
    mkdir -p ${folder}velocity/${prefix}
    mfdoom-velocity predict \\
        ${tokens} \\
        --model ${model} --decoder ${decoder} ${shard} \\
        ${args} \\
        --threads ${task.cpus} \\
        -o ${folder}velocity/${prefix}/predict
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    folder = meta.shard ? "shards/${meta.shard.replace('/', '-of-')}/" : ''
    """
    mkdir -p ${folder}velocity/${prefix}/predict
    touch ${folder}velocity/${prefix}/predict/velocity.parquet ${folder}velocity/${prefix}/predict/manifest.json
    """
}

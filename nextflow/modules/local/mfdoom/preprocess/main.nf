// Returns a value as one word of a shell.
def quote(value) {
    return "'" + value.toString().replace("'", "'\\''") + "'"
}

// Returns the bytes of files of counts. For a job array, asked for before there are inputs, a file of 1 GB stands:
// a task that dies of more is tried again alone, with what its own files need.
def bytes(counts) {
    return counts ? [counts].flatten().sum { file -> file.size() } : 1.GB.toBytes()
}

process MFDOOM_PREPROCESS {
    tag "${meta.id}${meta.shard ? " ${meta.shard}" : ""}"
    label 'process_low'
    memory { (1.GB + 1.MB * (bytes(counts) >> 22)) * task.attempt }
    time { (1.h + 1.m * (bytes(counts) >> 26)) * task.attempt }

    conda "${moduleDir}/environment.yml"
    container 'mfdoom:0.1.0'

    input:
    tuple val(meta), path(counts, stageAs: 'given?/*')
    path vocabulary

    output:
    tuple val(meta), path("${folder}tokens/${prefix}.parquet"), emit: tokens
    tuple val("${task.process}"), val('mfdoom-preprocess'), eval("mfdoom-preprocess --version | sed 's/.* //'"), emit: versions_mfdoom_preprocess, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    folder = meta.shard ? "shards/${meta.shard.replace('/', '-of-')}/" : ''
    def modalities = meta.modalities.collect { modality -> "--modality ${quote(modality)}" }.join(' ')
    def files = [counts].flatten()
    def more = files.tail().collect { file -> "--with ${file}" }.join(' ')
    def kind = meta.kind ? "--kind ${meta.kind}" : ''
    def columns = meta.columns.collect { name, value -> "--set ${quote("${name}=${value}")}" }.join(' ')
    def shard = meta.shard ? "--shard ${meta.shard}" : ''
    """
    mkdir -p ${folder}tokens
    mfdoom-preprocess \\
        ${files.first()} ${more} ${kind} \\
        --vocab ${vocabulary} \\
        --dataset ${quote(meta.dataset)} ${modalities} ${columns} ${shard} \\
        ${args} \\
        --threads ${task.cpus} \\
        -o ${folder}tokens/${prefix}.parquet
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    folder = meta.shard ? "shards/${meta.shard.replace('/', '-of-')}/" : ''
    """
    mkdir -p ${folder}tokens
    touch ${folder}tokens/${prefix}.parquet
    """
}

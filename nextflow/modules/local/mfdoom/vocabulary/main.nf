process MFDOOM_VOCABULARY {
    tag "${metas.size()} samples"
    label 'process_low'

    conda "${moduleDir}/environment.yml"
    container 'mfdoom:0.1.0'

    input:
    tuple val(metas), path(counts, stageAs: 'counts?/*')

    output:
    path "vocab.json", emit: vocabulary
    tuple val("${task.process}"), val('mfdoom-preprocess'), eval("mfdoom-preprocess --version | sed 's/.* //'"), emit: versions_mfdoom_preprocess, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def quoted = { value -> '"' + value.toString().replace('"', '""') + '"' }
    def files = counts instanceof List ? counts : [counts]
    def at = 0
    def rows = metas.collect { meta ->
        def own = files.subList(at, at + meta.files)
        at += meta.files
        [meta.id, own.join(';'), meta.dataset, meta.modalities.join(';'), meta.kind].collect(quoted).join(',')
    }
    def lines = (['sample,counts,dataset,modalities,kind'] + rows).collect { line -> "'" + line.replace("'", "'\\''") + "'" }.join(' ')
    """
    printf '%s\\n' ${lines} > sheet.csv
    mfdoom-preprocess \\
        --sheet sheet.csv --vocab-only \\
        ${args} \\
        --threads ${task.cpus} \\
        -o vocab.json
    """

    stub:
    """
    touch vocab.json
    """
}

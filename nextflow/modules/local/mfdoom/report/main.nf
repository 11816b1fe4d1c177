process MFDOOM_REPORT {
    tag "${embeddings instanceof List ? embeddings.size() : 1} tables"
    label 'process_medium'
    memory { (2.GB + 1.MB * ([embeddings].flatten().sum { table -> table.size() } >> 20)) * task.attempt }
    time { 1.h * task.attempt }

    conda "${moduleDir}/environment.yml"
    container 'mfdoom:0.1.0'

    input:
    path embeddings
    path model

    output:
    path "report/report.html", emit: report
    path "report/metrics.json", emit: metrics
    path "report/mfdoom_mqc.json", emit: multiqc
    tuple val("${task.process}"), val('mfdoom-evaluate'), eval("mfdoom-evaluate --version | sed 's/.* //'"), emit: versions_mfdoom_evaluate, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    """
    mkdir -p report
    mfdoom-evaluate embedding \\
        ${embeddings} \\
        --batch-key dataset \\
        --model ${model} \\
        ${args} \\
        --threads ${task.cpus} \\
        --report report/report.html \\
        --multiqc report/mfdoom_mqc.json \\
        -o report/metrics.json
    """

    stub:
    """
    mkdir -p report
    touch report/report.html report/metrics.json report/mfdoom_mqc.json
    """
}

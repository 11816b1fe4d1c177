process MFDOOM_SHEET {
    tag "${sheet}"
    label 'process_single'
    cache false // the files that the sheet names are looked at, which the hash of the sheet does not cover

    conda "${moduleDir}/environment.yml"
    container 'mfdoom:0.1.0'

    input:
    path sheet
    path counts, stageAs: 'counts?/*' // not in the command: a container sees no file that is no input

    output:
    path "samples.tsv", emit: samples
    tuple val("${task.process}"), val('mfdoom-preprocess'), eval("mfdoom-preprocess --version | sed 's/.* //'"), emit: versions_mfdoom_preprocess, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    """
    mfdoom-preprocess \\
        --sheet ${sheet} --sheet-only \\
        ${args} \\
        -o samples.tsv
    """

    stub:
    def args = task.ext.args ?: ''
    """
    mfdoom-preprocess \\
        --sheet ${sheet} --sheet-only \\
        ${args} \\
        -o samples.tsv
    """
}

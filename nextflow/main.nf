#!/usr/bin/env nextflow
/*
    From a sample sheet to tokens, a model, embeddings, velocities and h5ad files.

    nextflow run nextflow -profile local --input sheet.csv --outdir out
*/

include { MFDOOM } from './workflows/mfdoom'
include { usage ; faults } from './workflows/parameters'

workflow {
    main:
    if (params.containsKey('help')) {
        log.info(usage())
    }
    else {
        wrong = faults(params, workflow.commandLine)
        if (wrong) {
            error("${wrong.join('\n')}\nhelp: all parameters are shown by --help")
        }
        MFDOOM(channel.value(file(params.input, checkIfExists: true, glob: false)))

        channel.topic('versions')
            .map { process, tool, version -> "${process.tokenize(':').last()}:\n    ${tool}: ${version}\n" }
            .unique()
            .collectFile(name: 'mfdoom_versions.yml', storeDir: "${params.outdir}/pipeline_info", sort: true)
    }
}

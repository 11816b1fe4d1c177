#!/usr/bin/env nextflow
/*
    From a sample sheet to tokens, a model, embeddings, velocities and h5ad files.

    nextflow run nextflow -profile local --input sheet.csv --outdir out
*/

include { MFDOOM } from './workflows/mfdoom'

workflow {
    main:
    if (!params.input || !params.outdir) {
        error("--input SHEET.csv and --outdir DIR are needed; see nextflow_schema.json for all parameters")
    }
    if (!(params.velocity in [true, false])) {
        error("--velocity ${params.velocity}: true or false was wanted")
    }
    MFDOOM(channel.value(file(params.input, checkIfExists: true)))

    channel.topic('versions')
        .map { process, tool, version -> "${process.tokenize(':').last()}:\n    ${tool}: ${version}\n" }
        .unique()
        .collectFile(name: 'mfdoom_versions.yml', storeDir: "${params.outdir}/pipeline_info", sort: true)
}

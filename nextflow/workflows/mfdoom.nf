include { MFDOOM_SHEET } from '../modules/local/mfdoom/sheet/main'
include { MFDOOM_VOCABULARY } from '../modules/local/mfdoom/vocabulary/main'
include { MFDOOM_PREPROCESS } from '../modules/local/mfdoom/preprocess/main'
include { MFDOOM_PRETRAIN } from '../modules/local/mfdoom/pretrain/main'
include { MFDOOM_EMBED } from '../modules/local/mfdoom/embed/main'
include { MFDOOM_VELOCITYFIT } from '../modules/local/mfdoom/velocityfit/main'
include { MFDOOM_FINETUNEDECODER } from '../modules/local/mfdoom/finetunedecoder/main'
include { MFDOOM_VELOCITYPREDICT } from '../modules/local/mfdoom/velocitypredict/main'
include { MFDOOM_GENERATE } from '../modules/local/mfdoom/generate/main'
include { MFDOOM_ANNOTATE } from '../modules/local/mfdoom/annotate/main'
include { MFDOOM_REPORT } from '../modules/local/mfdoom/report/main'
include { MFDOOM_GATHER as GATHER_TOKENS } from '../modules/local/mfdoom/gather/main'
include { MFDOOM_GATHER as GATHER_EMBEDDINGS } from '../modules/local/mfdoom/gather/main'
include { MFDOOM_GATHER as GATHER_PREDICTIONS } from '../modules/local/mfdoom/gather/main'

// Returns the meta map of a line of the checked sheet.
def toMeta(row) {
    def own = ['sample', 'counts', 'dataset', 'modalities', 'kind', 'measured', 'cells']
    return [
        id: row.sample,
        dataset: row.dataset,
        modalities: row.modalities.tokenize(';'),
        kind: row.kind,
        files: row.counts.tokenize(';').size(),
        measured: row.measured.tokenize(','),
        cells: row.cells.toInteger(),
        columns: row.findAll { name, value -> !(name in own) && value },
    ]
}

// Returns the files of counts that a sheet names, as far as they are there: MFDOOM_SHEET says what is wrong with it.
// (splitCsv knows no doubled quotes.)
def toCounts(sheet) {
    def rows = sheet.text.replace('\uFEFF', '').readLines().findAll { line -> line.trim() }.collect { line ->
        (line =~ /("(?:[^"]|"")*"|[^,]*)(?:,|\z)/).collect { match ->
            match[1].replaceAll(/^"|"\z/, '').replace('""', '"').trim()
        }
    }
    def column = rows ? rows.first().indexOf('counts') : -1
    return column < 0 ? [] : rows.tail()
        .collectMany { row -> (row[column] ?: '').tokenize(';')*.trim() }
        .findAll { name -> name }
        .collect { name -> file(sheet.toRealPath().resolveSibling(name), glob: false) }
        .findAll { counts -> counts.exists() }
        .unique()
}

// Returns whether a sample has both layers that a velocity is fitted to.
def isPaired(meta) {
    return meta.measured.containsAll(['spliced', 'unspliced'])
}

// Returns one item per shard of a [meta, file] item.
def toShards(meta, file) {
    def n = params.shards.toInteger()
    return n > 1 ? (1..n).collect { i -> [meta + [shard: "${i}/${n}".toString()], file] } : [[meta, file]]
}

// Returns the channel of [meta, list of parts in order] of a channel of shards.
def toParts(shards) {
    return shards
        .map { meta, part -> [meta.findAll { key, _value -> key != 'shard' }, [meta.shard.tokenize('/').first().toInteger(), part]] }
        .groupTuple(size: params.shards.toInteger())
        .map { meta, parts -> [meta, parts.sort { part -> part[0] }.collect { part -> part[1] }] }
}

// Returns the value channel of all items in the order of their samples; of nothing where one is missing.
def toAll(items, samples) {
    return items
        .toSortedList { a, b -> a[0].id <=> b[0].id }
        .map { list -> [list] }
        .combine(samples.count())
        .filter { list, n -> list && list.size() == n }
        .map { list, _n -> list }
        .first()
}

workflow MFDOOM {
    take:
    sheet

    main:
    MFDOOM_SHEET(sheet, sheet.map { path -> toCounts(path) })
    samples = MFDOOM_SHEET.out.samples
        .splitCsv(header: true, sep: '\t')
        .map { row -> [toMeta(row), row.counts.tokenize(';').collect { name -> file(name, glob: false) }] }

    if (params.model) {
        // As text, for a folder called 7 comes as a number.
        model = channel.value(file("${params.model}", checkIfExists: true, glob: false))
        vocabulary = channel.of(file("${params.model}/vocab.json", checkIfExists: true, glob: false))
            .collectFile(name: 'vocab.json', storeDir: "${params.outdir}")
            .first()
    }
    else {
        MFDOOM_VOCABULARY(toAll(samples, samples).map { items -> [items.collect { item -> item[0] }, items.collectMany { item -> item[1] }] })
        vocabulary = MFDOOM_VOCABULARY.out.vocabulary
    }

    MFDOOM_PREPROCESS(samples.flatMap { meta, counts -> toShards(meta, counts) }, vocabulary)
    tokens = MFDOOM_PREPROCESS.out.tokens
    if (params.shards.toInteger() > 1) {
        GATHER_TOKENS(toParts(tokens))
        tokens = GATHER_TOKENS.out.whole
    }

    if (!params.model) {
        MFDOOM_PRETRAIN(toAll(tokens, samples).map { items -> items.collect { item -> item[1] } })
        model = MFDOOM_PRETRAIN.out.model
    }

    MFDOOM_EMBED(tokens.flatMap { meta, table -> toShards(meta, table) }, model)
    embeddings = MFDOOM_EMBED.out.embeddings
    if (params.shards.toInteger() > 1) {
        GATHER_EMBEDDINGS(toParts(embeddings))
        embeddings = GATHER_EMBEDDINGS.out.whole
    }

    MFDOOM_REPORT(toAll(embeddings, samples).map { items -> items.collect { item -> item[1] } }, model)
    report = MFDOOM_REPORT.out.report

    results = samples.join(embeddings)
    if (params.velocity.toString() == 'true') {
        paired = samples.filter { meta, _counts -> isPaired(meta) }
        MFDOOM_VELOCITYFIT(paired)
        fits = MFDOOM_VELOCITYFIT.out.velocity

        if (params.decoder) {
            decoder = channel.value(file("${params.decoder}", checkIfExists: true, glob: false))
        }
        else {
            MFDOOM_FINETUNEDECODER(
                toAll(tokens.join(fits), paired).map { items -> [items.collect { item -> item[1] }, items.collect { item -> item[2] }] },
                model,
            )
            decoder = MFDOOM_FINETUNEDECODER.out.decoder
        }

        MFDOOM_VELOCITYPREDICT(tokens.flatMap { meta, table -> toShards(meta, table) }, model, decoder)
        predictions = MFDOOM_VELOCITYPREDICT.out.velocity
        if (params.shards.toInteger() > 1) {
            GATHER_PREDICTIONS(toParts(predictions))
            predictions = GATHER_PREDICTIONS.out.whole
        }

        if (params.generate.toString() == 'true') {
            MFDOOM_GENERATE(tokens, model, decoder)
        }

        // Without a sample to fit and without a decoder there are no velocities to wait for.
        possible = paired.count().map { n -> n > 0 || params.decoder }
        wanted = results.combine(possible).branch { meta, _counts, _table, has ->
            fitted: has && isPaired(meta)
            predicted: has
            neither: true
        }
        annotated = wanted.fitted
            .map { meta, counts, table, _has -> [meta, counts, table] }
            .join(fits)
            .join(predictions)
            .map { meta, counts, table, fit, prediction -> [meta, counts, table, [fit, prediction]] }
            .mix(
                wanted.predicted
                    .map { meta, counts, table, _has -> [meta, counts, table] }
                    .join(predictions)
                    .map { meta, counts, table, prediction -> [meta, counts, table, [prediction]] }
            )
            .mix(wanted.neither.map { meta, counts, table, _has -> [meta, counts, table, []] })
    }
    else {
        annotated = results.map { meta, counts, table -> [meta, counts, table, []] }
    }
    MFDOOM_ANNOTATE(annotated)
    h5ad = MFDOOM_ANNOTATE.out.h5ad

    emit:
    embeddings
    h5ad
    report
}

// The parameters as nextflow_schema.json has them.

// Returns the groups of parameters.
def groups() {
    return new groovy.json.JsonSlurper().parseText(file("${projectDir}/nextflow_schema.json").text)['$defs'].values()
}

// Returns the schema of every parameter by name.
def parameters() {
    return groups().collect { group -> group.properties }.inject([:]) { all, some -> all + some }
}

// Returns what --help says.
def usage() {
    def lines = ['Usage: nextflow run nextflow -profile PROFILE --input SHEET.csv --outdir DIR [--PARAMETER VALUE]...']
    groups().each { group ->
        lines << "\n${group.title}"
        group.properties.each { name, schema ->
            def more = [schema['enum']?.findAll()?.join(', '), 'default' in schema.keySet() ? "default: ${schema.default}" : null].findAll()
            lines << "  --${name.padRight(12)} ${schema.description}${more ? " [${more.join('; ')}]" : ''}"
        }
    }
    return lines.join('\n')
}

// Returns a name without what --max-tokens, --maxTokens and --max_tokens differ in.
def plain(name) {
    return name.toLowerCase().replaceAll('[-_]', '')
}

// Returns what a value should have been, or nothing where it is right. Numbers may come as text.
def wanted(value, schema) {
    def types = [schema.type].flatten()
    def text = value.toString()
    if (value == null || text == '') {
        return 'null' in types ? null : 'a value'
    }
    if ('integer' in types) {
        return text ==~ /-?\d+/ && text.toBigInteger() >= schema.minimum ? null : "a whole number from ${schema.minimum}"
    }
    if ('boolean' in types) {
        return text in ['true', 'false'] ? null : 'true or false'
    }
    if (schema['enum']) {
        return text in schema['enum'] ? null : "one of ${schema['enum'].findAll().join(', ')}"
    }
    if (schema.pattern) {
        return text =~ schema.pattern ? null : schema.errorMessage
    }
    // What an option without its value is.
    return value instanceof Boolean ? 'a value' : null
}

// Returns a line for everything that is wrong with the parameters. Unknown ones are wrong on the command line only:
// a site's configuration may have its own.
def faults(given, command) {
    def known = parameters()
    def values = [:] + given // asked for what it has not, params itself would warn
    def typed = (command =~ /--([^\s=.]+)/).collect { match -> plain(match[1]) }
    def unknown = values.keySet()
        .findAll { name -> !known.containsKey(name) && plain(name) in typed }
        .collect { name ->
            def near = known.keySet().find { other -> plain(other).startsWith(plain(name)) || plain(name).startsWith(plain(other)) }
            "--${name}: there is no such parameter${near ? "; --${near} was meant?" : ''}"
        }
    def missing = groups().collectMany { group -> group.required ?: [] }
        .findAll { name -> values[name] == null }
        .collect { name -> "--${name} is missing" }
    def wrong = known
        .findAll { name, schema -> !("--${name} is missing" in missing) && wanted(values[name], schema) }
        .collect { name, schema -> "--${name} ${values[name]}: ${wanted(values[name], schema)} was wanted" }
    def without = values.generate.toString() == 'true' && values.velocity.toString() == 'false'
        ? ['--generate true needs --velocity true: trajectories run along velocities'] : []
    def nowhere = values.start != null && !(values.generate.toString() == 'true' && values.label)
        ? ["--start ${values.start} needs --generate true and --label: it is a value of that column"] : []
    return unknown + missing + wrong + without + nowhere
}

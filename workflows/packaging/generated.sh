# Sourced by archive.sh and the bioconda recipe: the manual pages and completions of a stage, from the stage itself.

# generated STAGE MAN BASH ZSH FISH: writes them into these four folders.
generated() {
  local stage=$1 name command
  name=$(basename "$stage")
  "$stage" --generate man > "$2/$name.1"
  for command in $("$stage" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' | grep -vx help); do
    "$stage" "$command" --generate man > "$2/$name-$command.1"
  done
  "$stage" --generate bash > "$3/$name"
  "$stage" --generate zsh > "$4/_$name"
  "$stage" --generate fish > "$5/$name.fish"
}

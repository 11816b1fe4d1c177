# Sourced by tests and by who wants an engine without installing one: finds Nextflow and Snakemake, or puts them
# into the user's cache once. Sets NEXTFLOW, SNAKEMAKE and ENGINE_PYTHON (the Python beside snakemake).

cache=${XDG_CACHE_HOME:-$HOME/.cache}/mfdoom

# Sets SNAKEMAKE and ENGINE_PYTHON: Snakemake 9 on the PATH, else one from PyPI in a virtual environment.
find_snakemake() {
  local venv=$cache/snakemake found
  found=$(command -v snakemake || true)
  if [ -n "$found" ] && [ "$("$found" --version 2>/dev/null | cut -d. -f1)" -ge 9 ] 2>/dev/null; then
    SNAKEMAKE=$found
    ENGINE_PYTHON=$(dirname "$found")/python3
    [ -x "$ENGINE_PYTHON" ] || ENGINE_PYTHON=python3
    return
  fi
  if [ ! -x "$venv/bin/snakemake" ]; then
    echo "installing Snakemake 9 into $venv" >&2
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet 'snakemake>=9.20,<10' pygments; } >&2; then
      rm -rf "$venv"
      echo "missing: snakemake 9 (pip install 'snakemake>=9', or python3-venv for one in the cache)" >&2
      return 1
    fi
  fi
  SNAKEMAKE=$venv/bin/snakemake
  ENGINE_PYTHON=$venv/bin/python3
}

# Adds what Snakemake needs to submit to Slurm.
find_snakemake_slurm() {
  find_snakemake || return 1
  "$ENGINE_PYTHON" -c 'import snakemake_executor_plugin_slurm' 2>/dev/null && return
  echo "installing snakemake-executor-plugin-slurm" >&2
  "$ENGINE_PYTHON" -m pip install --quiet snakemake-executor-plugin-slurm >&2
}

# Sets NEXTFLOW: one on the PATH, else 25.04.4 from Maven Central, which takes Java 17 and Maven.
find_nextflow() {
  local home=$cache/nextflow-25.04.4
  NEXTFLOW=$(command -v nextflow || true)
  [ -z "$NEXTFLOW" ] || return 0
  NEXTFLOW=$home/nextflow
  if [ -d "$home/lib" ]; then
    write_launcher "$home" "$home"
    return
  fi
  local tool
  for tool in java mvn; do
    command -v "$tool" >/dev/null || {
      echo "missing: nextflow on the PATH, or $tool to fetch one (apt install default-jre-headless maven)" >&2
      return 1
    }
  done
  echo "fetching Nextflow 25.04.4 into $home" >&2
  rm -rf "$home.partial"
  mkdir -p "$home.partial"
  nextflow_pom > "$home.partial/pom.xml"
  (cd "$home.partial" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib) >&2 || return 1
  write_launcher "$home" "$home.partial"
  rm -rf "$home"
  mv "$home.partial" "$home"
}

# lib-trace is only for Seqera's Tower; nf-lang 25.04.4 was not published there.
nextflow_pom() {
  cat <<'T'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>mfdoom</groupId>
  <artifactId>nextflow</artifactId>
  <version>1</version>
  <dependencyManagement>
    <dependencies>
      <dependency><groupId>io.nextflow</groupId><artifactId>nf-lang</artifactId><version>25.04.0</version></dependency>
    </dependencies>
  </dependencyManagement>
  <dependencies>
    <dependency>
      <groupId>io.nextflow</groupId>
      <artifactId>nextflow</artifactId>
      <version>25.04.4</version>
      <exclusions>
        <exclusion><groupId>io.seqera</groupId><artifactId>lib-trace</artifactId></exclusion>
      </exclusions>
    </dependency>
  </dependencies>
</project>
T
}

# Written anew each time, as it may have changed; moved into place, as another run may be reading it.
write_launcher() { # write_launcher HOME FOLDER
  nextflow_launcher "$1" > "$2/nextflow.$$"
  chmod +x "$2/nextflow.$$"
  mv "$2/nextflow.$$" "$2/nextflow"
}

nextflow_launcher() { # nextflow_launcher FOLDER
  local package opens=
  for package in lang io nio net util util.concurrent.locks util.concurrent.atomic nio.file.spi util.regex; do
    opens="$opens --add-opens=java.base/java.$package=ALL-UNNAMED"
  done
  for package in sun.nio.ch sun.nio.fs sun.net.www.protocol.http sun.net.www.protocol.https \
    sun.net.www.protocol.ftp sun.net.www.protocol.file jdk.internal.misc jdk.internal.vm; do
    opens="$opens --add-opens=java.base/$package=ALL-UNNAMED"
  done
  cat <<T
#!/usr/bin/env bash
# Java 17 takes the encoding of files and of their names from the locale alone.
case \${LC_ALL:-\${LC_CTYPE:-\${LANG:-}}} in *[Uu][Tt][Ff]*) ;; *) export LC_ALL=C.UTF-8 ;; esac
export NXF_OFFLINE=\${NXF_OFFLINE:-true} NXF_SYNTAX_PARSER=\${NXF_SYNTAX_PARSER:-v2}
exec java$opens -Xmx512m -cp '$1/lib/*' nextflow.cli.Launcher "\$@"
T
}

#!/usr/bin/env bash
# Makes the sheet of three small simulated samples that the tests of the workflows and their profile test use, one
# of them expression-only.
#
#   workflows/test-sheet.sh FOLDER [CELLS] [GENES]      makes FOLDER/sheet.csv
set -euo pipefail
folder=${1:?a folder for the sheet and its files} cells=${2:-200} genes=${3:-120}
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=${CARGO_TARGET_DIR:-$root/target}/release:$PATH
mkdir -p "$folder/counts"
mfdoom-simulate -q --force -o "$folder/counts/adult.h5ad" --cells "$cells" --genes "$genes" --seed 1
mfdoom-simulate -q --force -o "$folder/counts/young.h5ad" --cells "$cells" --genes "$genes" --batches 2 --drop-modalities 0.5 --seed 2
# The expression-only batch names its cells as the other one does; here it is a sample of its own.
cat > "$folder/sheet.csv" <<T
sample,counts,dataset,modalities,donor
adult,counts/adult.h5ad,,,A 1
young,counts/young.h5ad,young mice,spliced=layers/spliced;unspliced=layers/unspliced,it's B
public,counts/young.expression.h5ad,public,,
T

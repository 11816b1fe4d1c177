//! Every name that AnnData files use, in one place.

/// Layers of spliced counts: scVelo, kallisto and STARsolo, exon and intron counters, loom.
pub const SPLICED_LAYERS: [&str; 4] = ["spliced", "mature", "exon", "Spliced"];
/// Layers of unspliced counts, in the same order.
pub const UNSPLICED_LAYERS: [&str; 4] = ["unspliced", "nascent", "intron", "Unspliced"];
/// Layers of counts that are neither.
pub const AMBIGUOUS_LAYERS: [&str; 2] = ["ambiguous", "Ambiguous"];
/// The layer that may hold the raw counts of a normalised `X`.
pub const COUNTS_LAYER: &str = "counts";

/// The main matrix.
pub const X: &str = "X";
/// The group of matrices shaped like `X`.
pub const LAYERS: &str = "layers";
/// The group of the modalities of a MuData file.
pub const MOD: &str = "mod";
/// Row of each cell of a MuData file in its modalities, from 1; 0 where it is not measured.
pub const OBSMAP: &str = "obsmap";
/// Attribute of `mod` with the order of the modalities.
pub const MOD_ORDER: &str = "mod-order";
/// Annotation of the cells.
pub const OBS: &str = "obs";
/// Annotation of the genes.
pub const VAR: &str = "var";
/// Matrices with one row per cell.
pub const OBSM: &str = "obsm";
/// Matrices with one row per gene.
pub const VARM: &str = "varm";
/// Matrices of cells by cells.
pub const OBSP: &str = "obsp";
/// Matrices of genes by genes.
pub const VARP: &str = "varp";
/// Everything else.
pub const UNS: &str = "uns";
/// The unfiltered matrix and its own `var`.
pub const RAW: &str = "raw";
/// `raw/X`.
pub const RAW_X: &str = "raw/X";
/// `raw/var`.
pub const RAW_VAR: &str = "raw/var";

/// The unfiltered matrix as anndata up to 0.6 named it.
pub const OLD_RAW_X: &str = "raw.X";
/// The genes of the unfiltered matrix as anndata up to 0.6 named them.
pub const OLD_RAW_VAR: &str = "raw.var";
/// What anndata up to 0.6 appended to a column's name for its categories in `uns`.
pub const OLD_CATEGORIES_SUFFIX: &str = "_categories";
/// The group that holds the categories of a frame of anndata 0.7.
pub const OLD_CATEGORIES: &str = "__categories";
/// The version of frames that keep their categories in [`OLD_CATEGORIES`].
pub const OLD_FRAME_VERSION: &str = "0.1.0";
/// Format of a sparse group up to anndata 0.6: `csr` or `csc`.
pub const OLD_SPARSE_FORMAT: &str = "h5sparse_format";
/// Shape of a sparse group up to anndata 0.6.
pub const OLD_SPARSE_SHAPE: &str = "h5sparse_shape";

/// Attribute that says how a group or dataset is to be read.
pub const ENCODING_TYPE: &str = "encoding-type";
/// Attribute with the version of that encoding.
pub const ENCODING_VERSION: &str = "encoding-version";
/// Attribute of what MFDOOM has written.
pub const MFDOOM: &str = "mfdoom";
/// Attribute with the shape of a sparse group.
pub const SHAPE: &str = "shape";
/// Attribute with the name of a frame's index.
pub const INDEX: &str = "_index";
/// Attribute with the order of a frame's columns.
pub const COLUMN_ORDER: &str = "column-order";
/// Whether categories have an order.
pub const ORDERED: &str = "ordered";

/// Values of a sparse group.
pub const DATA: &str = "data";
/// Column of each value of a CSR group, row of each value of a CSC group.
pub const INDICES: &str = "indices";
/// Where each row of a CSR group, or column of a CSC group, begins.
pub const INDPTR: &str = "indptr";

/// Number of each row's category; also the attribute that points to them in anndata 0.7 (`categories`).
pub const CODES: &str = "codes";
/// The categories of a column.
pub const CATEGORIES: &str = "categories";
/// Values of a column that may miss some.
pub const VALUES: &str = "values";
/// Which of them are missing.
pub const MASK: &str = "mask";

/// Encoding of a compressed sparse row matrix.
pub const CSR_MATRIX: &str = "csr_matrix";
/// Encoding of a compressed sparse column matrix.
pub const CSC_MATRIX: &str = "csc_matrix";
/// Encoding of a dense array.
pub const ARRAY: &str = "array";
/// Encoding of a frame.
pub const DATAFRAME: &str = "dataframe";
/// Encoding of a mapping.
pub const DICT: &str = "dict";
/// Encoding of integers that may be missing.
pub const NULLABLE_INTEGER: &str = "nullable-integer";
/// Encoding of booleans that may be missing.
pub const NULLABLE_BOOLEAN: &str = "nullable-boolean";

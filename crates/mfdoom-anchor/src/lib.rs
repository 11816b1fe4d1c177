//! The closed-form fusion model: factor analysis over modalities of which any may be missing.

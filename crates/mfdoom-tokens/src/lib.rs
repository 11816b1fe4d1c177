//! Vocabulary, filters, counts to tokens, and the token table.

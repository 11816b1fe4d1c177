//! Loader, sampler, trainer, metrics log and resume.

//! What every stage shares at the command line: arguments, configuration, progress, logs, exit codes.
